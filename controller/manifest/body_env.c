/* Env: the service's environment, and the sizes of runtimes' thread pools where it sets none. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

static int add_pair(struct strv *env, const char *name, const char *value, struct err *err) {
  CLEANUP_FREE char *pair = NULL;
  if (asprintf(&pair, "%s%s%s", name, value ? "=" : "", value ? value : "") < 0)
    return pair = NULL, err_no_memory(err);
  return strv_add(env, pair, err);
}

static int add_threads(struct body *b, const struct node *environment, struct strv *env, struct err *err) {
  static const char *const names[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                      "NUMEXPR_MAX_THREADS"};
  char count[24];
  snprintf(count, sizeof(count), "%lld", (long long)b->service->limits.max_threads);
  for (size_t i = 0; b->service->limits.max_threads > 0 && i < COUNT_OF(names); i++)
    if (!node_pair(environment, names[i]) && add_pair(env, names[i], count, err) < 0)
      return -1;
  return 0;
}

/* Whether people would not want this variable's value in a log. */
static bool is_secret(const char *name) {
  static const char *const words[] = {"PASSWORD", "PASSWD",     "SECRET",  "TOKEN",      "APIKEY",
                                      "API_KEY",  "CREDENTIAL", "PRIVATE", "ACCESS_KEY", "ACCESSKEY"};
  for (size_t i = 0; i < COUNT_OF(words); i++)
    if (strcasestr(name, words[i]))
      return true;
  return false;
}

int body_env(struct body *b, struct err *err) {
  const struct node *environment = node_get(b->from, "environment");
  CLEANUP_STRV struct strv env = STRV_INIT;
  for (size_t i = 0; environment && environment->kind == NODE_MAP && i < environment->count; i++) {
    const struct node_pair *pair = &environment->pairs[i];
    const char *value = pair->value->kind == NODE_NULL ? NULL : node_text(pair->value, "");
    if (add_pair(&env, pair->key, value, err) < 0 ||
        (is_secret(pair->key) && strv_add(&b->service->secret_env, pair->key, err) < 0))
      return -1;
  }
  if (add_threads(b, environment, &env, err) < 0)
    return -1;
  strv_sort(&env);
  strv_sort(&b->service->secret_env);
  if (!env.count)
    return 0;
  cJSON *list = cJSON_CreateStringArray((const char *const *)env.items, (int)env.count);
  return json_put(b->config, "Env", list) ? 0 : err_no_memory(err);
}

/* The conversions that need no file of their own. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"
#include "controller/manifest/units.h"

static int put(struct body *b, const struct body_field *f, cJSON *value, struct err *err) {
  return json_put(body_target(b, f), f->engine, value) ? 0 : err_no_memory(err);
}

int body_text(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  const char *text = node_text(value, "");
  return *text ? put(b, f, cJSON_CreateString(text), err) : 0;
}

int body_copy(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  return put(b, f, node_to_json(value), err);
}

int body_int(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  int64_t n;
  if (!fleet_int(value, &n))
    return node_error(err, value, "%s: expected a whole number, found \"%s\"", f->key, node_text(value, ""));
  return n == 0 ? 0 : put(b, f, cJSON_CreateNumber((double)n), err);
}

int body_flag(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  bool on = fleet_is_true(value);
  return on || strcmp(f->engine, "Init") == 0 ? put(b, f, cJSON_CreateBool(on), err) : 0;
}

int body_cpus(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  double cpus;
  if (!fleet_number(value, &cpus) || cpus < 0)
    return node_error(err, value, "%s: expected a number of CPUs, found \"%s\"", f->key, node_text(value, ""));
  return cpus == 0 ? 0 : put(b, f, cJSON_CreateNumber((double)llround(cpus * 1e9)), err);
}

static int duration(const struct node *n, const char *key, int64_t *ret_ns, struct err *err) {
  if (duration_parse(node_text(n, ""), ret_ns) == 0)
    return 0;
  return node_error(err, n, "%s: \"%s\" is no duration", key, node_text(n, ""));
}

int body_seconds(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  int64_t ns;
  if (duration(value, f->key, &ns, err) < 0)
    return -1;
  b->service->stop_grace_s = (int)(ns / 1000000000);
  return put(b, f, cJSON_CreateNumber((double)b->service->stop_grace_s), err);
}

int body_health(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  static const char *const times[][2] = {{"interval", "Interval"},
                                         {"timeout", "Timeout"},
                                         {"start_period", "StartPeriod"},
                                         {"start_interval", "StartInterval"}};
  cJSON *health = cJSON_CreateObject();
  if (put(b, f, health, err) < 0)
    return -1;
  const struct node *test = node_get(value, "test"), *retries = node_get(value, "retries");
  if (fleet_is_true(node_get(value, "disable"))) {
    const char *none[] = {"NONE"};
    return json_put(health, "Test", cJSON_CreateStringArray(none, 1)) ? 0 : err_no_memory(err);
  }
  b->service->has_healthcheck = test && test->count && strcmp(node_text(test->items[0], ""), "NONE") != 0;
  if (test && test->kind == NODE_LIST && !json_put(health, "Test", node_to_json(test)))
    return err_no_memory(err);
  for (size_t i = 0; i < COUNT_OF(times); i++) {
    const struct node *n = node_get(value, times[i][0]);
    int64_t ns;
    if (!n || n->kind == NODE_NULL)
      continue;
    if (duration(n, times[i][0], &ns, err) < 0)
      return -1;
    if (!json_put_int(health, times[i][1], ns))
      return err_no_memory(err);
  }
  int64_t count;
  return !fleet_int(retries, &count) || json_put_int(health, "Retries", count) ? 0 : err_no_memory(err);
}

static int put_restart(struct body *b, const struct body_field *f, const char *name, int64_t tries, struct err *err) {
  cJSON *policy = cJSON_CreateObject();
  if (put(b, f, policy, err) < 0)
    return -1;
  bool ok = json_put_str(policy, "Name", name) && (tries <= 0 || json_put_int(policy, "MaximumRetryCount", tries));
  return ok ? 0 : err_no_memory(err);
}

int body_restart(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  const char *text = node_text(value, "");
  char name[32];
  size_t len = strcspn(text, ":");
  if (!*text)
    return 0;
  snprintf(name, sizeof(name), "%.*s", (int)len, text);
  return put_restart(b, f, strcmp(name, "none") == 0 ? "no" : name, text[len] ? strtoll(text + len + 1, NULL, 10) : 0,
                     err);
}

int body_deploy_restart(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  const char *condition = node_text(node_get(value, "condition"), "");
  int64_t tries = 0;
  fleet_int(node_get(value, "max_attempts"), &tries);
  if (!*condition || strcmp(condition, "any") == 0)
    condition = *condition ? "always" : "";
  else if (strcmp(condition, "none") == 0)
    condition = "no";
  return put_restart(b, f, condition, tries, err);
}

int body_log(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  const struct node *driver = node_get(value, "driver"), *options = node_get(value, "options");
  cJSON *log = cJSON_CreateObject();
  if (put(b, f, log, err) < 0)
    return -1;
  bool ok = (!driver || json_put_str(log, "Type", node_text(driver, ""))) &&
            (!options || options->kind != NODE_MAP || json_put(log, "Config", node_to_json(options)));
  return ok ? 0 : err_no_memory(err);
}

int body_tmpfs(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  cJSON *map = cJSON_CreateObject();
  if (put(b, f, map, err) < 0)
    return -1;
  for (size_t i = 0; i < value->count; i++) {
    const char *text = node_text(value->items[i], "");
    size_t len = strcspn(text, ":");
    CLEANUP_FREE char *path = strndup(text, len);
    if (!path || !json_put_str(map, path, text[len] ? text + len + 1 : ""))
      return err_no_memory(err);
  }
  return 0;
}

/* "host=ip" becomes "host:ip"; sorted. */
int body_hosts(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  CLEANUP_STRV struct strv hosts = STRV_INIT;
  if (fleet_copy_list(&hosts, value, err) < 0)
    return -1;
  for (size_t i = 0; i < hosts.count; i++) {
    char *equals = strchr(hosts.items[i], '=');
    if (equals)
      *equals = ':';
  }
  strv_sort(&hosts);
  return put(b, f, cJSON_CreateStringArray((const char *const *)hosts.items, (int)hosts.count), err);
}

int body_ulimits(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  cJSON *list = cJSON_CreateArray();
  if (put(b, f, list, err) < 0)
    return -1;
  for (size_t i = 0; i < value->count; i++) {
    const struct node *n = value->pairs[i].value;
    int64_t soft = 0, hard = 0;
    if (fleet_int(n, &soft))
      hard = soft;
    else if (!fleet_int(node_get(n, "soft"), &soft) || !fleet_int(node_get(n, "hard"), &hard))
      return node_error(err, n, "ulimits.%s: expected a number or {soft, hard}", value->pairs[i].key);
    cJSON *item = cJSON_CreateObject();
    if (body_append(list, item, err) < 0)
      return -1;
    if (!json_put_str(item, "Name", value->pairs[i].key) || !json_put_int(item, "Soft", soft) ||
        !json_put_int(item, "Hard", hard))
      return err_no_memory(err);
  }
  return 0;
}

/* As the docker client writes them: upper case, with CAP_, but ALL. */
int body_caps(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  CLEANUP_STRV struct strv caps = STRV_INIT;
  for (size_t i = 0; i < value->count; i++) {
    char name[64];
    const char *text = node_text(value->items[i], "");
    bool bare = strcasecmp(text, "ALL") == 0 || strncasecmp(text, "CAP_", 4) == 0;
    snprintf(name, sizeof(name), "%s%s", bare ? "" : "CAP_", text);
    for (char *c = name; *c; c++)
      *c = (char)toupper((unsigned char)*c);
    if (strv_add_once(&caps, name, err) < 0)
      return -1;
  }
  strv_sort(&caps);
  return put(b, f, cJSON_CreateStringArray((const char *const *)caps.items, (int)caps.count), err);
}

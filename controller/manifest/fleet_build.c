/* Compose Build Specification: https://github.com/compose-spec/compose-spec/blob/main/build.md */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/fleet_private.h"

void build_free(struct build *b) {
  if (!b)
    return;
  free(b->context);
  free(b->dockerfile);
  free(b->dockerfile_inline);
  free(b->target);
  free(b->network);
  cJSON_Delete(b->args);
  cJSON_Delete(b->labels);
  cJSON_Delete(b->cache_from);
  cJSON_Delete(b->extra_hosts);
  strv_release(&b->tags);
  free(b);
}

static bool is_remote(const char *context) {
  return strstr(context, "://") || strncmp(context, "git@", 4) == 0;
}

static int read_context(const struct node *n, const char *base_dir, struct build *b, struct err *err) {
  const char *context = node_text(n->kind == NODE_MAP ? node_get(n, "context") : n, ".");
  b->context = is_remote(context) ? strdup(context) : fleet_path(base_dir, *context ? context : ".");
  return b->context ? 0 : err_no_memory(err);
}

/* One "K=V" or "K" of a list, or a pair of a map, into an object; without a value, the environment's, or nothing. */
static int put_pair(cJSON *to, const char *key, size_t key_len, const char *value, const struct strv *environment,
                    struct err *err) {
  CLEANUP_FREE char *name = strndup(key, key_len);
  if (!name)
    return err_no_memory(err);
  if (!value && environment)
    value = fleet_env(environment, name);
  return !value || json_put_str(to, name, value) ? 0 : err_no_memory(err);
}

static int read_pairs(const struct node *n, const struct strv *environment, cJSON **ret, struct err *err) {
  if (!n || n->kind == NODE_NULL)
    return 0;
  if (!(*ret = cJSON_CreateObject()))
    return err_no_memory(err);
  for (size_t i = 0; i < n->count; i++) {
    int rc;
    if (n->kind == NODE_MAP) {
      const struct node *v = n->pairs[i].value;
      const char *value = v->kind == NODE_NULL ? NULL : node_text(v, NULL);
      rc = put_pair(*ret, n->pairs[i].key, strlen(n->pairs[i].key), value, environment, err);
    } else {
      const char *text = node_text(n->items[i], ""), *equals = strchr(text, '=');
      rc = put_pair(*ret, text, strcspn(text, "="), equals ? equals + 1 : NULL, environment, err);
    }
    if (rc < 0)
      return -1;
  }
  return 0;
}

/* "host=ip" as the document has it, or a map, as "host:ip". */
static int read_hosts(const struct node *n, cJSON **ret, struct err *err) {
  if (!n || n->kind == NODE_NULL || n->count == 0)
    return 0;
  if (!(*ret = cJSON_CreateArray()))
    return err_no_memory(err);
  for (size_t i = 0; i < n->count; i++) {
    char *text = NULL, *equals;
    if (n->kind == NODE_LIST)
      text = strdup(node_text(n->items[i], ""));
    else if (asprintf(&text, "%s=%s", n->pairs[i].key, node_text(n->pairs[i].value, "")) < 0)
      text = NULL;
    if (text && (equals = strchr(text, '=')))
      *equals = ':';
    cJSON *item = text ? cJSON_CreateString(text) : NULL;
    free(text);
    if (!item || !cJSON_AddItemToArray(*ret, item))
      return err_no_memory(err);
  }
  return 0;
}

static int read_list(const struct node *n, cJSON **ret, struct err *err) {
  if (!n || n->kind != NODE_LIST || n->count == 0)
    return 0;
  *ret = node_to_json(n);
  return *ret ? 0 : err_no_memory(err);
}

static int64_t read_bytes(const struct node *n) {
  char *end;
  const char *text = node_text(n, "0");
  double value = strtod(text, &end);
  while (*end == ' ')
    end++;
  static const char units[] = "bkmgt";
  const char *unit = *end ? strchr(units, *end | 0x20) : units;
  for (; unit && unit > units; unit--)
    value *= 1024;
  return (int64_t)value;
}

static int fill(const struct node *n, const char *base_dir, const struct strv *environment, struct build *b,
                struct err *err) {
  b->pos = n->pos;
  if (read_context(n, base_dir, b, err) < 0)
    return -1;
  if (fleet_copy_text(&b->dockerfile, node_get(n, "dockerfile"), err) < 0 ||
      fleet_copy_text(&b->dockerfile_inline, node_get(n, "dockerfile_inline"), err) < 0 ||
      fleet_copy_text(&b->target, node_get(n, "target"), err) < 0 ||
      fleet_copy_text(&b->network, node_get(n, "network"), err) < 0 ||
      fleet_copy_list(&b->tags, node_get(n, "tags"), err) < 0 ||
      read_pairs(node_get(n, "args"), environment, &b->args, err) < 0 ||
      read_pairs(node_get(n, "labels"), NULL, &b->labels, err) < 0 ||
      read_list(node_get(n, "cache_from"), &b->cache_from, err) < 0 ||
      read_hosts(node_get(n, "extra_hosts"), &b->extra_hosts, err) < 0)
    return -1;
  if (!b->dockerfile && !(b->dockerfile = strdup("Dockerfile")))
    return err_no_memory(err);
  b->shm_size_bytes = read_bytes(node_get(n, "shm_size"));
  b->no_cache = fleet_is_true(node_get(n, "no_cache"));
  b->pull = fleet_is_true(node_get(n, "pull"));
  return 0;
}

int fleet_read_build(const struct node *n, const char *base_dir, const struct strv *environment,
                     struct build **ret_build, struct err *err) {
  if (n->kind == NODE_LIST)
    return node_error(err, n, "build: expected a folder or a map, found a list");
  struct build *b = calloc(1, sizeof(*b));
  if (!b)
    return err_no_memory(err);
  if (fill(n, base_dir, environment, b, err) < 0) {
    build_free(b);
    return -1;
  }
  *ret_build = b;
  return 0;
}

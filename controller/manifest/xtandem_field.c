#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/manifest/fleet_private.h"

static const struct xtandem_field limit_fields[] = {
    {"cpu_percent", XT_NUMBER, offsetof(struct limits, cpu_percent), 0, 0},
    {"memory_mb", XT_INT, offsetof(struct limits, memory_mb), 0, 0},
    {"max_threads", XT_INT, offsetof(struct limits, max_threads), 0, 0},
    {"pids", XT_INT, offsetof(struct limits, pids), offsetof(struct limits, pids_pos), 0},
};

static const struct xtandem_field update_fields[] = {
    {"order", XT_ORDER, offsetof(struct update_policy, order), 0, 0},
    {"monitor", XT_DURATION_MS, offsetof(struct update_policy, monitor_ms), 0, 0},
    {"parallelism", XT_SMALL, offsetof(struct update_policy, parallelism), 0, 1},
    {"retain", XT_SMALL, offsetof(struct update_policy, retain), 0, 0},
    {"reconnect", XT_DURATION_MS, offsetof(struct update_policy, reconnect_ms), 0, 0},
};
#define SERVICE_UPDATE_FIELDS 2 /* the first ones; the others are the whole fleet's */

static const struct xtandem_field tls_fields[] = {
    {"ca", XT_PATH, offsetof(struct machine, tls_ca), 0, 0},
    {"cert", XT_PATH, offsetof(struct machine, tls_cert), 0, 0},
    {"key", XT_PATH, offsetof(struct machine, tls_key), 0, 0},
};

static int unknown_key(const struct node_pair *pair, const char *what, const struct xtandem_field *fields, size_t count,
                       struct err *err) {
  const char *names[32];
  CLEANUP_BUF struct buf known = BUF_INIT(0);
  for (size_t i = 0; i < count && i < COUNT_OF(names); i++) {
    names[i] = fields[i].name;
    if (buf_printf(&known, err, "%s%s", i ? ", " : "", fields[i].name) < 0)
      return -1;
  }
  const char *near = fleet_nearest(pair->key, names, count);
  if (near)
    return position_error(err, &pair->key_pos, "%s has no key \"%s\": did you mean \"%s\"?", what, pair->key, near);
  return position_error(err, &pair->key_pos, "%s has no key \"%s\": known are %s", what, pair->key, buf_text(&known));
}

static int read_order(const struct node *n, const char *name, enum update_order *to, struct err *err) {
  static const char *const words[] = {
      [ORDER_AUTO] = "auto", [ORDER_START_FIRST] = "start-first", [ORDER_STOP_FIRST] = "stop-first"};
  for (size_t i = 0; i < COUNT_OF(words); i++) {
    if (strcmp(node_text(n, ""), words[i]) == 0) {
      *to = (enum update_order)i;
      return 0;
    }
  }
  return node_error(err, n, "%s: \"%s\" is none of auto, start-first, stop-first", name, node_text(n, ""));
}

static int read_count(const struct node *n, const struct xtandem_field *f, void *to, struct err *err) {
  int64_t value;
  int64_t most = f->type == XT_SMALL ? 100000 : (int64_t)1 << 40;
  if (!fleet_int(n, &value))
    return node_error(err, n, "%s: expected a whole number, found \"%s\"", f->name, node_text(n, "a map or list"));
  if (value < f->min || value > most)
    return node_error(err, n, "%s: %lld is out of range, expected %lld to %lld", f->name, (long long)value,
                      (long long)f->min, (long long)most);
  if (f->type == XT_SMALL)
    *(int *)to = (int)value;
  else
    *(int64_t *)to = value;
  return 0;
}

static int read_number(const struct node *n, const struct xtandem_field *f, double *to, struct err *err) {
  double value;
  if (!fleet_number(n, &value))
    return node_error(err, n, "%s: expected a number, found \"%s\"", f->name, node_text(n, "a map or list"));
  if (value < (double)f->min || value > 1e6)
    return node_error(err, n, "%s: %g is out of range, expected %lld to 1000000", f->name, value, (long long)f->min);
  *to = value;
  return 0;
}

static int read_duration(const struct node *n, const char *name, int64_t *to, struct err *err) {
  int64_t ns;
  if (!fleet_duration_ns(node_text(n, ""), &ns))
    return node_error(err, n, "%s: \"%s\" is no duration, expected one like 500ms, 10s or 1m30s", name,
                      node_text(n, "a map or list"));
  *to = ns / 1000000;
  return 0;
}

static int read_text(const struct node *n, const struct xtandem_field *f, const char *base_dir, char **to,
                     struct err *err) {
  const char *text = node_text(n, NULL);
  if (!text)
    return node_error(err, n, "%s: expected text, found a %s", f->name, n->kind == NODE_MAP ? "map" : "list");
  if (!*text)
    return node_error(err, n, "%s: is empty", f->name);
  char *copy = f->type == XT_PATH ? fleet_path(base_dir, text) : strdup(text);
  if (!copy)
    return err_no_memory(err);
  free(*to);
  *to = copy;
  return 0;
}

static int read_bool(const struct node *n, const char *name, bool *to, struct err *err) {
  const char *text = node_text(n, "");
  if (n->kind != NODE_BOOL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
    return node_error(err, n, "%s: expected true or false, found \"%s\"", name, node_text(n, "a map or list"));
  *to = fleet_is_true(n);
  return 0;
}

static int read_gates(const struct node *n, cJSON **to, struct err *err) {
  CLEANUP_JSON cJSON *json = node_to_json(n);
  if (!json)
    return err_no_memory(err);
  if (!cJSON_IsObject(json) || !cJSON_IsObject(*to)) {
    cJSON_Delete(*to);
    *to = STEAL(json);
    return 0;
  }
  while (json->child) {
    cJSON *item = cJSON_DetachItemViaPointer(json, json->child);
    CLEANUP_FREE char *name = strdup(item->string);
    if (!name)
      cJSON_Delete(item);
    if (!name || !json_put(*to, name, item))
      return err_no_memory(err);
  }
  return 0;
}

static int read_field(const struct node *n, const char *what, const struct xtandem_field *f, const char *base_dir,
                      void *to, struct err *err) {
  char name[256];
  snprintf(name, sizeof(name), "%s.%s", what, f->name);
  switch (f->type) {
  case XT_TEXT:
  case XT_PATH:
    return read_text(n, f, base_dir, to, err);
  case XT_BOOL:
    return read_bool(n, f->name, to, err);
  case XT_INT:
  case XT_SMALL:
    return read_count(n, f, to, err);
  case XT_NUMBER:
    return read_number(n, f, to, err);
  case XT_DURATION_MS:
    return read_duration(n, f->name, to, err);
  case XT_ORDER:
    return read_order(n, f->name, to, err);
  case XT_LIMITS:
    return xtandem_fields(n, name, limit_fields, COUNT_OF(limit_fields), base_dir, to, err);
  case XT_UPDATE:
    return xtandem_fields(n, name, update_fields, SERVICE_UPDATE_FIELDS, base_dir, to, err);
  case XT_UPDATE_ALL:
    return xtandem_fields(n, name, update_fields, COUNT_OF(update_fields), base_dir, to, err);
  case XT_TLS:
    return xtandem_fields(n, name, tls_fields, COUNT_OF(tls_fields), base_dir, to, err);
  case XT_GATES:
    return read_gates(n, to, err);
  case XT_NODE:
    *(const struct node **)to = n;
    return 0;
  }
  return 0;
}

int xtandem_fields(const struct node *map, const char *what, const struct xtandem_field *fields, size_t count,
                   const char *base_dir, void *to, struct err *err) {
  if (!map || map->kind == NODE_NULL)
    return 0;
  if (map->kind != NODE_MAP)
    return node_error(err, map, "%s: expected a map, found %s", what, map->kind == NODE_LIST ? "a list" : map->text);
  for (size_t i = 0; i < map->count; i++) {
    const struct node_pair *pair = &map->pairs[i];
    const struct xtandem_field *f = NULL;
    for (size_t k = 0; k < count && !f; k++)
      f = strcmp(fields[k].name, pair->key) == 0 ? &fields[k] : NULL;
    if (!f && strncmp(pair->key, "x-", 2) == 0)
      continue;
    if (!f)
      return unknown_key(pair, what, fields, count, err);
    if (pair->value->kind == NODE_NULL)
      continue;
    if (read_field(pair->value, what, f, base_dir, (char *)to + f->offset, err) < 0)
      return -1;
    if (f->pos_offset)
      *(struct position *)((char *)to + f->pos_offset) = pair->value->pos;
  }
  return 0;
}

#include "controller/manifest/expand.h"

#include <string.h>

#include "api/base/buf.h"
#include "controller/manifest/merge.h"
#include "controller/manifest/shorthand.h"
#include "controller/manifest/units.h"

static int put_text(struct node *map, const char *key, const char *text, struct err *err) {
  return node_put(map, key, map->pos, node_string(text, map->pos)) < 0 ? err_no_memory(err) : 0;
}

static int put_true(struct node *map, const char *key, struct err *err) {
  struct node *n = node_new(NODE_BOOL, map->pos);
  if (n)
    n->boolean = true;
  return node_put(map, key, map->pos, n) < 0 ? err_no_memory(err) : 0;
}

static int to_list(struct node **n, struct err *err) {
  if ((*n)->kind == NODE_LIST)
    return 0;
  struct node *list = node_new(NODE_LIST, (*n)->pos);
  if (!list)
    return err_no_memory(err);
  struct node *item = *n;
  *n = list;
  return node_append(list, item) < 0 ? err_no_memory(err) : 0;
}

static int expand_depends(struct node **n, struct err *err) {
  if (names_to_map(n, true, err) < 0)
    return -1;
  for (size_t i = 0; i < (*n)->count; i++) {
    struct node *d = (*n)->pairs[i].value;
    if (d->kind != NODE_MAP)
      return node_error(err, d, "a dependency is expected to be a map with a condition");
    if (!node_get(d, "condition") && put_text(d, "condition", "service_started", err) < 0)
      return -1;
    if (!node_get(d, "required") && put_true(d, "required", err) < 0)
      return -1;
  }
  return 0;
}

static int expand_env_file(struct node **n, struct err *err) {
  if (to_list(n, err) < 0)
    return -1;
  for (size_t i = 0; i < (*n)->count; i++) {
    if (text_to_member(&(*n)->items[i], "path", err) < 0)
      return -1;
    struct node *file = (*n)->items[i];
    if (file->kind == NODE_MAP && !node_get(file, "required") && put_true(file, "required", err) < 0)
      return -1;
  }
  return 0;
}

static int expand_gpus(struct node **n, struct err *err) {
  struct node *all = *n;
  if (all->kind != NODE_STRING)
    return 0;
  return text_to_member(n, "count", err) < 0 ? -1 : to_list(n, err);
}

/* "K=V" lines to a map; bare keys allowed when what is bare is fine. */
static int expand_pairs(struct node **n, const char *bare, struct err *err) {
  struct node *list = *n;
  if (list->kind != NODE_LIST)
    return 0;
  struct node *map = node_new(NODE_MAP, list->pos);
  if (!map)
    return err_no_memory(err);
  int failed = 0;
  for (size_t i = 0; i < list->count && !failed; i++) {
    const struct node *item = list->items[i];
    size_t len = strcspn(item->text ? item->text : "", "=");
    CLEANUP_FREE char *key = strndup(item->text ? item->text : "", len);
    bool found = item->text && item->text[len];
    struct node *value = found ? node_string(item->text + len + 1, item->pos) : node_new(NODE_NULL, item->pos);
    if (!found && (!bare || !key || strcmp(key, bare) != 0))
      failed = node_error(err, item, "\"%s\" has no value, expected KEY=VALUE", item->text ? item->text : "");
    if (failed)
      node_free(value);
    else if (!key || node_put(map, key, item->pos, value) < 0)
      failed = err_no_memory(err);
  }
  if (failed) {
    node_free(map);
    return -1;
  }
  node_free(list);
  *n = map;
  return 0;
}

static int expand_volume(struct node **n, struct err *err) {
  if ((*n)->kind != NODE_STRING)
    return 0;
  struct node *map = NULL;
  if (volume_expand((*n)->text, (*n)->pos, &map, err) < 0)
    return -1;
  node_free(*n);
  *n = map;
  return 0;
}

static int expand_device(struct node **n, struct err *err) {
  struct node *text = *n;
  if (text->kind != NODE_STRING)
    return 0;
  const char *parts[3] = {text->text, "", "rwm"};
  CLEANUP_FREE char *copy = strdup(text->text);
  if (!copy)
    return err_no_memory(err);
  size_t count = 0;
  for (char *rest = copy; rest; count++) {
    char *part = strsep(&rest, ":");
    if (count == 3)
      return node_error(err, text, "\"%s\" is no device, expected SOURCE[:TARGET[:PERMISSIONS]]", text->text);
    parts[count] = part;
  }
  struct node *map = node_new(NODE_MAP, text->pos);
  if (!map)
    return err_no_memory(err);
  if (put_text(map, "source", parts[0], err) < 0 || put_text(map, "target", *parts[1] ? parts[1] : parts[0], err) < 0 ||
      put_text(map, "permissions", parts[2], err) < 0) {
    node_free(map);
    return -1;
  }
  node_free(text);
  *n = map;
  return 0;
}

static int expand_ports(struct node **n, struct err *err) {
  struct node *list = *n;
  struct node *ports = node_new(NODE_LIST, list->pos);
  if (!ports)
    return err_no_memory(err);
  int failed = 0;
  for (size_t i = 0; i < list->count && !failed; i++) {
    struct node *item = list->items[i];
    if (item->kind == NODE_MAP) {
      list->items[i] = NULL;
      failed = node_append(ports, item) < 0 ? err_no_memory(err) : 0;
      continue;
    }
    CLEANUP_FREE char *text = scalar_text(item);
    failed = !text                      ? err_no_memory(err)
             : item->kind == NODE_FLOAT ? node_error(err, item, "%s is no port, expected a whole number", text)
                                        : port_expand(text, item->pos, ports, err);
  }
  if (failed) {
    node_free(ports);
    return -1;
  }
  node_free(list);
  *n = ports;
  return 0;
}

static int warn_external(const struct node *n, struct strv *warnings, struct err *err) {
  CLEANUP_ERR struct err line = ERR_INIT;
  node_error(&line, n, "external.name is deprecated, expected name and external: true");
  return strv_add_once(warnings, err_text(&line), err);
}

static int expand_external(struct node *n, struct strv *warnings, struct err *err) {
  struct node *external = node_get(n, "external");
  if (!external || external->kind != NODE_MAP)
    return 0;
  const struct node *name = node_get(n, "name");
  const struct node *old_name = node_get(external, "name");
  if (old_name && warn_external(external, warnings, err) < 0)
    return -1;
  if (name && old_name && strcmp(node_text(name, ""), node_text(old_name, "")) != 0)
    return node_error(err, old_name, "name and external.name differ, expected name only");
  if (!name && old_name && put_text(n, "name", node_text(old_name, ""), err) < 0)
    return -1;
  return put_true(n, "external", err);
}

static int expand_text(struct node *n, struct err *err) {
  char *text = scalar_text(n);
  if (!text)
    return err_no_memory(err);
  free(n->text);
  n->text = text;
  n->kind = NODE_STRING;
  return 0;
}

static int expand_node(struct node **n, enum expand how, struct strv *warnings, struct err *err) {
  switch (how) {
  case EXPAND_BUILD:
    return text_to_member(n, "context", err);
  case EXPAND_DEPENDS:
    return expand_depends(n, err);
  case EXPAND_ENV_FILE:
    return expand_env_file(n, err);
  case EXPAND_LIST:
    return (*n)->kind == NODE_STRING ? to_list(n, err) : 0;
  case EXPAND_GPUS:
    return expand_gpus(n, err);
  case EXPAND_NAMES:
    return names_to_map(n, false, err);
  case EXPAND_KEY_VALUE:
    return expand_pairs(n, NULL, err);
  case EXPAND_SSH:
    return expand_pairs(n, "default", err);
  case EXPAND_VOLUME:
    return expand_volume(n, err);
  case EXPAND_DEVICE:
    return expand_device(n, err);
  case EXPAND_FILE_MOUNT:
    return text_to_member(n, "source", err);
  case EXPAND_PORTS:
    return (*n)->kind == NODE_LIST ? expand_ports(n, err) : 0;
  case EXPAND_EXTERNAL:
    return expand_external(*n, warnings, err);
  case EXPAND_TEXT:
    return expand_text(*n, err);
  case EXPAND_ULIMIT:
    if ((*n)->kind == NODE_STRING)
      return node_error(err, *n, "\"%s\" is no limit, expected a whole number", (*n)->text);
    return 0;
  case EXPAND_NONE:
  case EXPAND_INCLUDE:
    break;
  }
  return 0;
}

int expand_tree(struct node **n, const struct rule *rule, struct strv *warnings, struct err *err) {
  if (rule->expand && expand_node(n, rule->expand, warnings, err) < 0)
    return -1;
  struct node *now = *n;
  for (size_t i = 0; now->kind == NODE_LIST && rule->item && i < now->count; i++)
    if (expand_tree(&now->items[i], rule->item, warnings, err) < 0)
      return -1;
  for (size_t i = 0; now->kind == NODE_MAP && i < now->count; i++) {
    const struct rule *m = rule_member(rule, now->pairs[i].key);
    if (m && expand_tree(&now->pairs[i].value, m, warnings, err) < 0)
      return -1;
  }
  return 0;
}

static int default_text(struct node *map, const char *key, const char *text, struct err *err) {
  return map->kind != NODE_MAP || node_get(map, key) ? 0 : put_text(map, key, text, err);
}

static int default_secret(struct node *secret, struct err *err) {
  CLEANUP_BUF struct buf target = BUF_INIT(0);
  if (buf_printf(&target, err, "/run/secrets/%s", node_text(node_get(secret, "source"), "")) < 0)
    return -1;
  return default_text(secret, "target", buf_text(&target), err);
}

static int default_port(struct node *port, struct err *err) {
  return default_text(port, "protocol", "tcp", err) < 0 ? -1 : default_text(port, "mode", "ingress", err);
}

static int default_device(struct node *device, struct err *err) {
  return node_get(device, "device_ids") ? 0 : default_text(device, "count", "all", err);
}

static int each(struct node *list, int (*fn)(struct node *, struct err *), struct err *err) {
  for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
    if (fn(list->items[i], err) < 0)
      return -1;
  return 0;
}

int expand_defaults(struct node *root, struct err *err) {
  const struct node *services = node_get(root, "services");
  for (size_t i = 0; services && services->kind == NODE_MAP && i < services->count; i++) {
    const struct node *s = services->pairs[i].value;
    struct node *build = node_get(s, "build");
    if ((build && default_text(build, "context", ".", err) < 0) ||
        each(node_get(s, "secrets"), default_secret, err) < 0 || each(node_get(s, "ports"), default_port, err) < 0 ||
        each(node_at(s, "deploy.resources.reservations.devices"), default_device, err) < 0 ||
        each(node_get(s, "gpus"), default_device, err) < 0)
      return -1;
  }
  return 0;
}

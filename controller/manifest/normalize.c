#include <stdio.h>
#include <string.h>

#include "controller/manifest/interpolate.h"
#include "controller/manifest/reader.h"
#include "controller/manifest/shorthand.h"

static int put_text(struct reading *r, struct node *map, const char *key, const char *text) {
  return node_put(map, key, map->pos, node_string(text, map->pos)) < 0 ? err_no_memory(r->err) : 0;
}

static struct node *bool_node(bool value, struct position pos) {
  struct node *n = node_new(NODE_BOOL, pos);
  if (n)
    n->boolean = value;
  return n;
}

/* networks: {default: null} for services that name none. */
static int join_default(struct reading *r, struct node *service, bool *used) {
  if (node_get(service, "provider") || node_get(service, "network_mode"))
    return 0;
  const struct node *networks = node_get(service, "networks");
  if (networks && networks->count > 0) {
    *used = *used || node_get(networks, "default");
    return 0;
  }
  struct node *map = node_new(NODE_MAP, service->pos);
  if (node_put(service, "networks", service->pos, map) < 0 ||
      node_put(map, "default", service->pos, node_new(NODE_NULL, service->pos)) < 0)
    return err_no_memory(r->err);
  *used = true;
  return 0;
}

static int normalize_networks(struct reading *r, struct node *model) {
  const struct node *services = node_get(model, "services");
  bool used = false;
  for (size_t i = 0; services && i < services->count; i++)
    if (join_default(r, services->pairs[i].value, &used) < 0)
      return -1;
  struct node *networks = node_get(model, "networks");
  if (!used || (networks && node_get(networks, "default")))
    return 0;
  if (!networks) {
    networks = node_new(NODE_MAP, model->pos);
    if (node_put(model, "networks", model->pos, networks) < 0)
      return err_no_memory(r->err);
  }
  return node_put(networks, "default", networks->pos, node_new(NODE_NULL, networks->pos)) < 0 ? err_no_memory(r->err)
                                                                                              : 0;
}

/* Names without a value take it from the project's variables; those without one there vanish unless kept. */
static int resolve_values(struct reading *r, struct node *n, bool keep) {
  const struct strv *env = &r->document->environment;
  for (size_t i = n && n->kind == NODE_MAP ? n->count : 0; i-- > 0;) {
    struct node_pair *pair = &n->pairs[i];
    if (pair->value->kind != NODE_NULL)
      continue;
    const char *value = env_get(env, pair->key);
    struct node *text = value ? node_string(value, pair->key_pos) : NULL;
    if (value && !text)
      return err_no_memory(r->err);
    if (text) {
      node_free(pair->value);
      pair->value = text;
    } else if (!keep) {
      node_drop(n, pair->key);
    }
  }
  size_t kept = 0;
  for (size_t i = 0; n && n->kind == NODE_LIST && i < n->count; i++) {
    struct node *item = n->items[i];
    bool bare = item->kind == NODE_STRING && !strchr(item->text, '=');
    const char *value = bare ? env_get(env, item->text) : NULL;
    char *line = NULL;
    if (value && asprintf(&line, "%s=%s", item->text, value) < 0)
      return err_no_memory(r->err);
    if (line) {
      free(item->text);
      item->text = line;
    }
    if (bare && !line && !keep)
      node_free(item);
    else
      n->items[kept++] = item;
  }
  if (n && n->kind == NODE_LIST)
    n->count = kept;
  return 0;
}

static int normalize_build(struct reading *r, struct node *build) {
  if (!build || build->kind != NODE_MAP)
    return 0;
  const struct node *context = node_get(build, "context");
  if ((!context || context->kind == NODE_NULL) && put_text(r, build, "context", ".") < 0)
    return -1;
  if (!node_get(build, "dockerfile") && !node_get(build, "dockerfile_inline") &&
      put_text(r, build, "dockerfile", "Dockerfile") < 0)
    return -1;
  return resolve_values(r, node_get(build, "args"), false);
}

/* A dependency that another key implies, unless one is written. */
static int depend(struct reading *r, struct node *service, const char *on, size_t len, bool restart,
                  const struct node *because) {
  struct node *map = node_get(service, "depends_on");
  CLEANUP_FREE char *name = strndup(on, len);
  if (!map) {
    map = node_new(NODE_MAP, because->pos);
    if (node_put(service, "depends_on", because->pos, map) < 0)
      return err_no_memory(r->err);
  }
  if (!name)
    return err_no_memory(r->err);
  if (node_get(map, name))
    return 0;
  struct node *d = node_new(NODE_MAP, because->pos);
  if (node_put(map, name, because->pos, d) < 0 || put_text(r, d, "condition", "service_started") < 0 ||
      node_put(d, "restart", d->pos, bool_node(restart, d->pos)) < 0 ||
      node_put(d, "required", d->pos, bool_node(true, d->pos)) < 0)
    return err_no_memory(r->err);
  return 0;
}

static int implied_dependencies(struct reading *r, struct node *s) {
  static const char *const spaces[] = {"network_mode", "ipc", "pid", "uts", "cgroup"};
  const struct node *links = node_get(s, "links");
  const struct node *from = node_get(s, "volumes_from");
  for (size_t i = 0; links && links->kind == NODE_LIST && i < links->count; i++) {
    const char *link = links->items[i]->text;
    const char *colon = strchr(link, ':');
    size_t len = colon && !strchr(colon + 1, ':') ? (size_t)(colon - link) : strlen(link);
    if (depend(r, s, link, len, true, links->items[i]) < 0)
      return -1;
  }
  for (size_t i = 0; i < COUNT_OF(spaces); i++) {
    const struct node *n = node_get(s, spaces[i]);
    const char *text = node_text(n, "");
    if (strncmp(text, "service:", 8) == 0 && depend(r, s, text + 8, strlen(text + 8), true, n) < 0)
      return -1;
  }
  for (size_t i = 0; from && from->kind == NODE_LIST && i < from->count; i++) {
    const char *text = from->items[i]->text;
    if (strncmp(text, "container:", 10) != 0 && depend(r, s, text, strcspn(text, ":"), false, from->items[i]) < 0)
      return -1;
  }
  return 0;
}

static int normalize_service(struct reading *r, struct node *s) {
  if (strcmp(node_text(node_get(s, "pull_policy"), ""), "if_not_present") == 0 &&
      put_text(r, s, "pull_policy", "missing") < 0)
    return -1;
  const struct node *mounts = node_get(s, "volumes");
  for (size_t i = 0; mounts && mounts->kind == NODE_LIST && i < mounts->count; i++) {
    struct node *target = node_get(mounts->items[i], "target");
    char *clean = target && target->text ? path_clean(target->text) : NULL;
    if (!clean)
      return target ? err_no_memory(r->err) : node_error(r->err, mounts->items[i], "a mount has no target");
    free(target->text);
    target->text = clean;
  }
  if (normalize_build(r, node_get(s, "build")) < 0 || resolve_values(r, node_get(s, "environment"), true) < 0)
    return -1;
  return implied_dependencies(r, s);
}

static int name_resource(struct reading *r, struct node_pair *pair) {
  if (pair->value->kind == NODE_NULL) {
    struct node *map = node_new(NODE_MAP, pair->value->pos);
    if (!map)
      return err_no_memory(r->err);
    node_free(pair->value);
    pair->value = map;
  }
  struct node *resource = pair->value;
  if (resource->kind != NODE_MAP || node_get(resource, "name"))
    return 0;
  const struct node *external = node_get(resource, "external");
  bool own = external && external->kind == NODE_BOOL && external->boolean;
  char *name = NULL;
  if (asprintf(&name, "%s%s%s", own ? "" : r->document->name, own ? "" : "_", pair->key) < 0)
    return err_no_memory(r->err);
  int failed = put_text(r, resource, "name", name);
  free(name);
  return failed;
}

int normalize_model(struct reading *r, struct node *model) {
  static const char *const sections[] = {"networks", "volumes", "configs", "secrets"};
  if (normalize_networks(r, model) < 0)
    return -1;
  const struct node *services = node_get(model, "services");
  for (size_t i = 0; services && i < services->count; i++)
    if (normalize_service(r, services->pairs[i].value) < 0)
      return -1;
  for (size_t s = 0; s < COUNT_OF(sections); s++) {
    const struct node *map = node_get(model, sections[s]);
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
      if (name_resource(r, &map->pairs[i]) < 0)
        return -1;
  }
  return put_text(r, model, "name", r->document->name);
}

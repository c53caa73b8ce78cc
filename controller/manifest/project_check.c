#include <string.h>

#include "controller/manifest/reader.h"

struct check {
  const struct node *root;
  const struct node *services;
  const struct node *disabled;
  const char *name;
  const struct node *service;
  struct err *err;
};

static const char *text_at(const struct check *c, const char *path) {
  return node_text(node_at(c->service, path), "");
}

static int check_build(const struct check *c) {
  const struct node *build = node_get(c->service, "build");
  if (!build && !*text_at(c, "image") && !node_get(c->service, "provider"))
    return node_error(c->err, c->service, "service \"%s\" has neither an image nor a build, expected one of them",
                      c->name);
  if (*text_at(c, "build.dockerfile_inline") && *text_at(c, "build.dockerfile"))
    return node_error(c->err, node_get(build, "dockerfile"), "dockerfile and dockerfile_inline cannot stand together");
  const struct node *more = node_get(build, "additional_contexts");
  for (size_t i = 0; more && i < more->count; i++) {
    const struct node *value = more->pairs[i].value;
    if (strncmp(value->text, "service:", 8) != 0)
      continue;
    const struct node *other = node_get(c->services, value->text + 8);
    if (!other || !node_get(other, "build"))
      return node_error(c->err, value, "\"%s\" is no service that is built", value->text + 8);
  }
  const struct node *platforms = node_get(build, "platforms");
  bool found = !platforms || !*text_at(c, "platform");
  for (size_t i = 0; !found && i < platforms->count; i++)
    found = strcmp(platforms->items[i]->text, text_at(c, "platform")) == 0;
  return found ? 0
               : node_error(c->err, platforms, "build.platforms does not have \"%s\", the service's platform",
                            text_at(c, "platform"));
}

static int check_networks(const struct check *c) {
  const struct node *networks = node_get(c->service, "networks");
  const struct node *mode = node_get(c->service, "network_mode");
  if (mode && networks && networks->count > 0)
    return node_error(c->err, mode, "network_mode and networks cannot stand together, expected one of them");
  for (size_t i = 0; networks && i < networks->count; i++)
    if (!node_get(node_get(c->root, "networks"), networks->pairs[i].key))
      return position_error(c->err, &networks->pairs[i].key_pos,
                            "service \"%s\" joins the network \"%s\", which is "
                            "not defined, expected a key of networks",
                            c->name, networks->pairs[i].key);
  const char *text = node_text(mode, "");
  if (strncmp(text, "service:", 8) == 0 && !node_get(c->services, text + 8))
    return node_error(c->err, mode, "there is no service \"%s\"", text + 8);
  return 0;
}

static int check_dependencies(const struct check *c) {
  const struct node *map = node_get(c->service, "depends_on");
  for (size_t i = 0; map && i < map->count; i++) {
    const struct node_pair *pair = &map->pairs[i];
    const struct node *required = node_get(pair->value, "required");
    bool off = node_get(c->disabled, pair->key) != NULL;
    if (node_get(c->services, pair->key) || (off && required && !required->boolean))
      continue;
    return position_error(c->err, &pair->key_pos, "service \"%s\" depends on \"%s\", which is %s", c->name, pair->key,
                          off ? "off: none of its profiles is chosen" : "not defined");
  }
  return 0;
}

static int check_sources(const struct check *c, const struct node *list, const char *section, bool volumes) {
  for (size_t i = 0; list && i < list->count; i++) {
    const struct node *item = list->items[i];
    const struct node *source = node_get(item, "source");
    if (volumes && (strcmp(node_text(node_get(item, "type"), ""), "volume") != 0 || !source))
      continue;
    if (!node_get(node_get(c->root, section), node_text(source, "")))
      return node_error(c->err, source ? source : item, "\"%s\" is not defined, expected a key of %s",
                        node_text(source, ""), section);
  }
  return 0;
}

static int check_references(const struct check *c) {
  const struct node *models = node_get(c->service, "models");
  if (check_sources(c, node_get(c->service, "volumes"), "volumes", true) < 0 ||
      check_sources(c, node_at(c->service, "build.secrets"), "secrets", false) < 0 ||
      check_sources(c, node_get(c->service, "configs"), "configs", false) < 0 ||
      check_sources(c, node_get(c->service, "secrets"), "secrets", false) < 0)
    return -1;
  for (size_t i = 0; models && i < models->count; i++)
    if (!node_get(node_get(c->root, "models"), models->pairs[i].key))
      return position_error(c->err, &models->pairs[i].key_pos, "\"%s\" is not defined, expected a key of models",
                            models->pairs[i].key);
  return 0;
}

static int check_health(const struct check *c) {
  const struct node *test = node_at(c->service, "healthcheck.test");
  const char *first = test && test->count > 0 ? test->items[0]->text : "NONE";
  if (strcmp(first, "CMD") == 0 || strcmp(first, "CMD-SHELL") == 0 || strcmp(first, "NONE") == 0)
    return 0;
  return node_error(c->err, test, "healthcheck.test starts with \"%s\", expected CMD, CMD-SHELL or NONE", first);
}

/* Both given and not equal is an error, but only when deploy has limits at all. */
static int check_twice(const struct check *c, const char *key, const char *section, const char *member) {
  const struct node *a = node_get(c->service, key);
  const struct node *limits = node_at(c->service, section);
  if (!a || !limits || strcmp(node_text(a, ""), node_text(node_get(limits, member), "0")) == 0)
    return 0;
  return node_error(c->err, a, "%s and %s.%s say different things, expected one of them", key, section, member);
}

static int check_limits(const struct check *c) {
  if (check_twice(c, "cpus", "deploy.resources.limits", "cpus") < 0 ||
      check_twice(c, "mem_limit", "deploy.resources.limits", "memory") < 0 ||
      check_twice(c, "mem_reservation", "deploy.resources.reservations", "memory") < 0)
    return -1;
  return check_twice(c, "pids_limit", "deploy.resources.limits", "pids");
}

static int check_scale(const struct check *c) {
  const struct node *scale = node_get(c->service, "scale");
  const struct node *replicas = node_at(c->service, "deploy.replicas");
  const struct node *count = scale ? scale : replicas;
  if (scale && replicas && scale->integer != replicas->integer)
    return node_error(c->err, scale, "scale and deploy.replicas say different things, expected one of them");
  if (count && count->integer < 0)
    return node_error(c->err, count, "a number of containers is expected to be 0 or more");
  if (count && count->integer > 1 && *text_at(c, "container_name"))
    return node_error(c->err, count, "more than one container cannot have one container_name");
  return 0;
}

static int check_watch(const struct check *c) {
  const struct node *watch = node_at(c->service, "develop.watch");
  for (size_t i = 0; watch && i < watch->count; i++) {
    const char *action = node_text(node_get(watch->items[i], "action"), "");
    if (!node_get(watch->items[i], "target") && strcmp(action, "rebuild") != 0 && strcmp(action, "restart") != 0)
      return node_error(c->err, watch->items[i], "a watch with the action %s has no target, which it needs", action);
  }
  return 0;
}

static int taken(const struct check *c, struct strv *targets, const char *target, size_t len, const struct node *at) {
  CLEANUP_FREE char *copy = strndup(target, len);
  if (!copy)
    return err_no_memory(c->err);
  if (strv_has(targets, copy))
    return node_error(c->err, at, "the target %s is mounted twice in service \"%s\"", copy, c->name);
  return strv_add(targets, copy, c->err);
}

static int check_mounts(const struct check *c) {
  CLEANUP_STRV struct strv targets = STRV_INIT;
  const struct node *tmpfs = node_get(c->service, "tmpfs");
  const struct node *volumes = node_get(c->service, "volumes");
  for (size_t i = 0; tmpfs && i < tmpfs->count; i++) {
    const char *text = tmpfs->items[i]->text;
    if (taken(c, &targets, text, strcspn(text, ":"), tmpfs->items[i]) < 0)
      return -1;
  }
  for (size_t i = 0; volumes && i < volumes->count; i++) {
    const char *target = node_text(node_get(volumes->items[i], "target"), "");
    if (taken(c, &targets, target, strlen(target), volumes->items[i]) < 0)
      return -1;
  }
  return 0;
}

/* state: 0 not seen, 1 on the way to here, 2 done. */
static int walk_dependencies(const struct node *services, size_t at, uint8_t *state, struct err *err) {
  const struct node *map = node_get(services->pairs[at].value, "depends_on");
  state[at] = 1;
  for (size_t i = 0; map && i < map->count; i++) {
    const struct node_pair *on = node_pair(services, map->pairs[i].key);
    size_t next = on ? (size_t)(on - services->pairs) : at;
    if (!on || state[next] == 2)
      continue;
    if (state[next] == 1)
      return position_error(err, &map->pairs[i].key_pos,
                            "service \"%s\" depends on \"%s\", which depends on it: a cycle", services->pairs[at].key,
                            map->pairs[i].key);
    if (walk_dependencies(services, next, state, err) < 0)
      return -1;
  }
  state[at] = 2;
  return 0;
}

static int check_cycles(const struct node *services, struct err *err) {
  uint8_t *state = calloc(services->count + 1, 1);
  int failed = state ? 0 : err_no_memory(err);
  for (size_t i = 0; i < services->count && !failed; i++)
    if (state[i] == 0)
      failed = walk_dependencies(services, i, state, err);
  free(state);
  return failed;
}

static int check_secrets(const struct node *root, struct err *err) {
  const struct node *secrets = node_get(root, "secrets");
  for (size_t i = 0; secrets && i < secrets->count; i++) {
    const struct node *s = secrets->pairs[i].value;
    if (!node_get(s, "external") && !node_get(s, "file") && !node_get(s, "environment"))
      return position_error(err, &secrets->pairs[i].key_pos, "secret \"%s\" is expected to have a file or environment",
                            secrets->pairs[i].key);
  }
  return 0;
}

static int check_names(const struct node *services, struct err *err) {
  CLEANUP_STRV struct strv names = STRV_INIT;
  for (size_t i = 0; i < services->count; i++) {
    const struct node *name = node_get(services->pairs[i].value, "container_name");
    if (!name)
      continue;
    if (strv_has(&names, name->text))
      return node_error(err, name, "the container name \"%s\" is taken by another service", name->text);
    if (strv_add(&names, name->text, err) < 0)
      return -1;
  }
  return 0;
}

int project_check(const struct node *root, const struct node *disabled, struct err *err) {
  static int (*const checks[])(const struct check *) = {check_build,        check_networks,   check_health,
                                                        check_dependencies, check_references, check_scale,
                                                        check_limits,       check_watch,      check_mounts};
  const struct node *services = node_get(root, "services");
  struct check c = {.root = root, .services = services, .disabled = disabled, .err = err};
  for (size_t i = 0; services && i < services->count; i++) {
    c.name = services->pairs[i].key;
    c.service = services->pairs[i].value;
    for (size_t k = 0; k < COUNT_OF(checks); k++)
      if (checks[k](&c) < 0)
        return -1;
  }
  if (check_secrets(root, err) < 0 || (services && check_names(services, err) < 0))
    return -1;
  return services ? check_cycles(services, err) : 0;
}

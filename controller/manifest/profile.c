#include <string.h>

#include "controller/manifest/reader.h"

static bool is_on(const struct node *service, const struct strv *profiles) {
  const struct node *own = node_get(service, "profiles");
  if (!own || own->count == 0 || strv_has(profiles, "*"))
    return true;
  for (size_t i = 0; i < own->count; i++)
    if (strv_has(profiles, own->items[i]->text))
      return true;
  return false;
}

int profile_apply(struct node *root, const struct strv *profiles, struct node **ret_disabled, struct err *err) {
  struct node *services = node_get(root, "services");
  struct node *disabled = node_new(NODE_MAP, root->pos);
  if (!disabled)
    return err_no_memory(err);
  for (size_t i = services ? services->count : 0; i-- > 0;) {
    const struct node_pair *pair = &services->pairs[i];
    if (is_on(pair->value, profiles))
      continue;
    if (node_put(disabled, pair->key, pair->key_pos, node_copy(pair->value)) < 0) {
      node_free(disabled);
      return err_no_memory(err);
    }
    node_drop(services, pair->key);
  }
  *ret_disabled = disabled;
  return 0;
}

static bool lists_source(const struct node *list, const char *name, bool volumes_only) {
  for (size_t i = 0; list && i < list->count; i++) {
    const struct node *item = list->items[i];
    if (volumes_only && strcmp(node_text(node_get(item, "type"), ""), "volume") != 0)
      continue;
    if (strcmp(node_text(node_get(item, "source"), ""), name) == 0)
      return true;
  }
  return false;
}

static bool uses(const struct node *s, const char *section, const char *name) {
  if (strcmp(section, "networks") == 0)
    return node_get(node_get(s, "networks"), name) != NULL;
  if (strcmp(section, "volumes") == 0)
    return lists_source(node_get(s, "volumes"), name, true);
  if (strcmp(section, "secrets") == 0 && lists_source(node_at(s, "build.secrets"), name, false))
    return true;
  return lists_source(node_get(s, section), name, false);
}

static bool is_used(const struct node *services, const char *section, const char *name) {
  for (size_t i = 0; services && i < services->count; i++)
    if (uses(services->pairs[i].value, section, name))
      return true;
  return false;
}

int profile_drop_unused(struct node *root) {
  static const char *const sections[] = {"networks", "volumes", "secrets", "configs"};
  const struct node *services = node_get(root, "services");
  for (size_t s = 0; s < COUNT_OF(sections); s++) {
    struct node *map = node_get(root, sections[s]);
    for (size_t i = map ? map->count : 0; i-- > 0;)
      if (!is_used(services, sections[s], map->pairs[i].key))
        node_drop(map, map->pairs[i].key);
    if (map && map->count == 0)
      node_drop(root, sections[s]);
  }
  node_drop(root, "models"); /* compose does not print them */
  return 0;
}

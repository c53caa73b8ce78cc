#include "controller/manifest/merge.h"

#include <stdio.h>
#include <string.h>

#include "controller/manifest/units.h"

static int merge_maps(struct node *base, struct node *over, const struct rule *rule, struct err *err) {
  for (size_t i = 0; i < over->count; i++) {
    struct node_pair *pair = &over->pairs[i];
    struct node *value = pair->value;
    pair->value = NULL;
    struct node_pair *old = (struct node_pair *)node_pair(base, pair->key);
    if (!old) {
      if (node_put(base, pair->key, pair->key_pos, value) < 0)
        return err_no_memory(err);
      continue;
    }
    struct node *merged = old->value;
    old->value = NULL;
    int failed = merge_nodes(&merged, value, rule_member(rule, pair->key), err);
    old->value = merged;
    if (failed)
      return -1;
  }
  return 0;
}

static int append_all(struct node *list, struct node *from, struct err *err) {
  for (size_t i = 0; from && i < from->count; i++) {
    struct node *item = from->items[i];
    from->items[i] = NULL;
    if (node_append(list, item) < 0)
      return err_no_memory(err);
  }
  return 0;
}

static int append_text(struct node *list, const char *key, const struct node *value, const struct position *pos,
                       struct err *err) {
  CLEANUP_FREE char *text = value ? scalar_text(value) : strdup("");
  char *line = NULL;
  if (!text || asprintf(&line, "%s%s%s", key, value ? "=" : "", text) < 0)
    return err_no_memory(err);
  struct node *item = node_string(line, *pos);
  free(line);
  return node_append(list, item) < 0 ? err_no_memory(err) : 0;
}

static int by_text(const void *a, const void *b) {
  const struct node *const *x = a;
  const struct node *const *y = b;
  return strcmp((*x)->text, (*y)->text);
}

static int append_entries(struct node *list, const struct node *map, struct err *err) {
  for (size_t i = 0; i < map->count; i++) {
    const struct node_pair *pair = &map->pairs[i];
    const struct node *v = pair->value;
    int failed = 0;
    for (size_t j = 0; v->kind == NODE_LIST && j < v->count && !failed; j++)
      failed = append_text(list, pair->key, v->items[j], &pair->key_pos, err);
    if (v->kind != NODE_LIST)
      failed = append_text(list, pair->key, v->kind == NODE_NULL ? NULL : v, &pair->key_pos, err);
    if (failed)
      return -1;
  }
  if (list->count > 0)
    qsort(list->items, list->count, sizeof(struct node *), by_text);
  return 0;
}

/* Replaces *n by its entries as a list of "K=V"; null and numbers become an empty list. */
static int to_sequence(struct node **n, struct err *err) {
  struct node *old = *n;
  if (old->kind == NODE_LIST)
    return 0;
  struct node *list = node_new(NODE_LIST, old->pos);
  if (!list)
    return err_no_memory(err);
  int failed = 0;
  if (old->kind == NODE_MAP)
    failed = append_entries(list, old, err);
  else if (old->kind == NODE_STRING)
    failed = node_append(list, node_string(old->text, old->pos)) < 0 ? err_no_memory(err) : 0;
  node_free(old);
  *n = list;
  return failed;
}

static bool has_text(const struct node *list, size_t count, const char *text) {
  for (size_t i = 0; i < count; i++)
    if (list->items[i]->text && strcmp(list->items[i]->text, text) == 0)
      return true;
  return false;
}

static int merge_sequences(struct node **base, struct node **over, bool once, struct err *err) {
  if (to_sequence(base, err) < 0 || to_sequence(over, err) < 0)
    return -1;
  size_t before = (*base)->count;
  for (size_t i = 0; i < (*over)->count; i++) {
    struct node *item = (*over)->items[i];
    if (once && item->text && has_text(*base, before, item->text))
      continue;
    (*over)->items[i] = NULL;
    if (node_append(*base, item) < 0)
      return err_no_memory(err);
  }
  return 0;
}

static struct node *default_dependency(struct position pos) {
  struct node *map = node_new(NODE_MAP, pos);
  struct node *required = node_new(NODE_BOOL, pos);
  if (required)
    required->boolean = true;
  if (!map || node_put(map, "condition", pos, node_string("service_started", pos)) < 0 ||
      node_put(map, "required", pos, STEAL(required)) < 0) {
    node_free(required);
    node_free(map);
    return NULL;
  }
  return map;
}

int names_to_map(struct node **n, bool dependencies, struct err *err) {
  struct node *list = *n;
  if (list->kind != NODE_LIST)
    return 0;
  struct node *map = node_new(NODE_MAP, list->pos);
  if (!map)
    return err_no_memory(err);
  for (size_t i = 0; i < list->count; i++) {
    const struct node *item = list->items[i];
    struct node *value = dependencies ? default_dependency(item->pos) : node_new(NODE_NULL, item->pos);
    int failed = item->text ? 0 : node_error(err, item, "a name is expected here");
    if (!failed && node_put(map, item->text, item->pos, STEAL(value)) < 0)
      failed = err_no_memory(err);
    if (failed) {
      node_free(value);
      node_free(map);
      return -1;
    }
  }
  node_free(list);
  *n = map;
  return 0;
}

int text_to_member(struct node **n, const char *key, struct err *err) {
  struct node *text = *n;
  if (text->kind != NODE_STRING)
    return 0;
  struct node *map = node_new(NODE_MAP, text->pos);
  if (!map)
    return err_no_memory(err);
  *n = map;
  return node_put(map, key, text->pos, text) < 0 ? err_no_memory(err) : 0;
}

static int merge_as_maps(struct node **base, struct node **over, const struct rule *rule, struct err *err) {
  struct node **both[] = {base, over};
  for (size_t i = 0; i < 2; i++) {
    int failed = rule->merge == MERGE_BUILD ? text_to_member(both[i], "context", err)
                                            : names_to_map(both[i], rule->merge == MERGE_DEPENDS, err);
    if (failed)
      return -1;
  }
  if ((*over)->kind != NODE_MAP)
    return 0;
  if ((*base)->kind == NODE_MAP)
    return merge_maps(*base, *over, rule, err);
  node_free(*base);
  *base = STEAL(*over);
  return 0;
}

static bool same_member(const struct node *a, const struct node *b, const char *key) {
  const char *x = node_text(node_get(a, key), NULL);
  const char *y = node_text(node_get(b, key), NULL);
  return x && y ? strcmp(x, y) == 0 : !x && !y;
}

static size_t find_pool(const struct node *pools, const struct node *like) {
  size_t i = 0;
  while (i < pools->count && !same_member(pools->items[i], like, "subnet"))
    i++;
  return i;
}

static int merge_pool(struct node *pools, struct node *pool, const struct node *over, const struct rule *rule,
                      struct err *err) {
  if (!same_member(pool, over, "subnet") && find_pool(pools, over) == pools->count)
    return node_append(pools, node_copy(over)) < 0 ? err_no_memory(err) : 0;
  struct node *copy = node_copy(over);
  if (!copy || merge_maps(pool, copy, rule, err) < 0) {
    node_free(copy);
    return copy ? -1 : err_no_memory(err);
  }
  node_free(copy);
  size_t at = find_pool(pools, pool);
  struct node *merged = node_copy(pool);
  if (merged && at < pools->count) {
    node_free(pools->items[at]);
    pools->items[at] = merged;
    return 0;
  }
  return node_append(pools, merged) < 0 ? err_no_memory(err) : 0;
}

static int merge_ipam(struct node **base, struct node *over, const struct rule *rule, struct err *err) {
  if ((*base)->kind != NODE_LIST || over->kind != NODE_LIST)
    return node_error(err, over, "an address pool is expected to be a list");
  struct node *pools = node_new(NODE_LIST, over->pos);
  if (!pools)
    return err_no_memory(err);
  for (size_t i = 0; i < (*base)->count; i++)
    for (size_t j = 0; j < over->count; j++)
      if (merge_pool(pools, (*base)->items[i], over->items[j], rule_item(rule), err) < 0) {
        node_free(pools);
        return -1;
      }
  node_free(*base);
  *base = pools;
  return 0;
}

static int replace(struct node **base, struct node **over) {
  node_free(*base);
  *base = STEAL(*over);
  return 0;
}

static int merge_default(struct node **base, struct node **over, const struct rule *rule, struct err *err) {
  if ((*over)->kind == NODE_NULL)
    return 0;
  if ((*base)->kind != NODE_MAP && (*base)->kind != NODE_LIST)
    return replace(base, over);
  if ((*base)->kind != (*over)->kind)
    return node_error(err, *over, "this cannot be merged with %s at %s:%d, expected the same",
                      (*base)->kind == NODE_MAP ? "the map" : "the list", (*base)->pos.file, (*base)->pos.line);
  if ((*base)->kind == NODE_MAP)
    return merge_maps(*base, *over, rule, err);
  return append_all(*base, *over, err);
}

static int merge_logging(struct node **base, struct node **over, const struct rule *rule, struct err *err) {
  bool both = node_get(*base, "driver") && node_get(*over, "driver");
  return both && !same_member(*base, *over, "driver") ? replace(base, over) : merge_default(base, over, rule, err);
}

int merge_nodes(struct node **base, struct node *over, const struct rule *rule, struct err *err) {
  int failed = 0;
  switch (rule ? (enum merge)rule->merge : MERGE_DEFAULT) {
  case MERGE_REPLACE:
    failed = replace(base, &over);
    break;
  case MERGE_SEQUENCE:
    failed = merge_sequences(base, &over, false, err);
    break;
  case MERGE_HOSTS:
    failed = merge_sequences(base, &over, true, err);
    break;
  case MERGE_NAMES:
  case MERGE_DEPENDS:
  case MERGE_BUILD:
    failed = merge_as_maps(base, &over, rule, err);
    break;
  case MERGE_LOGGING:
    failed = merge_logging(base, &over, rule, err);
    break;
  case MERGE_IPAM:
    failed = merge_ipam(base, over, rule, err);
    break;
  case MERGE_DEFAULT:
    failed = merge_default(base, &over, rule, err);
    break;
  }
  node_free(over);
  return failed;
}

#include "controller/manifest/form.h"

#include <ctype.h>
#include <string.h>

static int by_key(const void *a, const void *b) {
  const struct node_pair *x = a;
  const struct node_pair *y = b;
  return strcmp(x->key, y->key);
}

void form_sort(struct node *map) {
  if (map->count > 1)
    qsort(map->pairs, map->count, sizeof(*map->pairs), by_key);
}

static int put_member(struct node *map, const struct rule *rule, const struct rule *m, const struct node *in,
                      struct err *err) {
  const struct node_pair *pair = node_pair(in, m->key);
  struct node *value = NULL;
  if (form_node(pair ? pair->value : NULL, m, &value, err) < 0)
    return -1;
  if (!value)
    return 0;
  char capital[32];
  const char *key = m->key;
  if (rule->flags & R_CAPITALS) {
    strncpy(capital, key, sizeof(capital) - 1);
    capital[sizeof(capital) - 1] = '\0';
    capital[0] = (char)toupper((unsigned char)capital[0]);
    key = capital;
  }
  return node_put(map, key, pair ? pair->key_pos : map->pos, value) < 0 ? err_no_memory(err) : 0;
}

static int form_members(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  struct node *map = node_new(NODE_MAP, in ? in->pos : (struct position){0});
  if (!map)
    return err_no_memory(err);
  for (const struct rule *m = rule->members; m && m->key; m++)
    if (put_member(map, rule, m, in, err) < 0) {
      node_free(map);
      return -1;
    }
  *ret = map;
  return 0;
}

static int form_list(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  if (!in || in->kind != NODE_LIST || in->count == 0)
    return 0;
  struct node *list = node_new(NODE_LIST, in->pos);
  if (!list)
    return err_no_memory(err);
  for (size_t i = 0; i < in->count; i++) {
    struct node *item = NULL;
    int failed = form_node(in->items[i], rule->item, &item, err);
    if (!failed && item && node_append(list, item) < 0)
      failed = err_no_memory(err);
    if (failed) {
      node_free(list);
      return -1;
    }
  }
  *ret = list;
  return 0;
}

static int form_entries(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  if (!in || in->kind != NODE_MAP || in->count == 0)
    return 0;
  struct node *map = node_new(NODE_MAP, in->pos);
  if (!map)
    return err_no_memory(err);
  for (size_t i = 0; i < in->count; i++) {
    const struct node_pair *pair = &in->pairs[i];
    struct node *value = NULL;
    int failed = form_node(pair->value, rule->members, &value, err);
    if (!failed && !value)
      value = node_new(NODE_NULL, pair->value->pos);
    if (failed || node_put(map, pair->key, pair->key_pos, value) < 0) {
      node_free(map);
      return failed ? -1 : err_no_memory(err);
    }
  }
  form_sort(map);
  *ret = map;
  return 0;
}

int form_node(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  *ret = NULL;
  switch ((enum form)rule->form) {
  case FORM_DROPPED:
    return 0;
  case FORM_MAP:
  case FORM_MAP_KEPT:
    return in && in->kind == NODE_MAP ? form_members(in, rule, ret, err) : 0;
  case FORM_MAP_ALWAYS:
    return form_members(in, rule, ret, err);
  case FORM_LIST:
    return form_list(in, rule, ret, err);
  case FORM_ENTRIES:
    return form_entries(in, rule, ret, err);
  case FORM_AS_WRITTEN:
    *ret = in ? node_copy(in) : NULL;
    return in && !*ret ? err_no_memory(err) : 0;
  case FORM_COMMAND_KEPT:
  case FORM_HEALTH_TEST:
  case FORM_STRINGS:
  case FORM_STRINGS_OR_NUMBERS:
    return form_texts(in, rule, ret, err);
  case FORM_LABELS:
  case FORM_ENV:
  case FORM_OPTIONS:
  case FORM_MULTI_OPTIONS:
  case FORM_HOSTS:
  case FORM_SSH:
    return form_mapping(in, rule, ret, err);
  default:
    return form_scalar(in, rule, ret, err);
  }
}

/* Compose prints an empty list of an extension as null; tandem's own stays as it is written. */
static void empty_lists_to_null(struct node *n) {
  if (n->kind == NODE_LIST && n->count == 0)
    n->kind = NODE_NULL;
  for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
    empty_lists_to_null(n->items[i]);
  for (size_t i = 0; n->kind == NODE_MAP && i < n->count; i++)
    empty_lists_to_null(n->pairs[i].value);
}

int form_document(const struct node *root, struct node **ret, struct err *err) {
  struct node *document = NULL;
  if (form_members(root, &schema_root, &document, err) < 0)
    return -1;
  for (size_t i = 0; i < root->count; i++) {
    const struct node_pair *pair = &root->pairs[i];
    if (strncmp(pair->key, "x-", 2) != 0)
      continue;
    struct node *copy = node_copy(pair->value);
    if (copy && strcmp(pair->key, "x-tandem") != 0)
      empty_lists_to_null(copy);
    if (node_put(document, pair->key, pair->key_pos, copy) < 0) {
      node_free(document);
      return err_no_memory(err);
    }
  }
  form_sort(document);
  *ret = document;
  return 0;
}

#include "controller/manifest/node.h"

#include <stdlib.h>
#include <string.h>

struct node *node_new(enum node_kind kind, struct position pos) {
  struct node *n = calloc(1, sizeof(*n));
  if (!n)
    return NULL;
  n->kind = kind;
  n->pos = pos;
  return n;
}

struct node *node_string(const char *text, struct position pos) {
  struct node *n = node_new(NODE_STRING, pos);
  if (!n)
    return NULL;
  n->text = strdup(text);
  if (!n->text) {
    free(n);
    return NULL;
  }
  return n;
}

void node_free(struct node *n) {
  if (!n)
    return;
  for (size_t i = 0; n->items && i < n->count; i++)
    node_free(n->items[i]);
  for (size_t i = 0; n->pairs && i < n->count; i++) {
    free(n->pairs[i].key);
    node_free(n->pairs[i].value);
  }
  free(n->items);
  free(n->pairs);
  free(n->text);
  free(n);
}

/* Arrays hold the power of two at or above their count; grown() relies on it. */
static size_t room_for(size_t count) {
  size_t room = 1;
  while (room < count)
    room *= 2;
  return room;
}

struct node *node_copy(const struct node *n) {
  struct node *copy = node_new(n->kind, n->pos);
  if (!copy)
    return NULL;
  copy->boolean = n->boolean;
  copy->integer = n->integer;
  copy->number = n->number;
  copy->tag = n->tag;
  if (n->text && !(copy->text = strdup(n->text)))
    goto fail;
  for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
    if (node_append(copy, node_copy(n->items[i])) < 0)
      goto fail;
  if (n->kind == NODE_MAP && n->count > 0 && !(copy->pairs = calloc(room_for(n->count), sizeof(*copy->pairs))))
    goto fail;
  for (size_t i = 0; n->kind == NODE_MAP && i < n->count; i++) {
    struct node_pair *pair = &copy->pairs[copy->count];
    pair->key = strdup(n->pairs[i].key);
    pair->key_pos = n->pairs[i].key_pos;
    pair->value = node_copy(n->pairs[i].value);
    copy->count++;
    if (!pair->key || !pair->value)
      goto fail;
  }
  return copy;
fail:
  node_free(copy);
  return NULL;
}

const struct node_pair *node_pair(const struct node *map, const char *key) {
  if (!map || map->kind != NODE_MAP)
    return NULL;
  for (size_t i = 0; i < map->count; i++)
    if (strcmp(map->pairs[i].key, key) == 0)
      return &map->pairs[i];
  return NULL;
}

struct node *node_get(const struct node *map, const char *key) {
  const struct node_pair *pair = node_pair(map, key);
  return pair ? pair->value : NULL;
}

struct node *node_at(const struct node *map, const char *path) {
  const struct node *at = map;
  while (at && *path) {
    size_t len = strcspn(path, ".");
    const struct node *next = NULL;
    for (size_t i = 0; at->kind == NODE_MAP && i < at->count && !next; i++)
      if (strncmp(at->pairs[i].key, path, len) == 0 && !at->pairs[i].key[len])
        next = at->pairs[i].value;
    at = next;
    path += len;
    if (*path == '.')
      path++;
  }
  return (struct node *)at;
}

const char *node_text(const struct node *n, const char *fallback) {
  return n && n->text ? n->text : fallback;
}

/* Room is doubled whenever the count is a power of two, so that no capacity has to be kept. */
static void *grown(void *array, size_t count, size_t size) {
  if (count & (count - 1))
    return array;
  return realloc(array, (count ? count * 2 : 1) * size);
}

int node_push(struct node *map, const char *key, struct position key_pos, struct node *value) {
  if (!value)
    return -1;
  char *copy = strdup(key);
  struct node_pair *pairs = copy ? grown(map->pairs, map->count, sizeof(*pairs)) : NULL;
  if (pairs)
    map->pairs = pairs;
  if (!pairs) {
    free(copy);
    node_free(value);
    return -1;
  }
  map->pairs[map->count++] = (struct node_pair){.key = copy, .key_pos = key_pos, .value = value};
  return 0;
}

int node_put(struct node *map, const char *key, struct position key_pos, struct node *value) {
  const struct node_pair *old = value ? node_pair(map, key) : NULL;
  if (!old)
    return node_push(map, key, key_pos, value);
  struct node_pair *pair = &map->pairs[old - map->pairs];
  node_free(pair->value);
  pair->value = value;
  pair->key_pos = key_pos;
  return 0;
}

int node_append(struct node *list, struct node *value) {
  if (!value)
    return -1;
  struct node **items = grown(list->items, list->count, sizeof(*items));
  if (!items) {
    node_free(value);
    return -1;
  }
  list->items = items;
  list->items[list->count++] = value;
  return 0;
}

bool node_drop(struct node *map, const char *key) {
  const struct node_pair *pair = node_pair(map, key);
  if (!pair)
    return false;
  size_t at = (size_t)(pair - map->pairs);
  free(map->pairs[at].key);
  node_free(map->pairs[at].value);
  memmove(&map->pairs[at], &map->pairs[at + 1], (map->count - at - 1) * sizeof(*map->pairs));
  map->count--;
  return true;
}

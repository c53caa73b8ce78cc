#include "controller/manifest/node_index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t hash_of(const char *name) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 1099511628211u;
  return (size_t)(hash ^ hash >> 32);
}

/* The name's slot, or the empty one that it would take. room > used. */
static struct node_index_slot *slot_of(struct node_index_slot *slots, size_t room, const char *name) {
  size_t at = hash_of(name) & (room - 1);
  while (slots[at].name && strcmp(slots[at].name, name) != 0)
    at = (at + 1) & (room - 1);
  return &slots[at];
}

static int grow(struct node_index *x) {
  size_t room = x->room ? x->room * 2 : 16;
  struct node_index_slot *slots = calloc(room, sizeof(*slots));
  if (!slots)
    return -1;
  for (size_t i = 0; i < x->room; i++)
    if (x->slots[i].name)
      *slot_of(slots, room, x->slots[i].name) = x->slots[i];
  free(x->slots);
  x->slots = slots;
  x->room = room;
  return 0;
}

int node_index_put(struct node_index *x, const char *name, size_t value) {
  if (x->used * 2 >= x->room && grow(x) < 0)
    return -1;
  struct node_index_slot *slot = slot_of(x->slots, x->room, name);
  x->used += !slot->name;
  slot->name = name;
  slot->value = value;
  return 0;
}

bool node_index_get(const struct node_index *x, const char *name, size_t *ret_value) {
  if (x->used == 0)
    return false;
  const struct node_index_slot *slot = slot_of(x->slots, x->room, name);
  if (slot->name)
    *ret_value = slot->value;
  return slot->name != NULL;
}

void node_index_release(struct node_index *x) {
  free(x->slots);
  *x = (struct node_index){0};
}

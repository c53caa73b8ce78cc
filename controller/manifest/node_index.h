/* Names to numbers in constant time: keys of a large map, anchors of a file. */
#ifndef TANDEM_MANIFEST_NODE_INDEX_H
#define TANDEM_MANIFEST_NODE_INDEX_H

#include <stdbool.h>
#include <stddef.h>

struct node_index_slot {
  const char *name; /* NULL: empty */
  size_t value;
};

/* All zero is an empty one. */
struct node_index {
  struct node_index_slot *slots;
  size_t room; /* 0 or a power of two */
  size_t used;
};

/* Sets a name's number; the name must live as long as the index. -1 without memory. */
int node_index_put(struct node_index *x, const char *name, size_t value);
bool node_index_get(const struct node_index *x, const char *name, size_t *ret_value);
void node_index_release(struct node_index *x);

#endif

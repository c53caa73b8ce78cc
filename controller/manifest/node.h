/* The tree of a manifest: what YAML says, with the place of each value, from the reader to the last error. */
#ifndef TANDEM_MANIFEST_NODE_H
#define TANDEM_MANIFEST_NODE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/manifest/fleet.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STRING, NODE_LIST, NODE_MAP };

struct node;

struct node_pair {
  char *key;
  struct position key_pos;
  struct node *value; /* never NULL */
};

struct node {
  enum node_kind kind;
  struct position pos; /* pos.file belongs to the document's list of loaded files */
  char *text;          /* scalars: the text as written, after interpolation; NULL for lists and maps */
  bool boolean;        /* NODE_BOOL */
  int64_t integer;     /* NODE_INT */
  double number;       /* NODE_FLOAT, and NODE_INT too */
  struct node **items; /* NODE_LIST */
  struct node_pair *pairs; /* NODE_MAP, in file order; keys unique */
  size_t count;        /* of items or pairs */
  uint8_t tag;         /* reader and merger: 0 none, 1 !reset, 2 !override */
};

/* All NULL without memory. */
struct node *node_new(enum node_kind kind, struct position pos);
struct node *node_string(const char *text, struct position pos);
struct node *node_copy(const struct node *n); /* deep */
void node_free(struct node *n);

/* NULL when absent or map is NULL or no map. */
struct node *node_get(const struct node *map, const char *key);
const struct node_pair *node_pair(const struct node *map, const char *key);
/* Walks "a.b.c". */
struct node *node_at(const struct node *map, const char *path);
/* The scalar's text, or fallback. */
const char *node_text(const struct node *n, const char *fallback);

/* Takes value over (also on failure); replaces an equal key. 0 or -1 without memory. */
int node_put(struct node *map, const char *key, struct position key_pos, struct node *value);
/* The same where the key is known not to be there. */
int node_push(struct node *map, const char *key, struct position key_pos, struct node *value);
int node_append(struct node *list, struct node *value);
/* Removes and frees; false when absent. */
bool node_drop(struct node *map, const char *key);

/* JSON of the tree, keys in file order. NULL without memory. */
cJSON *node_to_json(const struct node *n);

/* "file:line:column: text" as ERR_INPUT; without a file only the text. Returns -1. */
int node_error(struct err *err, const struct node *n, const char *format, ...) PRINTF_LIKE(3, 4);
int position_error(struct err *err, const struct position *pos, const char *format, ...) PRINTF_LIKE(3, 4);

#endif

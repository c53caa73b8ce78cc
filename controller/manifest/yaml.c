#include "controller/manifest/yaml.h"

#include <string.h>
#include <yaml.h>

#include "controller/manifest/node_index.h"
#include "controller/manifest/scalar.h"

enum { TAG_NONE, TAG_RESET, TAG_OVERRIDE };

struct anchor {
  char *name;
  const struct node *node;
  bool open; /* its node is not complete: an alias to it would be a cycle */
};

struct reader {
  yaml_parser_t parser;
  const char *name;
  struct anchor *anchors;
  size_t anchor_count;
  struct node_index anchor_names;
  struct node *merged; /* values of merge keys, which anchors may still point into */
  size_t expanded;
  int depth;
  struct err *err;
};

static struct position position_of(const struct reader *r, const yaml_mark_t *mark) {
  return (struct position){.file = r->name, .line = (int)mark->line + 1, .column = (int)mark->column + 1};
}

static int next_event(struct reader *r, yaml_event_t *event) {
  if (yaml_parser_parse(&r->parser, event))
    return 0;
  const yaml_parser_t *p = &r->parser;
  struct position pos = position_of(r, p->problem_mark.line ? &p->problem_mark : &p->mark);
  if (p->error == YAML_MEMORY_ERROR)
    return err_no_memory(r->err);
  return position_error(r->err, &pos, "%s%s%s", p->problem ? p->problem : "no YAML", p->context ? " " : "",
                        p->context ? p->context : "");
}

static int add_anchor(struct reader *r, const char *name, const struct node *node, bool open) {
  if (!name)
    return 0;
  if ((r->anchor_count & (r->anchor_count - 1)) == 0) {
    size_t room = r->anchor_count ? r->anchor_count * 2 : 1;
    struct anchor *anchors = realloc(r->anchors, room * sizeof(*anchors));
    if (!anchors)
      return err_no_memory(r->err);
    r->anchors = anchors;
  }
  char *copy = strdup(name);
  if (!copy)
    return err_no_memory(r->err);
  r->anchors[r->anchor_count] = (struct anchor){.name = copy, .node = node, .open = open};
  return node_index_put(&r->anchor_names, copy, r->anchor_count++) < 0 ? err_no_memory(r->err) : 0;
}

static void drop_anchors(struct reader *r) {
  node_index_release(&r->anchor_names);
  for (size_t i = 0; i < r->anchor_count; i++)
    free(r->anchors[i].name);
  free(r->anchors);
  r->anchors = NULL;
  r->anchor_count = 0;
}

static size_t node_size(const struct node *n) {
  size_t size = 1;
  for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
    size += node_size(n->items[i]);
  for (size_t i = 0; n->kind == NODE_MAP && i < n->count; i++)
    size += node_size(n->pairs[i].value);
  return size;
}

static int expand(struct reader *r, const struct node *what, const struct position *pos, struct node **ret) {
  r->expanded += node_size(what);
  if (r->expanded > YAML_EXPANDED_LIMIT)
    return position_error(r->err, pos, "aliases expand to more than %d values", YAML_EXPANDED_LIMIT);
  *ret = node_copy(what);
  return *ret ? 0 : err_no_memory(r->err);
}

static int read_alias(struct reader *r, const yaml_event_t *event, struct node **ret) {
  const char *name = (const char *)event->data.alias.anchor;
  struct position pos = position_of(r, &event->start_mark);
  size_t at = 0;
  if (!node_index_get(&r->anchor_names, name, &at))
    return position_error(r->err, &pos, "*%s is not defined, expected an &%s before it", name, name);
  if (r->anchors[at].open)
    return position_error(r->err, &pos, "*%s refers to what contains it", name);
  return expand(r, r->anchors[at].node, &pos, ret);
}

static uint8_t tag_of(const char *tag) {
  if (tag && strcmp(tag, "!reset") == 0)
    return TAG_RESET;
  return tag && strcmp(tag, "!override") == 0 ? TAG_OVERRIDE : TAG_NONE;
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct node **ret) {
  const char *value = (const char *)event->data.scalar.value;
  const char *tag = (const char *)event->data.scalar.tag;
  struct node *n = node_string(value, position_of(r, &event->start_mark));
  if (!n)
    return err_no_memory(r->err);
  n->tag = tag_of(tag);
  bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  int failed = strlen(value) != event->data.scalar.length
                   ? node_error(r->err, n, "a zero byte cannot stand in a Compose file")
                   : scalar_resolve(n, tag, plain, r->err);
  if (failed < 0 || add_anchor(r, (const char *)event->data.scalar.anchor, n, false) < 0) {
    node_free(n);
    return -1;
  }
  *ret = n;
  return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, struct node **ret);

static int read_items(struct reader *r, struct node *list) {
  for (;;) {
    yaml_event_t event;
    if (next_event(r, &event) < 0)
      return -1;
    bool end = event.type == YAML_SEQUENCE_END_EVENT;
    struct node *item = NULL;
    int failed = end ? 0 : read_node(r, &event, &item);
    yaml_event_delete(&event);
    if (end || failed)
      return failed;
    if (node_append(list, item) < 0)
      return err_no_memory(r->err);
  }
}

static int push_key(struct reader *r, struct node *map, struct node_index *keys, const struct node_pair *pair) {
  if (node_push(map, pair->key, pair->key_pos, pair->value) < 0)
    return err_no_memory(r->err);
  return node_index_put(keys, map->pairs[map->count - 1].key, map->count - 1) < 0 ? err_no_memory(r->err) : 0;
}

static int merge_map(struct reader *r, struct node *into, struct node_index *keys, const struct node *from) {
  if (from->kind != NODE_MAP)
    return node_error(r->err, from, "<< takes a map or a list of maps");
  for (size_t i = 0; i < from->count; i++) {
    const struct node_pair *pair = &from->pairs[i];
    size_t at = 0;
    if (node_index_get(keys, pair->key, &at))
      continue;
    struct node_pair copy = *pair;
    if (expand(r, pair->value, &pair->key_pos, &copy.value) < 0 || push_key(r, into, keys, &copy) < 0)
      return -1;
  }
  return 0;
}

/* Takes merge over. Keys that stand in the map win, then those of earlier maps. */
static int resolve_merge(struct reader *r, struct node *map, struct node_index *keys, struct node *merge) {
  if (node_append(r->merged, merge) < 0)
    return err_no_memory(r->err);
  if (merge->kind != NODE_LIST)
    return merge_map(r, map, keys, merge);
  for (size_t i = 0; i < merge->count; i++)
    if (merge_map(r, map, keys, merge->items[i]) < 0)
      return -1;
  return 0;
}

static bool is_merge_key(const yaml_event_t *event) {
  return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
         strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

static int read_value(struct reader *r, struct node **ret) {
  yaml_event_t event;
  if (next_event(r, &event) < 0)
    return -1;
  int failed = read_node(r, &event, ret);
  yaml_event_delete(&event);
  return failed;
}

static int read_pair(struct reader *r, struct node *map, struct node_index *keys, const yaml_event_t *event,
                     struct node **merge) {
  size_t at = 0;
  struct node *value = NULL;
  struct node *key = NULL;
  if (read_node(r, event, &key) < 0)
    return -1;
  int failed = -1;
  bool is_merge = is_merge_key(event);
  if (key->kind != NODE_STRING)
    node_error(r->err, key, "a key that is not text, expected it in quotes");
  else if (is_merge ? *merge != NULL : node_index_get(keys, key->text, &at))
    node_error(r->err, key, "\"%s\" is given twice", key->text);
  else
    failed = read_value(r, &value);
  if (!failed && is_merge)
    *merge = value;
  else if (!failed)
    failed = push_key(r, map, keys, &(struct node_pair){.key = key->text, .key_pos = key->pos, .value = value});
  if (node_append(r->merged, key) < 0) /* an anchor may point at it */
    return err_no_memory(r->err);
  return failed;
}

static int read_pairs(struct reader *r, struct node *map) {
  __attribute__((cleanup(node_index_release))) struct node_index keys = {0};
  struct node *merge = NULL;
  for (;;) {
    yaml_event_t event;
    int failed = next_event(r, &event);
    bool end = false;
    if (!failed) {
      end = event.type == YAML_MAPPING_END_EVENT;
      failed = end ? 0 : read_pair(r, map, &keys, &event, &merge);
      yaml_event_delete(&event);
    }
    if (end)
      return merge ? resolve_merge(r, map, &keys, merge) : 0;
    if (failed) {
      node_free(merge);
      return -1;
    }
  }
}

static int read_collection(struct reader *r, const yaml_event_t *event, bool map, struct node **ret) {
  const yaml_char_t *tag = map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
  const yaml_char_t *anchor = map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
  struct node *n = node_new(map ? NODE_MAP : NODE_LIST, position_of(r, &event->start_mark));
  if (!n)
    return err_no_memory(r->err);
  n->tag = tag_of((const char *)tag);
  size_t own = r->anchor_count;
  int failed = add_anchor(r, (const char *)anchor, n, true);
  if (!failed && ++r->depth > YAML_DEPTH_LIMIT)
    failed = node_error(r->err, n, "nested deeper than %d levels", YAML_DEPTH_LIMIT);
  if (!failed)
    failed = map ? read_pairs(r, n) : read_items(r, n);
  r->depth--;
  if (anchor && own < r->anchor_count)
    r->anchors[own].open = false;
  if (failed)
    node_free(n);
  else
    *ret = n;
  return failed;
}

static int read_node(struct reader *r, const yaml_event_t *event, struct node **ret) {
  switch (event->type) {
  case YAML_ALIAS_EVENT:
    return read_alias(r, event, ret);
  case YAML_SCALAR_EVENT:
    return read_scalar(r, event, ret);
  case YAML_SEQUENCE_START_EVENT:
    return read_collection(r, event, false, ret);
  case YAML_MAPPING_START_EVENT:
    return read_collection(r, event, true, ret);
  default:
    return err_set(r->err, ERR_INTERNAL, "%s: unexpected YAML event %d", r->name, event->type);
  }
}

static int read_stream(struct reader *r, struct node *documents) {
  for (;;) {
    yaml_event_t event;
    if (next_event(r, &event) < 0)
      return -1;
    yaml_event_type_t type = event.type;
    yaml_event_delete(&event);
    if (type == YAML_STREAM_END_EVENT)
      return 0;
    if (type != YAML_DOCUMENT_START_EVENT)
      continue;
    drop_anchors(r);
    struct node *document = NULL;
    if (read_value(r, &document) < 0)
      return -1;
    if (node_append(documents, document) < 0)
      return err_no_memory(r->err);
  }
}

int yaml_read(const char *name, const char *data, size_t len, struct node **ret_documents, struct err *err) {
  struct position start = {.file = name, .line = 1, .column = 1};
  if (len > YAML_BYTES_LIMIT)
    return position_error(err, &start, "larger than 16 MiB");
  struct reader r = {.name = name, .err = err};
  struct node *documents = node_new(NODE_LIST, start);
  r.merged = node_new(NODE_LIST, start);
  int failed = 0;
  if (!documents || !r.merged || !yaml_parser_initialize(&r.parser)) {
    failed = err_no_memory(err);
  } else {
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)data, len);
    failed = read_stream(&r, documents);
    yaml_parser_delete(&r.parser);
  }
  drop_anchors(&r);
  node_free(r.merged);
  if (failed) {
    node_free(documents);
    return -1;
  }
  *ret_documents = documents;
  return 0;
}

#include "controller/manifest/node.h"

static cJSON *list_to_json(const struct node *n) {
  cJSON *json = cJSON_CreateArray();
  for (size_t i = 0; json && i < n->count; i++) {
    cJSON *item = node_to_json(n->items[i]);
    if (!item || !cJSON_AddItemToArray(json, item)) {
      cJSON_Delete(item);
      cJSON_Delete(json);
      return NULL;
    }
  }
  return json;
}

static cJSON *map_to_json(const struct node *n) {
  cJSON *json = cJSON_CreateObject();
  for (size_t i = 0; json && i < n->count; i++) {
    cJSON *item = node_to_json(n->pairs[i].value);
    if (!item || !cJSON_AddItemToObject(json, n->pairs[i].key, item)) {
      cJSON_Delete(item);
      cJSON_Delete(json);
      return NULL;
    }
  }
  return json;
}

cJSON *node_to_json(const struct node *n) {
  switch (n->kind) {
  case NODE_NULL:
    return cJSON_CreateNull();
  case NODE_BOOL:
    return cJSON_CreateBool(n->boolean);
  case NODE_INT:
  case NODE_FLOAT:
    return cJSON_CreateNumber(n->number);
  case NODE_STRING:
    return cJSON_CreateString(n->text);
  case NODE_LIST:
    return list_to_json(n);
  case NODE_MAP:
    return map_to_json(n);
  }
  return NULL;
}

static int fail(struct err *err, const struct position *pos, const char *format, va_list args) {
  err_setv(err, ERR_INPUT, format, args);
  if (!pos || !pos->file)
    return -1;
  return err_wrap(err, "%s:%d:%d", pos->file, pos->line, pos->column);
}

int node_error(struct err *err, const struct node *n, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail(err, n ? &n->pos : NULL, format, args);
  va_end(args);
  return -1;
}

int position_error(struct err *err, const struct position *pos, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail(err, pos, format, args);
  va_end(args);
  return -1;
}

#include <string.h>

#include "controller/manifest/dotenv.h"
#include "controller/manifest/form.h"
#include "controller/manifest/interpolate.h"
#include "controller/manifest/reader.h"

static int take_entries(struct strv *env, const struct node *map, struct err *err) {
  for (size_t i = 0; map && i < map->count; i++)
    if (map->pairs[i].value->kind == NODE_STRING && env_put(env, map->pairs[i].key, map->pairs[i].value->text, err) < 0)
      return -1;
  return 0;
}

/* Puts what the lines set and the map does not have yet. */
static int put_missing(struct reading *r, struct node *service, const char *key, const struct strv *lines,
                       struct position pos) {
  struct node *map = node_get(service, key);
  if (lines->count == 0)
    return 0;
  if (!map) {
    map = node_new(NODE_MAP, pos);
    if (node_put(service, key, pos, map) < 0)
      return err_no_memory(r->err);
  }
  for (size_t i = 0; i < lines->count; i++) {
    const char *equals = strchr(lines->items[i], '=');
    CLEANUP_FREE char *name = strndup(lines->items[i], (size_t)(equals - lines->items[i]));
    if (!name)
      return err_no_memory(r->err);
    if (!node_get(map, name) && node_put(map, name, pos, node_string(equals + 1, pos)) < 0)
      return err_no_memory(r->err);
  }
  form_sort(map);
  return 0;
}

static int read_env_file(struct reading *r, const struct node *file, const struct strv *outer, struct strv *env) {
  const struct node *path = node_get(file, "path");
  const struct node *required = node_get(file, "required");
  const char *format = node_text(node_get(file, "format"), "");
  char *text = NULL;
  size_t len = 0;
  const char *name = NULL;
  if (required && !required->boolean && !is_file(node_text(path, "")))
    return 0;
  if (*format && strcmp(format, "raw") != 0 && strcmp(format, ".env") != 0)
    return node_error(r->err, node_get(file, "format"), "\"%s\" is no format, expected raw", format);
  if (reading_file(r, node_text(path, ""), path, &text, &len, &name) < 0)
    return -1;
  bool raw = strcmp(format, "raw") == 0;
  int failed =
      raw ? dotenv_parse_raw(name, text, len, outer, env, r->err) : dotenv_parse(name, text, len, outer, env, r->err);
  free(text);
  return failed;
}

static int resolve_env_files(struct reading *r, struct node *service, const struct node *files) {
  CLEANUP_STRV struct strv outer = STRV_INIT;
  CLEANUP_STRV struct strv env = STRV_INIT;
  const struct strv *project = &r->document->environment;
  const struct node *environment = node_get(service, "environment");
  for (size_t i = 0; i < project->count; i++)
    if (strv_add(&outer, project->items[i], r->err) < 0)
      return -1;
  for (size_t i = 0; environment && i < environment->count; i++) {
    const struct node_pair *pair = &environment->pairs[i];
    if (pair->value->kind == NODE_STRING && !env_get(project, pair->key) &&
        env_put(&outer, pair->key, pair->value->text, r->err) < 0)
      return -1;
  }
  if (take_entries(&env, environment, r->err) < 0)
    return -1;
  for (size_t i = 0; i < files->count; i++)
    if (read_env_file(r, files->items[i], &outer, &env) < 0)
      return -1;
  return put_missing(r, service, "environment", &env, files->pos);
}

static int resolve_label_files(struct reading *r, struct node *service, const struct node *files) {
  CLEANUP_STRV struct strv labels = STRV_INIT;
  for (size_t i = 0; i < files->count; i++) {
    const struct node *path = files->items[i];
    char *text = NULL;
    size_t len = 0;
    const char *name = NULL;
    if (reading_file(r, node_text(path, ""), path, &text, &len, &name) < 0)
      return -1;
    int failed = dotenv_parse(name, text, len, &labels, &labels, r->err);
    free(text);
    if (failed)
      return -1;
  }
  return put_missing(r, service, "labels", &labels, files->pos);
}

/* The place of a service's key in what is printed. */
static size_t order_of(const char *key) {
  size_t i = 0;
  while (schema_service.members[i].key && strcmp(schema_service.members[i].key, key) != 0)
    i++;
  return i;
}

/* Puts members that came late where they are printed. */
static void order_members(struct node *service) {
  for (size_t i = 1; i < service->count; i++) {
    struct node_pair late = service->pairs[i];
    size_t at = i;
    for (; at > 0 && order_of(service->pairs[at - 1].key) > order_of(late.key); at--)
      service->pairs[at] = service->pairs[at - 1];
    service->pairs[at] = late;
  }
}

/* A path stands for a required file, also when it has a format. */
static int hash_env_files(struct node *files, struct err *err) {
  for (size_t i = 0; i < files->count; i++) {
    struct node *file = files->items[i];
    const struct node *required = node_get(file, "required");
    if (required && !required->boolean)
      continue;
    struct node *path = node_string(node_text(node_get(file, "path"), ""), file->pos);
    if (!path)
      return err_no_memory(err);
    node_free(file);
    files->items[i] = path;
  }
  return 0;
}

/* Keeps a copy of the service as it is now, under name and kind, without `without`. */
static int keep_hashed(struct reading *r, const struct node_pair *service, const char *kind, const char *without) {
  struct document *d = r->document;
  const struct position pos = service->key_pos;
  if (!d->hashed && !(d->hashed = node_new(NODE_MAP, pos)))
    return err_no_memory(r->err);
  struct node *kinds = node_get(d->hashed, service->key);
  if (!kinds && node_put(d->hashed, service->key, pos, kinds = node_new(NODE_MAP, pos)) < 0)
    return err_no_memory(r->err);
  struct node *copy = node_copy(service->value);
  if (node_put(kinds, kind, pos, copy) < 0)
    return err_no_memory(r->err);
  node_drop(copy, without);
  order_members(copy);
  struct node *files = node_get(copy, "env_file");
  return files ? hash_env_files(files, r->err) : 0;
}

int resolve_environment(struct reading *r, const struct node_pair *pair) {
  struct node *service = pair->value;
  const struct node *env_files = node_get(service, "env_file");
  const struct node *label_files = node_get(service, "label_file");
  if (!env_files && !label_files)
    return 0;
  if (label_files && resolve_label_files(r, service, label_files) < 0)
    return -1;
  if (keep_hashed(r, pair, "config", "label_file") < 0)
    return -1;
  if (env_files && resolve_env_files(r, service, env_files) < 0)
    return -1;
  if (keep_hashed(r, pair, "label", "env_file") < 0)
    return -1;
  node_drop(service, "env_file");
  node_drop(service, "label_file");
  order_members(service);
  return 0;
}

#include <string.h>

#include "controller/manifest/dotenv.h"
#include "controller/manifest/interpolate.h"
#include "controller/manifest/merge.h"
#include "controller/manifest/path.h"
#include "controller/manifest/reader.h"

struct including {
  struct reading *r;
  const struct source *source;
  const struct strv *chain;
};

/* Text or a list of it, as paths from the folder. */
static int add_paths(struct including *x, const struct node *n, struct strv *paths) {
  const struct node *one[] = {n};
  bool list = n && n->kind == NODE_LIST;
  size_t count = list ? n->count : n ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    const struct node *item = list ? n->items[i] : one[i];
    CLEANUP_FREE char *path = NULL;
    if (item->kind != NODE_STRING || !*item->text)
      return node_error(x->r->err, item, "a path is expected here");
    path = path_join(x->source->folder, item->text);
    if (!path)
      return err_no_memory(x->r->err);
    if (strv_add(paths, path, x->r->err) < 0)
      return -1;
  }
  return 0;
}

static int read_environment(struct including *x, const struct node *at, const struct strv *files,
                            struct strv *environment) {
  struct err *err = x->r->err;
  CLEANUP_STRV struct strv own = STRV_INIT;
  for (size_t i = 0; i < files->count; i++) {
    char *text = NULL;
    size_t len = 0;
    const char *name = NULL;
    if (reading_file(x->r, files->items[i], at, &text, &len, &name) < 0)
      return -1;
    int failed = dotenv_parse(name, text, len, x->source->environment, &own, err);
    free(text);
    if (failed)
      return -1;
  }
  for (size_t i = 0; i < x->source->environment->count; i++)
    if (strv_add(environment, x->source->environment->items[i], err) < 0)
      return -1;
  for (size_t i = 0; i < own.count; i++)
    if (!env_get_len(x->source->environment, own.items[i], strcspn(own.items[i], "=")) &&
        strv_add(environment, own.items[i], err) < 0)
      return -1;
  return 0;
}

static bool same_node(const struct node *a, const struct node *b) {
  if (a->kind != b->kind || a->count != b->count)
    return false;
  switch (a->kind) {
  case NODE_NULL:
    return true;
  case NODE_BOOL:
    return a->boolean == b->boolean;
  case NODE_INT:
    return a->integer == b->integer;
  case NODE_FLOAT:
    return a->number == b->number;
  case NODE_STRING:
    return strcmp(a->text, b->text) == 0;
  case NODE_LIST:
    for (size_t i = 0; i < a->count; i++)
      if (!same_node(a->items[i], b->items[i]))
        return false;
    return true;
  case NODE_MAP:
    for (size_t i = 0; i < a->count; i++) {
      const struct node *other = node_get(b, a->pairs[i].key);
      if (!other || !same_node(a->pairs[i].value, other))
        return false;
    }
    return true;
  }
  return false;
}

static int import_section(struct reading *r, struct node *from, struct node *file, const char *key) {
  struct node *source = node_get(from, key);
  if (!source || source->kind != NODE_MAP)
    return 0;
  struct node *to = node_get(file, key);
  if (!to) {
    to = node_new(NODE_MAP, source->pos);
    if (node_put(file, key, source->pos, to) < 0)
      return err_no_memory(r->err);
  }
  if (to->kind != NODE_MAP)
    return node_error(r->err, to, "%s are expected to be a map", key);
  for (size_t i = 0; i < source->count; i++) {
    struct node_pair *pair = &source->pairs[i];
    const struct node_pair *old = node_pair(to, pair->key);
    if (old && !same_node(old->value, pair->value))
      return position_error(r->err, &old->key_pos, "%s.%s is another one in %s:%d, which is included", key, pair->key,
                            pair->key_pos.file, pair->key_pos.line);
    if (old)
      continue;
    struct node *value = node_copy(pair->value);
    if (node_put(to, pair->key, pair->key_pos, value) < 0)
      return err_no_memory(r->err);
  }
  return 0;
}

static int load_included(struct including *x, const struct node *at, const char *folder, const struct strv *files,
                         const struct strv *env_files, struct node *file) {
  static const char *const sections[] = {"services", "volumes", "networks", "secrets", "configs", "models"};
  CLEANUP_STRV struct strv environment = STRV_INIT;
  if (read_environment(x, at, env_files, &environment) < 0)
    return -1;
  const struct source own = {.folder = folder, .environment = &environment};
  for (size_t i = 0; i < files->count; i++)
    if (!is_file(files->items[i]))
      return node_error(x->r->err, at, "%s cannot be read: no such file", files->items[i]);
  struct node *model = NULL;
  if (load_model(x->r, &own, files, x->chain, &model) < 0)
    return -1;
  int failed = 0;
  for (size_t i = 0; i < COUNT_OF(sections) && !failed; i++)
    failed = import_section(x->r, model, file, sections[i]);
  node_free(model);
  return failed;
}

/* As with compose: an entry without a path is no error, only useless. */
static int warn_useless(struct including *x, const struct node *entry) {
  CLEANUP_ERR struct err line = ERR_INIT;
  node_error(&line, entry, "this include has no path, nothing is included");
  return strv_add_once(&x->r->document->warnings, err_text(&line), x->r->err);
}

static int include_one(struct including *x, const struct node *entry, struct node *file) {
  struct err *err = x->r->err;
  bool map = entry->kind == NODE_MAP;
  CLEANUP_STRV struct strv files = STRV_INIT;
  CLEANUP_STRV struct strv env_files = STRV_INIT;
  if (add_paths(x, map ? node_get(entry, "path") : entry, &files) < 0)
    return -1;
  if (files.count == 0)
    return warn_useless(x, entry);
  if (strv_has(x->chain, files.items[0]))
    return node_error(err, entry, "%s includes itself", files.items[0]);
  const struct node *directory = map ? node_get(entry, "project_directory") : NULL;
  CLEANUP_FREE char *folder = directory && *node_text(directory, "")
                                  ? path_join(x->source->folder, node_text(directory, ""))
                                  : path_folder(files.items[0]);
  if (!folder)
    return err_no_memory(err);
  if (add_paths(x, map ? node_get(entry, "env_file") : NULL, &env_files) < 0)
    return -1;
  CLEANUP_FREE char *dotenv = path_join(folder, ".env");
  if (!dotenv)
    return err_no_memory(err);
  if (env_files.count == 0 && is_file(dotenv) && strv_add(&env_files, dotenv, err) < 0)
    return -1;
  return load_included(x, entry, folder, &files, &env_files, file);
}

int include_apply(struct reading *r, const struct source *source, const char *path, struct node *file,
                  const struct strv *including) {
  const struct node *list = node_get(file, "include");
  if (!list || list->kind == NODE_NULL)
    return 0;
  if (list->kind != NODE_LIST)
    return node_error(r->err, list, "include is expected to be a list");
  CLEANUP_STRV struct strv chain = STRV_INIT;
  for (size_t i = 0; including && i < including->count; i++)
    if (strv_add(&chain, including->items[i], r->err) < 0)
      return -1;
  if (strv_add(&chain, path, r->err) < 0)
    return -1;
  struct including x = {.r = r, .source = source, .chain = &chain};
  for (size_t i = 0; i < list->count; i++)
    if (include_one(&x, list->items[i], file) < 0)
      return -1;
  node_drop(file, "include");
  return 0;
}

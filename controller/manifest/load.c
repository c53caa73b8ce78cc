#include <stdio.h>
#include <string.h>

#include "controller/manifest/expand.h"
#include "controller/manifest/interpolate.h"
#include "controller/manifest/merge.h"
#include "controller/manifest/reader.h"
#include "controller/manifest/yaml.h"

/* Takes the document over. */
static int load_document(struct reading *r, const struct source *source, const char *path, struct node *file,
                         const struct strv *including, struct load_mode mode, struct node **model) {
  struct strv *warnings = &r->document->warnings;
  const struct variables v = {.first = source->environment};
  struct strv tagged = STRV_INIT;
  int failed = -1;
  if (file->kind != NODE_MAP)
    node_error(r->err, file, "a Compose file is expected to be a map");
  else if (interpolate_tree(file, &schema_root, &v, warnings, r->err) == 0 &&
           merge_take_tags(file, &tagged, r->err) == 0)
    failed = 0;
  if (!failed && !mode.extends_only)
    failed = extends_apply(r, source, path, file, &tagged);
  if (!failed)
    failed = merge_drop_paths(*model, "", &tagged, r->err);
  if (!failed && !mode.extends_only)
    failed = include_apply(r, source, path, file, including);
  for (size_t i = 0; !failed && mode.ret_tagged && i < tagged.count; i++)
    failed = strv_add_once(mode.ret_tagged, tagged.items[i], r->err);
  strv_release(&tagged);
  if (failed) {
    node_free(file);
    return -1;
  }
  if (merge_nodes(model, file, &schema_root, r->err) < 0 || merge_unique(*model, &schema_root, r->err) < 0)
    return -1;
  if (!mode.extends_only && schema_check(*model, &schema_root, r->err) < 0)
    return -1;
  return expand_tree(model, &schema_root, warnings, r->err) < 0 ? -1 : merge_unique(*model, &schema_root, r->err);
}

static int warn_version(struct reading *r, struct node *model) {
  const struct node *version = node_get(model, "version");
  if (!version)
    return 0;
  char *line = NULL;
  if (asprintf(&line, "%s:%d:%d: \"version\" is obsolete and not used, remove it", version->pos.file, version->pos.line,
               version->pos.column) < 0)
    return err_no_memory(r->err);
  int failed = strv_add_once(&r->document->warnings, line, r->err);
  free(line);
  node_drop(model, "version");
  return failed;
}

int load_file(struct reading *r, const struct source *source, const char *path, const struct node *from,
              const struct strv *including, struct load_mode mode, struct node **model) {
  char *text = NULL;
  size_t len = 0;
  const char *name = NULL;
  struct node *documents = NULL;
  if (reading_file(r, path, from, &text, &len, &name) < 0)
    return -1;
  int failed = yaml_read(name, text, len, &documents, r->err);
  free(text);
  for (size_t i = 0; !failed && i < documents->count; i++) {
    struct node *file = documents->items[i];
    documents->items[i] = NULL;
    failed = load_document(r, source, path, file, including, mode, model);
    if (!failed)
      failed = warn_version(r, *model);
  }
  node_free(documents);
  return failed;
}

/* Items of `environment` lists without a value take it from this set's variables. */
static int environment_values(struct reading *r, const struct source *source, struct node *service) {
  struct node *list = node_get(service, "environment");
  for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
    struct node *item = list->items[i];
    const char *value = item->text && !strchr(item->text, '=') ? env_get(source->environment, item->text) : NULL;
    char *line = NULL;
    if (!value)
      continue;
    if (asprintf(&line, "%s=%s", item->text, value) < 0)
      return err_no_memory(r->err);
    free(item->text);
    item->text = line;
  }
  return 0;
}

int load_model(struct reading *r, const struct source *source, const struct strv *paths, const struct strv *including,
               struct node **ret) {
  struct node *model = node_new(NODE_MAP, (struct position){0});
  int failed = model ? 0 : err_no_memory(r->err);
  for (size_t i = 0; !failed && i < paths->count; i++)
    failed = load_file(r, source, paths->items[i], NULL, including, (struct load_mode){0}, &model);
  if (!failed)
    failed = expand_defaults(model, r->err);
  if (!failed)
    failed = model_check(model, r->err);
  if (!failed)
    failed = resolve_paths(r, model, source->folder);
  const struct node *services = failed ? NULL : node_get(model, "services");
  for (size_t i = 0; services && !failed && i < services->count; i++)
    failed = environment_values(r, source, services->pairs[i].value);
  if (failed) {
    node_free(model);
    return -1;
  }
  *ret = model;
  return 0;
}

#include <string.h>

#include "controller/manifest/merge.h"
#include "controller/manifest/path.h"
#include "controller/manifest/reader.h"

#define CHAIN_LIMIT 100

struct extending {
  struct reading *r;
  const struct source *source;
  struct strv chain; /* "service in file", so far */
};

static int add_link(struct extending *x, const struct node *at, const char *service, const char *file) {
  struct err *err = x->r->err;
  char link[600];
  if (strlen(service) + strlen(file) > sizeof(link) - 5)
    return node_error(err, at, "the name of what this extends is too long");
  strcat(strcat(strcpy(link, service), " in "), file);
  if (strv_has(&x->chain, link) || x->chain.count >= CHAIN_LIMIT)
    return node_error(err, at, "%s extends itself", service);
  return strv_add(&x->chain, link, err);
}

static int resolve(struct extending *x, const char *name, struct node *services, const char *path,
                   const struct strv *tagged);

/* The services of another file, by the path in `file`. */
static int other_file(struct extending *x, const struct node *file, const char *name, struct node **ret_model,
                      struct strv *ret_tagged, char **ret_path) {
  struct reading *r = x->r;
  CLEANUP_FREE char *expanded = path_expand_home(node_text(file, ""), r->home);
  CLEANUP_FREE char *path = expanded ? path_join(x->source->folder, expanded) : NULL;
  CLEANUP_FREE char *folder = path ? path_folder(path) : NULL;
  struct node *model = node_new(NODE_MAP, file->pos);
  if (!folder || !model) {
    node_free(model);
    return err_no_memory(r->err);
  }
  const struct load_mode mode = {.extends_only = true, .ret_tagged = ret_tagged};
  int failed = load_file(r, x->source, path, file, NULL, mode, &model);
  const struct node *services = failed ? NULL : node_get(model, "services");
  if (!failed && (!services || services->kind != NODE_MAP || !node_get(services, name)))
    failed = node_error(r->err, file, "%s has no service \"%s\" to extend", node_text(file, ""), name);
  if (!failed)
    failed = resolve_paths(r, model, folder);
  if (failed) {
    node_free(model);
    return -1;
  }
  *ret_model = model;
  *ret_path = STEAL(path);
  return 0;
}

/* Merges what the service says over a copy of base; the service's node is replaced. */
static int merge_base(struct extending *x, struct node_pair *pair, const struct node *base, const struct strv *tagged) {
  struct err *err = x->r->err;
  struct node *merged = node_copy(base);
  if (!merged)
    return err_no_memory(err);
  char prefix[600] = "services.";
  strncat(prefix, pair->key, sizeof(prefix) - 20);
  struct node *service = pair->value;
  int failed = merge_drop_paths(merged, prefix, tagged, err);
  if (!failed) {
    pair->value = NULL;
    struct position pos = service->pos;
    failed = merge_nodes(&merged, service, &schema_service, err);
    merged->pos = pos;
    pair->value = merged;
    node_drop(merged, "extends");
    return failed;
  }
  node_free(merged);
  return failed;
}

static int resolve_base(struct extending *x, const char *name, struct node *services, const char *path,
                        const struct node *extends, const struct strv *tagged) {
  struct err *err = x->r->err;
  const struct node *ref = extends->kind == NODE_MAP ? node_get(extends, "service") : extends;
  const struct node *file = node_get(extends, "file");
  if (!ref || ref->kind != NODE_STRING)
    return node_error(err, extends, "extends is expected to name a service");
  struct node *other = NULL;
  CLEANUP_FREE char *other_path = NULL;
  CLEANUP_STRV struct strv other_tagged = STRV_INIT;
  if (file && other_file(x, file, ref->text, &other, &other_tagged, &other_path) < 0)
    return -1;
  struct node *from = other ? node_get(other, "services") : services;
  const char *from_path = other ? other_path : path;
  int failed = node_get(from, ref->text) ? add_link(x, extends, name, from_path)
                                         : node_error(err, ref, "there is no service \"%s\" to extend", ref->text);
  if (!failed)
    failed = resolve(x, ref->text, from, from_path, &other_tagged);
  struct node_pair *pair = (struct node_pair *)node_pair(services, name);
  const struct node *base = failed ? NULL : node_get(from, ref->text);
  if (!failed && base->kind == NODE_MAP)
    failed = merge_base(x, pair, base, tagged);
  node_free(other);
  return failed;
}

static int resolve(struct extending *x, const char *name, struct node *services, const char *path,
                   const struct strv *tagged) {
  struct node *service = node_get(services, name);
  if (service->kind == NODE_NULL)
    return 0;
  if (service->kind != NODE_MAP)
    return node_error(x->r->err, service, "service \"%s\" is expected to be a map", name);
  const struct node *extends = node_get(service, "extends");
  if (!extends)
    return 0;
  size_t depth = x->chain.count;
  int failed = resolve_base(x, name, services, path, extends, tagged);
  while (x->chain.count > depth)
    free(x->chain.items[--x->chain.count]);
  return failed;
}

int extends_apply(struct reading *r, const struct source *source, const char *path, struct node *file,
                  const struct strv *tagged) {
  struct node *services = node_get(file, "services");
  struct extending x = {.r = r, .source = source};
  int failed = 0;
  if (!services)
    return 0;
  if (services->kind != NODE_MAP)
    return node_error(r->err, services, "services are expected to be a map");
  for (size_t i = 0; i < services->count && !failed; i++)
    failed = resolve(&x, services->pairs[i].key, services, path, tagged);
  strv_release(&x.chain);
  return failed;
}

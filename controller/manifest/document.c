#include "controller/manifest/document.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "controller/manifest/form.h"
#include "controller/manifest/locate.h"
#include "controller/manifest/path.h"
#include "controller/manifest/reader.h"

void document_free(struct document *d) {
  if (!d)
    return;
  free(d->name);
  free(d->working_dir);
  strv_release(&d->files);
  strv_release(&d->loaded_files);
  strv_release(&d->environment);
  strv_release(&d->warnings);
  node_free(d->root);
  node_free(d->hashed);
  strv_release(&d->names);
  free(d);
}

static int finish(struct reading *r, const struct strv *profiles) {
  struct node *root = r->document->root;
  struct node *services = node_get(root, "services");
  struct node *disabled = NULL;
  if (!services) {
    services = node_new(NODE_MAP, root->pos);
    if (node_put(root, "services", root->pos, services) < 0)
      return err_no_memory(r->err);
    form_sort(root);
    services = node_get(root, "services");
  }
  if (profile_apply(root, profiles, &disabled, r->err) < 0)
    return -1;
  int failed = project_check(root, disabled, r->err);
  for (size_t i = 0; i < services->count && !failed; i++)
    failed = resolve_environment(r, &services->pairs[i]);
  node_free(disabled);
  return failed ? -1 : profile_drop_unused(root);
}

static int load(struct reading *r, const struct manifest_options *options) {
  struct document *d = r->document;
  CLEANUP_STRV struct strv profiles = STRV_INIT;
  if (locate_project(r, options) < 0 || locate_name(r, options) < 0 || locate_profiles(r, options, &profiles) < 0)
    return -1;
  const struct source source = {.folder = d->working_dir, .environment = &d->environment};
  struct node *model = NULL;
  if (load_model(r, &source, &d->files, NULL, &model) < 0)
    return -1;
  int failed = model->count > 0 ? normalize_model(r, model)
                                : err_set(r->err, ERR_INPUT, "%s: the file is empty, expected services",
                                          d->names.items[d->names.count - 1]);
  if (!failed)
    failed = form_document(model, &d->root, r->err);
  node_free(model);
  return failed ? -1 : finish(r, &profiles);
}

int document_load(const struct manifest_options *options, struct document **ret_document, struct err *err) {
  CLEANUP_FREE char *here = getcwd(NULL, 0);
  if (!here)
    return err_set_errno(err, errno, "the current folder");
  CLEANUP_FREE char *base = path_join(here, options->working_dir ? options->working_dir : ".");
  struct document *d = calloc(1, sizeof(*d));
  if (!d || !base) {
    free(d);
    return err_no_memory(err);
  }
  struct reading r = {.document = d, .base = base, .err = err};
  if (load(&r, options) < 0) {
    document_free(d);
    return -1;
  }
  *ret_document = d;
  return 0;
}

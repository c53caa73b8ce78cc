/* What the parts of document_load() share. Private to them. */
#ifndef TANDEM_MANIFEST_READER_H
#define TANDEM_MANIFEST_READER_H

#include "controller/manifest/document.h"
#include "controller/manifest/schema.h"

/* One document_load(). */
struct reading {
  struct document *document;
  const char *base; /* the folder that shown file names are relative to */
  const char *home; /* $HOME or NULL */
  size_t bytes;     /* read so far, of all files */
  struct err *err;
};

/* One set of files with its own folder and variables: the project's, or an include's. */
struct source {
  const char *folder; /* absolute */
  const struct strv *environment;
};

/* Reads a file named by an absolute path. *ret_name: how people see it, kept by the document. Caller frees the text.
 * ERR_INPUT when it is missing, at `from` if that is given. */
int reading_file(struct reading *r, const char *path, const struct node *from, char **ret_text, size_t *ret_len,
                 const char **ret_name);
bool is_file(const char *path);

/* Several files as one tree in long forms, paths absolute; includes and extends done. including: files on the way to
 * here. */
int load_model(struct reading *r, const struct source *source, const struct strv *paths, const struct strv *including,
               struct node **ret);
/* Merges one file into *model. extends_only: for the base of an extends: no includes, no extends, no checks. */
struct load_mode {
  bool extends_only;
  struct strv *ret_tagged; /* the file's paths under !reset or !override; NULL: not wanted */
};
int load_file(struct reading *r, const struct source *source, const char *path, const struct node *from,
              const struct strv *including, struct load_mode mode, struct node **model);

int include_apply(struct reading *r, const struct source *source, const char *path, struct node *file,
                  const struct strv *including);
int extends_apply(struct reading *r, const struct source *source, const char *path, struct node *file,
                  const struct strv *tagged);

/* Relative paths of services, secrets, configs and volumes from the folder. */
int resolve_paths(struct reading *r, struct node *model, const char *folder);
/* Checks that need long forms but not the whole project. */
int model_check(const struct node *model, struct err *err);

/* The whole project: implicit networks and dependencies, names. */
int normalize_model(struct reading *r, struct node *model);
/* env_file and label_file into environment and labels. */
int resolve_environment(struct reading *r, const struct node_pair *service);
/* Leaves out services whose profiles are off and what nobody uses. */
int profile_apply(struct node *root, const struct strv *profiles, struct node **ret_disabled, struct err *err);
int profile_drop_unused(struct node *root);
/* What compose refuses in a whole project. */
int project_check(const struct node *root, const struct node *disabled, struct err *err);

#endif

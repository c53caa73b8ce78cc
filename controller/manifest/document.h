/* Compose files read as docker compose reads them: all files, includes, extends, interpolation, merging, profiles and
 * normalisation done; what `docker compose config` prints, as a tree with positions. */
#ifndef TANDEM_MANIFEST_DOCUMENT_H
#define TANDEM_MANIFEST_DOCUMENT_H

#include "controller/manifest/node.h"

struct document {
  char *name;               /* project name */
  char *working_dir;        /* absolute folder of the first file */
  struct strv files;        /* absolute, as given by -f or found */
  struct strv loaded_files; /* every file read; positions' file names point into `names` below */
  struct strv names;        /* file names as shown to people (relative as the user gave them) */
  struct strv environment;  /* "K=V": .env and --env-file under the process environment */
  struct strv warnings;
  /* Services that have an env_file or label_file, as docker compose hashes them: name to {config, label}, each the
   * service with what files say put in or left as written. NULL: none. See confighash.h. */
  struct node *hashed;
  /* A map with exactly the members and value forms of `docker compose config --format json` (long forms, absolute
   * paths, resolved names, bytes as strings, durations as Go text, ports as {mode,target,published,protocol}), except
   * that "$" is not doubled, and top-level "x-tandem" (interpolated, otherwise as written) is kept as every "x-" key
   * is. Services whose profiles are off are left out. */
  struct node *root;
};

int document_load(const struct manifest_options *options, struct document **ret_document, struct err *err);
void document_free(struct document *d);

#endif

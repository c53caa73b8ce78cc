/* YAML text to trees of nodes. The only part of tandem that knows libyaml. */
#ifndef TANDEM_MANIFEST_YAML_H
#define TANDEM_MANIFEST_YAML_H

#include "controller/manifest/node.h"

#define YAML_DEPTH_LIMIT 64
#define YAML_EXPANDED_LIMIT 200000 /* nodes that aliases and merge keys may add */
#define YAML_BYTES_LIMIT ((size_t)16 << 20)

/* Reads all documents of a file into a list. name is shown in errors and kept by every node (not copied). Aliases and
 * merge keys are expanded, nodes tagged !reset and !override keep that in node.tag. ERR_INPUT: no YAML, duplicate keys,
 * keys that are no text, cycles, too deep, too large. Caller frees the list. */
int yaml_read(const char *name, const char *data, size_t len, struct node **ret_documents, struct err *err);

#endif

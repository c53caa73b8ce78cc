/* Short forms to long ones, by the schema's expand column, and what compose adds where nothing is written. */
#ifndef TANDEM_MANIFEST_EXPAND_H
#define TANDEM_MANIFEST_EXPAND_H

#include "controller/manifest/schema.h"

int expand_tree(struct node **n, const struct rule *rule, struct strv *warnings, struct err *err);

/* Build contexts, targets of secrets, modes of ports, counts of devices, at a file's services. */
int expand_defaults(struct node *root, struct err *err);

#endif

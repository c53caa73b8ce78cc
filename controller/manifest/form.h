/* The resolved document from the merged tree, by the schema's form column: what compose's typed model prints. */
#ifndef TANDEM_MANIFEST_FORM_H
#define TANDEM_MANIFEST_FORM_H

#include "controller/manifest/schema.h"

/* Members in the table's order, names in maps sorted, x- keys gone but at the top. *ret is NULL when nothing is to be
 * printed. in may be NULL. ERR_INPUT with the position: a value that does not read as its unit. */
int form_node(const struct node *in, const struct rule *rule, struct node **ret, struct err *err);
int form_document(const struct node *root, struct node **ret, struct err *err);

/* The scalar forms and the flat maps of text; for form_node(). */
int form_scalar(const struct node *in, const struct rule *rule, struct node **ret, struct err *err);
int form_texts(const struct node *in, const struct rule *rule, struct node **ret, struct err *err);
int form_mapping(const struct node *in, const struct rule *rule, struct node **ret, struct err *err);

void form_sort(struct node *map);

#endif

/* How values of several files become one, by the schema's merge and unique columns. */
#ifndef TANDEM_MANIFEST_MERGE_H
#define TANDEM_MANIFEST_MERGE_H

#include "controller/manifest/schema.h"

/* Merges over (taken over, also on failure) into *base, which may be replaced. ERR_INPUT with the position. */
int merge_nodes(struct node **base, struct node *over, const struct rule *rule, struct err *err);

/* Of list items that say the same thing keeps one, with the later one's value, in every list whose rule asks for it. */
int merge_unique(struct node *n, const struct rule *rule, struct err *err);

/* Replaces a list of names by a map of them, to null or to a dependency's default. */
int names_to_map(struct node **n, bool dependencies, struct err *err);
/* Replaces text by a map with it as its only member. */
int text_to_member(struct node **n, const char *key, struct err *err);

/* Paths of what was tagged !reset or !override, "services.web.ports"; those tagged !reset leave the tree. */
int merge_take_tags(struct node *root, struct strv *ret_paths, struct err *err);
/* Removes what these paths name. prefix: the path of n, "" for a whole file. */
int merge_drop_paths(struct node *n, const char *prefix, const struct strv *paths, struct err *err);

#endif

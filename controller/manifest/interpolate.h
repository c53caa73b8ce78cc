/* Variables in values: $NAME, ${NAME}, ${NAME:-default} and the like, as docker compose substitutes them. */
#ifndef TANDEM_MANIFEST_INTERPOLATE_H
#define TANDEM_MANIFEST_INTERPOLATE_H

#include "api/base/strv.h"
#include "controller/manifest/node.h"

/* Where names are looked up: the lists of "K=V" in this order; either may be NULL. */
struct variables {
  const struct strv *first;
  const struct strv *second;
  struct strv *unset; /* names that were used and not set are added, once each; NULL: not collected */
};

/* The value of a name in a list of "K=V", NULL when it is not there. Belongs to the list. */
const char *env_get(const struct strv *env, const char *name);
const char *env_get_len(const struct strv *env, const char *name, size_t len);
/* Sets K=V, replacing an older value. */
int env_put(struct strv *env, const char *name, const char *value, struct err *err);
const char *variables_get(const struct variables *v, const char *name, size_t len);

/* Caller frees the text. ERR_INPUT without a position: a wrong expression or a required variable that is not set. */
int interpolate_text(const char *text, const struct variables *v, char **ret_text, struct err *err);

struct rule;
/* Substitutes in every value of the tree (never in keys) and casts text where the rule of its place asks for a number
 * or a boolean. ERR_INPUT with the position. */
int interpolate_tree(struct node *n, const struct rule *rule, const struct variables *v, struct strv *warnings,
                     struct err *err);

#endif

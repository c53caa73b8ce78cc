/* The fields of a container: which can be changed on a running one, and how a wanted create body differs from what
 * an engine holds, in words for people. Pure. */
#ifndef TANDEM_PLAN_FIELDS_H
#define TANDEM_PLAN_FIELDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"
#include "controller/plan/plan.h"

struct field_changes {
  struct plan_change *items;
  size_t count;
};
void field_changes_release(struct field_changes *c);
/* from or to NULL: not set. */
int field_changes_add(struct field_changes *c, const char *field, const char *from, const char *to, bool live,
                      struct err *err);

/* What a person calls a member of a create body or of its HostConfig: "command" for Cmd; the member itself where there
 * is no other word. */
const char *fields_word(const char *member);
const char *fields_spec_word(const char *member); /* of those that need a new container */
/* Puts what is set of the fields that can be changed live, as texts: {"memory": "2 GiB", "restart": "always"}. */
int fields_live_put(const cJSON *inspect, cJSON *object, struct err *err);

/* SHA-256 of the body (and files) without what is changed live and without compose's and tandem's labels. */
int fields_spec_hash(const cJSON *body, const cJSON *files, char ret_hex[65], struct err *err);

/* What POST /containers/{id}/update can change: adds the differences between the body and an inspect document, and
 * fills the two update bodies (to change it, to change it back; both NULL without a difference). *ret_recreate: one of
 * them goes from or to "no limit", which an engine cannot do live. */
int fields_diff_live(const cJSON *body, const cJSON *inspect, struct field_changes *changes, cJSON **ret_update,
                     cJSON **ret_previous, bool *ret_recreate, struct err *err);

/* Everything else, for showing: what the image brings along (inspect of the old container cannot tell) is not
 * counted as removed. secret_env: array of names whose values become "(sensitive)". */
int fields_diff_spec(const cJSON *body, const cJSON *inspect, const cJSON *secret_env, struct field_changes *changes,
                     struct err *err);

#endif

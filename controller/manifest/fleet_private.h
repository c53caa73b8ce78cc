/* How the pieces that make a fleet from a document work together. Only controller/manifest includes this. */
#ifndef TANDEM_MANIFEST_FLEET_PRIVATE_H
#define TANDEM_MANIFEST_FLEET_PRIVATE_H

#include "controller/manifest/document.h"
#include "controller/manifest/fleet.h"
#include "controller/manifest/xtandem.h"

/* A manifest_load() at work. */
struct loading {
  const struct manifest_options *options;
  struct document *document; /* the fleet's own */
  struct fleet *fleet;
  struct xtandem *xtandem;
};

/* A warning at a node's place; node NULL: at no place. */
int fleet_warn(struct fleet *fleet, const struct node *at, const char *format, ...) PRINTF_LIKE(3, 4);

/* --- fleet_service.c: one service of the document into *ret (zeroed; the fleet's own, released by fleet_free()) --- */
int fleet_read_service(struct loading *l, const struct node_pair *pair, struct service *ret, struct err *err);

/* --- fleet_build.c --- */
/* A build section, normalised or as a person writes one (text, or lists for args and labels). Relative paths are taken
 * from base_dir, args without a value from the environment. */
int fleet_read_build(const struct node *n, const char *base_dir, const struct strv *environment,
                     struct build **ret_build, struct err *err);
void build_free(struct build *b);

/* --- fleet_port.c --- */
int fleet_read_ports(const struct node *ports, struct service *s, struct err *err);

/* --- fleet_resource.c: what services use of the document's networks and volumes --- */
int fleet_read_resources(struct loading *l, struct err *err);

/* --- fleet_value.c --- */
/* NULL without memory: base/path without "." and "..", or path itself when it is absolute. */
char *fleet_path(const char *base, const char *path);
/* The value of NAME in "NAME=value" items; NULL when it is not there. */
const char *fleet_env(const struct strv *environment, const char *name);
/* "1m30s", "500ms", "0": false when it is none or too long. */
bool fleet_duration_ns(const char *text, int64_t *ret_ns);
/* A number of a scalar, be it written as one or as text; false otherwise. */
bool fleet_number(const struct node *n, double *ret);
bool fleet_int(const struct node *n, int64_t *ret);
bool fleet_is_true(const struct node *n);
/* Copies a scalar's text unless n is NULL or null. -1 without memory. */
int fleet_copy_text(char **to, const struct node *n, struct err *err);
/* Text items of a list; a single scalar is a list of one. */
int fleet_copy_list(struct strv *to, const struct node *n, struct err *err);
/* The known name nearest to a mistaken one, NULL when none is near. */
const char *fleet_nearest(const char *name, const char *const *known, size_t count);

#endif

/* x-tandem: machines, tiers, limits, what holds for services by glob, and how updates go. */
#ifndef TANDEM_MANIFEST_XTANDEM_H
#define TANDEM_MANIFEST_XTANDEM_H

#include "controller/manifest/document.h"

/* What x-tandem says about one service: its globs overlaid, later ones over earlier, key by key. */
struct xtandem_service {
  char *machine;
  struct position machine_pos;
  char *tier;
  struct position tier_pos;
  char *requirements; /* absolute */
  bool pinned;
  struct limits limits;
  struct update_policy update;
  cJSON *gates;
};
void xtandem_service_release(struct xtandem_service *s);

struct xtandem {
  const struct node *root;     /* x-tandem itself, or NULL */
  const struct node *services; /* globs to maps, checked */
  struct limits limits;        /* where a service sets none */
  bool has_machines;
};
void xtandem_free(struct xtandem *x);

struct loading;
/* Reads and checks all of it; fills the fleet's machines, tiers and update policy. */
int xtandem_read(struct loading *l, struct err *err);
/* What holds for one service. */
int xtandem_for_service(struct loading *l, const char *service, struct xtandem_service *ret, struct err *err);

/* --- xtandem_field.c: maps with known keys, decoded by a table --- */
enum xtandem_type {
  XT_TEXT,
  XT_PATH, /* made absolute */
  XT_BOOL,
  XT_INT,         /* int64_t, at least min */
  XT_SMALL,       /* int, at least min */
  XT_NUMBER,      /* double, at least min */
  XT_DURATION_MS, /* int64_t */
  XT_ORDER,       /* enum update_order */
  XT_LIMITS,      /* struct limits */
  XT_UPDATE,      /* struct update_policy, what a service may say of it */
  XT_UPDATE_ALL,  /* struct update_policy, the fleet's */
  XT_TLS,         /* the tls_ paths of a struct machine: offset 0 */
  XT_GATES,       /* cJSON *, maps overlaid by key */
  XT_NODE,        /* const struct node * */
};

struct xtandem_field {
  const char *name;
  enum xtandem_type type;
  size_t offset;
  size_t pos_offset; /* of a struct position to fill; 0: none */
  int64_t min;
};

/* `what` names the map in messages ("x-tandem.limits"). base_dir: for XT_PATH. Values that are absent or null leave
 * *to as it is. */
int xtandem_fields(const struct node *map, const char *what, const struct xtandem_field *fields, size_t count,
                   const char *base_dir, void *to, struct err *err);

#endif

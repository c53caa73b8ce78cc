/* The desired state: everything the engines shall hold, as one JSON document that is stored with each revision, and
 * as structs that point into it. Made from a fleet (desired_from_fleet) or loaded from a revision (desired_load), so
 * that a rollback plans from just what an apply planned from. Pure. */
#ifndef TANDEM_PLAN_DESIRED_H
#define TANDEM_PLAN_DESIRED_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"
#include "controller/manifest/fleet.h"

struct desired_machine {
  const char *name;
  const char *address; /* NULL */
};

struct desired_image {
  const char *machine;
  const char *ref;        /* "repo:tag" */
  const char *service;    /* NULL for a tier's */
  const char *tier;       /* NULL for a service's */
  const cJSON *build;     /* NULL: not built here */
  const char *build_hash; /* of context, options and base; NULL without build */
  const char *base;       /* ref of the tier image it is built on, or NULL */
  const char *platform;
  const char *pull_policy;
  const char *id; /* stored revisions: the image ID it ran with; NULL before the first commit */
};

struct desired_resource {
  const char *machine;
  const char *name;
  bool external;
  const cJSON *body;
};

struct desired_service {
  const char *name;
  const char *machine;
  const char *container_name;
  bool container_name_set;
  const char *image; /* ref, on the same machine */
  const char *platform;
  const cJSON *body;      /* create body, tandem.* labels but revision included */
  const cJSON *files;     /* or NULL */
  const cJSON *depends_on; /* [{"service", "condition": 0|1|2, "required", "restart"}] */
  const char *spec_hash;  /* of body and files without what can be changed live */
  const char *config_hash; /* docker compose's own */
  const cJSON *secret_env; /* names */
  enum update_order order;
  int64_t monitor_ms;
  int stop_grace_s; /* -1 unset */
};

struct desired {
  cJSON *doc; /* owned; what the others point into */
  const char *project;
  int parallelism;
  int retain;
  int64_t reconnect_ms;
  struct desired_machine *machines;
  size_t machine_count;
  struct desired_image *images;
  size_t image_count;
  struct desired_resource *networks;
  size_t network_count;
  struct desired_resource *volumes;
  size_t volume_count;
  struct desired_service *services; /* sorted by name */
  size_t service_count;
};

/* Digest of a build context, by the caller (reading files is not pure): fills 64 hex digits, or -1. */
typedef int desired_context_digest(void *arg, const struct build *build, char ret_hex[65], struct err *err);

/* Resolves names across machines (ExtraHosts), tier images, labels and hashes. ERR_INPUT with the position for a
 * dependency across machines that cannot work. Services with replicas 0 are left out. */
int desired_from_fleet(const struct fleet *fleet, desired_context_digest *digest, void *digest_arg,
                       struct desired **ret_desired, struct err *err);
/* Takes a copy of the document of a stored revision. NULL doc: an empty state of that project (after down). */
int desired_load(const cJSON *doc, const char *project, struct desired **ret_desired, struct err *err);
/* A desired state with `services` taken from `next` and all others from `now` (which may be NULL: left out). */
int desired_select(const struct desired *next, const struct desired *now, const char *const *services, size_t count,
                   struct desired **ret_desired, struct err *err);
void desired_free(struct desired *d);

const struct desired_service *desired_service(const struct desired *d, const char *name);
const struct desired_image *desired_image(const struct desired *d, const char *machine, const char *ref);

/* Notes an image's ID in the document (after a build). */
int desired_set_image_id(struct desired *d, const char *machine, const char *ref, const char *id, struct err *err);

#endif

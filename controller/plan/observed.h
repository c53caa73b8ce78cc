/* What the engines hold, parsed from their own documents. Made by controller/observe (the calls) with the functions
 * here (the parsing, pure). */
#ifndef TANDEM_PLAN_OBSERVED_H
#define TANDEM_PLAN_OBSERVED_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"

enum container_role {
  CONTAINER_LIVE,
  CONTAINER_PARKED, /* NAME.rREVISION */
  CONTAINER_NEW,    /* NAME.nREVISION: of a transaction that did not end */
};

struct observed_container {
  char *id;      /* 64 hex */
  char *name;    /* without the slash */
  char *service; /* label com.docker.compose.service */
  enum container_role role;
  int64_t role_revision; /* the number in the name; 0 for live ones */
  int64_t revision;      /* label tandem.revision; 0 when docker compose made it */
  const char *image_id;
  const char *state;  /* created, running, paused, restarting, exited, dead, removing */
  const char *health; /* "" without a healthcheck */
  const char *started_at;
  int64_t restarts;
  int64_t exit_code;
  bool oom_killed;
  bool running;
  cJSON *inspect; /* owned; the const char * above point into it */
};

struct observed_image {
  char *id;
  char *ref;        /* one entry per tag */
  char *build_hash; /* label tandem.build-hash or NULL */
};

struct observed_resource {
  char *id; /* networks: full ID; volumes: NULL */
  char *name;
  char *project; /* label com.docker.compose.project or NULL */
};

struct observed_machine {
  char *name;
  char *version;
  char *api_version;
  int ncpu;
  int64_t memory_bytes;
  struct observed_container *containers;
  size_t container_count;
  struct observed_image *images;
  size_t image_count;
  struct observed_resource *networks;
  size_t network_count;
  struct observed_resource *volumes;
  size_t volume_count;
};

struct observed {
  struct observed_machine *machines;
  size_t machine_count;
};

/* Each takes the engine's document (containers: takes ownership of inspect, also on failure). */
int observed_add_container(struct observed_machine *m, cJSON *inspect, struct err *err);
int observed_add_images(struct observed_machine *m, const cJSON *image_list, struct err *err);
int observed_add_networks(struct observed_machine *m, const cJSON *network_list, struct err *err);
int observed_add_volumes(struct observed_machine *m, const cJSON *volume_list, struct err *err);
/* After the last add: orders everything by name, so that equal engines give equal plans. */
void observed_sort(struct observed *o);
void observed_container_release(struct observed_container *c);
void observed_machine_release(struct observed_machine *m);
void observed_free(struct observed *o);

const struct observed_machine *observed_machine(const struct observed *o, const char *name);
const struct observed_image *observed_image(const struct observed_machine *m, const char *ref);
/* Any tag of that image ID; NULL when the machine lacks it. */
const struct observed_image *observed_image_by_id(const struct observed_machine *m, const char *id);
/* The live container of a service on a machine: the one with that name, else the first. NULL: none. */
const struct observed_container *observed_live(const struct observed_machine *m, const char *service,
                                               const char *container_name);

#endif

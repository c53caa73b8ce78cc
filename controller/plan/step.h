/* A step: the smallest journaled action; one machine, one object, one intent, at most one mutating Engine call. Steps
 * are plain data here; what each kind does is one row of the table in controller/deploy/kind.c. */
#ifndef TANDEM_PLAN_STEP_H
#define TANDEM_PLAN_STEP_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"

/* X(identifier, name). The order is part of stored plans only through the names. */
#define STEP_KINDS(X) \
  X(RECORD_CREATE, "record.create") \
  X(NETWORK_CREATE, "network.create") \
  X(VOLUME_CREATE, "volume.create") \
  X(IMAGE_BUILD, "image.build") \
  X(IMAGE_PULL, "image.pull") \
  X(IMAGE_COPY, "image.copy") \
  X(IMAGE_TAG, "image.tag") \
  X(IMAGE_HOLD, "image.hold") \
  X(CONTAINER_CREATE, "container.create") \
  X(CONTAINER_FILES, "container.files") \
  X(NETWORK_CONNECT, "network.connect") \
  X(NETWORK_DISCONNECT, "network.disconnect") \
  X(CONTAINER_POLICY, "container.policy") \
  X(CONTAINER_STOP, "container.stop") \
  X(CONTAINER_RENAME, "container.rename") \
  X(CONTAINER_START, "container.start") \
  X(CONTAINER_UNPAUSE, "container.unpause") \
  X(CONTAINER_UPDATE, "container.update") \
  X(GATE_READY, "gate.ready") \
  X(GATE_HOLD, "gate.hold") \
  X(CONTAINER_REMOVE, "container.remove") \
  X(NETWORK_REMOVE, "network.remove") \
  X(VOLUME_REMOVE, "volume.remove") \
  X(IMAGE_RELEASE, "image.release") \
  X(RECORD_COMMIT, "record.commit") \
  X(RECORD_REMOVE, "record.remove")

enum step_kind {
#define STEP_KIND_ENUM(id, name) STEP_##id,
  STEP_KINDS(STEP_KIND_ENUM)
#undef STEP_KIND_ENUM
      STEP_KIND_COUNT
};

/* A phase starts when the one before has ended. A failure before SWITCH has changed nothing visible; CLEANUP comes
 * after the commit and is never undone. */
enum step_phase { PHASE_PREPARE, PHASE_SWITCH, PHASE_PROVE, PHASE_CLEANUP, PHASE_COUNT };

struct step {
  int index; /* in the plan */
  enum step_kind kind;
  enum step_phase phase;
  char *machine;
  char *service;   /* NULL where none is meant */
  char *object;    /* what it acts on, for people: a container name, an image ref, a network */
  char *container; /* full ID, when it was there at plan time */
  int creator;     /* else the index of the CONTAINER_CREATE or RECORD_CREATE step whose result has the ID; -1 */
  cJSON *args;     /* what the kind needs; see deploy/kind_*.c; may be NULL */
  int *after;      /* indices of the steps that must be done first */
  size_t after_count;
};

struct steps {
  struct step *items;
  size_t count;
};

const char *step_kind_name(enum step_kind kind);
int step_kind_parse(const char *name, enum step_kind *ret_kind); /* 0 or -1 */
const char *step_phase_name(enum step_phase phase);

/* Appends; strings are copied, args is taken over (also on failure). Returns its index, or -1. */
int steps_add(struct steps *s, enum step_kind kind, enum step_phase phase, const char *machine, const char *service,
              const char *object, cJSON *args, struct err *err);
/* `step` waits for `before`; before < 0 is ignored; repeated edges are kept once. */
int steps_order(struct steps *s, int step, int before, struct err *err);
/* ERR_INTERNAL if the edges have a cycle. */
int steps_check(const struct steps *s, struct err *err);

int steps_to_json(const struct steps *s, cJSON **ret_json, struct err *err);
int steps_from_json(const cJSON *json, struct steps *ret_steps, struct err *err);
void steps_release(struct steps *s);

#endif

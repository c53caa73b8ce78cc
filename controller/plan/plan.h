/* The planner: desired + observed -> what changes, and the graph of steps that changes it. Pure: equal input gives
 * an equal plan. */
#ifndef TANDEM_PLAN_PLAN_H
#define TANDEM_PLAN_PLAN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"
#include "api/base/strv.h"
#include "controller/plan/desired.h"
#include "controller/plan/observed.h"
#include "controller/plan/rollback.h"
#include "controller/plan/step.h"

enum plan_action {
  PLAN_KEEP,     /* = nothing to do */
  PLAN_CREATE,   /* + */
  PLAN_RECREATE, /* ± a new container takes the old one's place */
  PLAN_MOVE,     /* → to another machine */
  PLAN_UPDATE,   /* ~ live, no restart */
  PLAN_START,    /* ^ it is there but does not run (or is paused), or has another name */
  PLAN_REMOVE,   /* - no longer in the files */
  PLAN_ACTION_COUNT
};
const char *plan_action_name(enum plan_action action); /* "create" */

/* One field that differs. Secret values are "(sensitive)" already. */
struct plan_change {
  char *field; /* "environment.LOG_LEVEL", "memory", "extra_hosts.tts", "image" */
  char *from;  /* NULL: not set */
  char *to;    /* NULL: removed */
  bool live;   /* can be changed without a re-create */
};

struct plan_service {
  char *name;
  enum plan_action action;
  char *from_machine; /* NULL when it runs nowhere yet */
  char *to_machine;   /* NULL when removed */
  struct plan_change *changes;
  size_t change_count;
  bool start_first;
  bool restored;  /* by starting a parked container */
  bool downtime;  /* the old one stops before the new one is up */
  char *image_note; /* "build", "copy from pc2", "pull", or NULL */
};

struct plan_image {
  char *machine;
  char *ref;
  char *how;    /* "build", "copy", "pull", "tag" */
  bool tier;
};

struct plan_machine {
  char *name;
  char *engine_version;
  size_t services; /* after the plan */
};

struct plan {
  char *project;
  char *kind;            /* apply, rollback, relocate, down */
  int64_t base_revision; /* committed now; 0 none */
  int64_t parallelism;
  struct plan_service *services; /* sorted by name, kept ones included */
  size_t service_count;
  struct plan_image *images; /* those that something is done for */
  size_t image_count;
  struct plan_machine *machines;
  size_t machine_count;
  struct strv resources; /* "network ai-system_default on pc2" to be made */
  struct strv warnings;
  struct steps steps; /* empty: nothing to do */
  cJSON *desired;     /* the document to be stored with the revision; NULL for down */
  cJSON *basis;       /* what it was made from, see basis.h; NULL for down */
  struct rollback rollback; /* from it, once carried out, to the base revision */
  char fingerprint[65];  /* of desired document, steps and the observed IDs in them */
};

struct plan_options {
  const char *kind;
  int64_t base_revision;
  int64_t keep_parked_from; /* parked containers of revisions older than this are removed after the commit */
  int parallelism;          /* 0: the manifest's */
  const cJSON *step_ms; /* how long steps have taken, by kind; NULL: nothing was measured */
  const struct desired *held; /* of the base revision, with the image IDs it ran with; NULL: none */
  bool no_build;            /* a needed build is ERR_CONFLICT */
  bool remove_volumes;      /* down --volumes */
  const char *const *kept_images; /* image IDs that kept revisions need: their hold tags stay */
  size_t kept_image_count;
};

/* ERR_CONFLICT when the engines cannot be brought there (a missing image without a way to get it, a missing external
 * network, …). Caller frees. */
int plan_make(const struct desired *desired, const struct observed *observed, const struct plan_options *options,
              struct plan **ret_plan, struct err *err);
/* The plan that removes everything of the project. */
int plan_down(const char *project, const struct observed *observed, const struct plan_options *options,
              struct plan **ret_plan, struct err *err);
/* The builds only: images that are missing or stale; names NULL = all, else tiers and services. */
int plan_build(const struct desired *desired, const struct observed *observed, const char *const *names, size_t count,
               const struct plan_options *options, struct plan **ret_plan, struct err *err);
void plan_free(struct plan *plan);

size_t plan_count(const struct plan *plan, enum plan_action action);
/* Nothing to change on any engine (clean-up left over counts as nothing). */
bool plan_is_empty(const struct plan *plan);
/* The whole plan, for --format json and for PLANFILE, with its fingerprint: the hash of all the rest. */
int plan_to_json(const struct plan *plan, cJSON **ret_json, struct err *err);

#endif

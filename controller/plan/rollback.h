/* Going back to a revision: what it needs beside what the engines have, and about how long it takes. Pure. */
#ifndef TANDEM_PLAN_ROLLBACK_H
#define TANDEM_PLAN_ROLLBACK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/base/err.h"
#include "api/base/strv.h"
#include "controller/plan/desired.h"
#include "controller/plan/observed.h"
#include "controller/plan/step.h"

struct plan;

struct rollback {
  int64_t revision;    /* gone back to; 0: there is none */
  bool possible;       /* offline, without a build: every image is on some machine */
  struct strv needs;   /* "image p-web:latest (gone from pc2): a build" */
  struct strv copies;  /* "image p-web:latest from mainpc to pc2" */
  int64_t estimate_ms; /* 0: not known, since something in it was never measured */
};
void rollback_release(struct rollback *r);

/* Whether the images that the revision's containers ran with are where they have to be, or where they can be copied
 * from. Fills all but the estimate; the caller releases, also after a failure. */
int rollback_assess(const struct desired *target, const struct observed *observed, int64_t revision,
                    struct rollback *ret, struct err *err);
/* {"revision", "possible", "offline", "needs", "copies", "estimate_ms" (absent when not known)}. */
int rollback_to_json(const struct rollback *r, cJSON **ret_json, struct err *err);

/* How long the steps take up to the commit: phase by phase the longest way through the graph, and not less than what
 * the slots of a machine allow. step_ms: milliseconds by kind, as measured. *ret_ms 0 where a kind was never measured.
 */
int rollback_estimate(const struct steps *steps, int64_t parallelism, const cJSON *step_ms, int64_t *ret_ms,
                      struct err *err);
/* The same for the way back from a plan that is not yet carried out: its switch and its proof, mirrored, since all that
 * it replaces will be parked. base: what is gone back to. */
int rollback_estimate_mirrored(const struct plan *plan, const struct desired *base, const cJSON *step_ms,
                               int64_t *ret_ms, struct err *err);

#endif

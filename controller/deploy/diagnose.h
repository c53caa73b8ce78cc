/* Why a container failed, fetched before it is put back: state, exit code, OOM flag, last health output, last lines. */
#ifndef TANDEM_DEPLOY_DIAGNOSE_H
#define TANDEM_DEPLOY_DIAGNOSE_H

#include <cjson/cJSON.h>

#include "api/engine/engine.h"

struct diagnosis;

/* report (owned by the callee): {"status", "exit_code", "oom_killed", "error", "health": {"status",
 * "failing_streak", "output"}, "logs": ["…"]}; NULL when nothing could be learnt. */
typedef void diagnose_cb(void *arg, cJSON *report);
/* state: the container's State when it was found failed (it may have been restarted since); NULL: as it is now. cb runs
 * once, later. NULL (cb does not run) only without memory. */
struct diagnosis *diagnose_start(struct engine *e, const char *container_id, const cJSON *state, diagnose_cb *cb,
                                 void *arg);
/* cb still runs, later, with what was learnt. */
void diagnose_cancel(struct diagnosis *d);

#endif

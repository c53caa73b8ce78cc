/* Reads what all engines hold of one project: every container inspected, images, networks and volumes listed. Only
 * reads. */
#ifndef TANDEM_OBSERVE_OBSERVE_H
#define TANDEM_OBSERVE_OBSERVE_H

#include "controller/observe/machines.h"
#include "controller/plan/observed.h"

/* Exactly one of observed (the callee owns it) and err is not NULL. */
typedef void observe_cb(void *arg, struct observed *observed, struct err *err);

/* cb runs once, from the loop; err names the machine. Returns -1 (nothing started) only without memory. */
int observe_start(struct machines *machines, const char *project, observe_cb *cb, void *arg, struct err *err);

#endif

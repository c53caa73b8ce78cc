/* What can be read but not, or not wholly, be honoured; and the parts of fleet_check(). */
#ifndef TANDEM_MANIFEST_CHECK_H
#define TANDEM_MANIFEST_CHECK_H

#include "controller/manifest/fleet.h"

/* The least cap of tasks that a Python agent with two ZeroMQ contexts starts under. */
#define CHECK_PIDS_LEAST 16

/* check_support.c: keys that say something no container will show. */
int check_support_warn(struct fleet *fleet, struct err *err);  /* warnings, at load */
int check_support(const struct fleet *fleet, struct err *err); /* refusals, before a deploy */

/* check_conflict.c: two services that want one thing. */
int check_ports(const struct fleet *fleet, struct err *err);
int check_names(const struct fleet *fleet, struct err *err);

/* check_graph.c: dependencies in a circle, and references that cannot leave a machine. */
int check_cycles(const struct fleet *fleet, struct err *err);
int check_shared(const struct fleet *fleet, struct err *err);

#endif

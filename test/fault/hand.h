/* What an operator does by hand to the small fleet between two transactions: a container paused, one taken off a
 * network and one put on it. Needs cmocka's includes before it. */
#ifndef TANDEM_TEST_FAULT_HAND_H
#define TANDEM_TEST_FAULT_HAND_H

#include "api/engine/resource.h"
#include "test/fault/fleet.h"

static inline void hand_done(void *arg, const struct engine_reply *reply, struct err *err) {
  (void)reply;
  (void)err; /* what came of it is looked at afterwards: it may be so already */
  *(bool *)arg = true;
}

static inline const char *hand_container(const struct observed_machine *m, const char *service) {
  for (size_t i = 0; i < m->container_count; i++)
    if (m->containers[i].role == CONTAINER_LIVE && strcmp(m->containers[i].service, service) == 0)
      return m->containers[i].id;
  fail_msg("no %s on %s", service, m->name);
  return NULL;
}

static inline void hand_network(struct lab *lab, struct engine *e, const char *network, const char *container,
                                bool connect) {
  bool done = false;
  if (connect)
    network_connect(e, network, container, NULL, hand_done, &done);
  else
    network_disconnect(e, network, container, true, hand_done, &done);
  lab_await(lab, &done);
}

/* db is paused, cache is off the second network, api is on it. */
static inline void hand_drift(struct lab *lab) {
  struct observed *o = lab_observe(lab);
  const struct observed_machine *m = observed_machine(o, "mainpc");
  struct engine *e = machines_engine(&lab->machines, "mainpc");
  char name[100], *side = NULL;
  bool done = false;
  snprintf(name, sizeof(name), "%s_side", lab->project);
  for (size_t i = 0; i < m->network_count; i++)
    if (strcmp(m->networks[i].name, name) == 0)
      side = m->networks[i].id;
  assert_non_null(side);
  container_pause(e, hand_container(m, "db"), hand_done, &done);
  lab_await(lab, &done);
  hand_network(lab, e, side, hand_container(m, "cache"), false);
  hand_network(lab, e, side, hand_container(m, "api"), true);
  observed_free(o);
  o = lab_observe(lab);
  CLEANUP_FREE char *picture = fleet_picture(lab, o);
  if (!strstr(picture, " paused "))
    fail_msg("nothing was paused:\n%s", picture);
  observed_free(o);
}

#endif

/* What the files of the planner share while one plan is made. */
#ifndef TANDEM_PLAN_PLANNER_H
#define TANDEM_PLAN_PLANNER_H

#include "controller/plan/fields.h"
#include "controller/plan/plan.h"

/* What is known of an image on its machine. */
struct image_work {
  bool decided;
  const char *id; /* NULL: known only after its step */
  int step;       /* that makes it present and held; -1 none */
  const char *note; /* "build", "copy", "pull", "tag"; NULL: it is there */
  const char *from; /* of a copy: the machine */
};

/* One service on its way through the planner. */
struct service_work {
  const struct desired_service *want; /* NULL: to be removed */
  const char *name;
  const char *machine;
  const struct observed_machine *on;
  const struct observed_container *live;   /* on the wanted machine */
  const struct observed_container *old;    /* what is replaced: live, or the one on old_machine */
  const char *old_machine;
  const struct observed_container *parked; /* to be restored instead of creating */
  enum plan_action action;
  bool start_first;
  bool completes; /* others wait for its end, not its health */
  struct image_work *image;
  struct field_changes changes;
  bool rewire; /* its networks are not as wanted */
  cJSON *update, *previous;
  /* Steps, -1 where there is none. */
  int create, start, ready, entry, old_stop;
};

struct planner {
  const struct desired *desired;
  const struct observed *observed;
  const struct plan_options *options;
  struct plan *plan;
  struct image_work *images; /* beside desired->images */
  struct service_work *services;
  size_t service_count;
};

/* Decides about desired->images[index] and adds its steps. */
int planner_image(struct planner *p, size_t index, struct err *err);
/* Adds the steps of one service (not the order between services). */
int planner_steps(struct planner *p, struct service_work *w, struct err *err);
/* policy, stop and rename to NAME.rBASE; *ret_first, *ret_stop: indices. after: -1 or what to wait for. */
int planner_park(struct planner *p, const char *machine, const char *service, const struct observed_container *c,
                 bool stop_last, int after, int *ret_first, int *ret_rename, int *ret_stop, struct err *err);
/* Adds what differs in the networks of a container that is there to w->changes, and notes it in w->rewire.
 * *ret_recreate is set where only a new container will do. */
int planner_network_diff(struct service_work *w, const struct observed_container *c, bool *ret_recreate,
                         struct err *err);
/* Steps that make them as wanted, after *last, which becomes the last of them. */
int planner_network_steps(struct planner *p, struct service_work *w, const struct observed_container *c, int *last,
                          struct err *err);
/* The steps after the commit: parked containers and hold tags that no kept revision needs. */
int planner_cleanup(struct planner *p, struct err *err);

/* After the last other step: those that keep the transaction's record on the engines. */
int planner_record(struct planner *p, struct err *err);

int planner_warn(struct planner *p, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
/* Index of the step just added with the container's ID. */
int planner_container_step(struct planner *p, enum step_kind kind, enum step_phase phase, const char *machine,
                           const char *service, const struct observed_container *c, cJSON *args, struct err *err);
/* Fills base fields of an empty plan. */
int planner_begin(struct planner *p, const char *project, struct err *err);
/* Checks the graph and makes the fingerprint. */
int planner_finish(struct planner *p, struct err *err);

#endif

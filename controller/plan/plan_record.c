/* The record of the transaction on each engine: made before everything else, told of the commit before anything is
 * cleaned up, removed last. */
#include "controller/plan/planner.h"

static int add(struct planner *p, enum step_kind kind, enum step_phase phase, size_t machine, int creator,
               struct err *err) {
  struct steps *s = &p->plan->steps;
  int at = steps_add(s, kind, phase, p->observed->machines[machine].name, NULL, "record", NULL, err);
  if (at >= 0)
    s->items[at].creator = creator;
  return at;
}

/* Every first step waits for all records; every step after the commit waits until all tell of it. */
static int order_step(struct steps *s, size_t at, int first, size_t machines, struct err *err) {
  bool cleanup = s->items[at].phase == PHASE_CLEANUP;
  for (size_t m = 0; m < machines; m++) {
    int create = first + (int)m, commit = create + (int)machines, remove = commit + (int)machines;
    if (cleanup ? steps_order(s, (int)at, commit, err) < 0 || steps_order(s, remove, (int)at, err) < 0
                : steps_order(s, (int)at, create, err) < 0)
      return -1;
  }
  return 0;
}

int planner_record(struct planner *p, struct err *err) {
  struct steps *s = &p->plan->steps;
  size_t before = s->count, machines = p->observed->machine_count;
  for (size_t m = 0; m < machines; m++)
    if (add(p, STEP_RECORD_CREATE, PHASE_PREPARE, m, -1, err) < 0)
      return -1;
  for (size_t m = 0; m < machines; m++)
    if (add(p, STEP_RECORD_COMMIT, PHASE_CLEANUP, m, (int)(before + m), err) < 0)
      return -1;
  for (size_t m = 0; m < machines; m++)
    if (add(p, STEP_RECORD_REMOVE, PHASE_CLEANUP, m, (int)(before + m), err) < 0)
      return -1;
  for (size_t m = 0; m < machines; m++)
    for (size_t k = 0; k < machines; k++)
      if (steps_order(s, (int)(before + 2 * machines + m), (int)(before + machines + k), err) < 0)
        return -1;
  for (size_t i = 0; i < before; i++)
    if ((s->items[i].after_count == 0 || s->items[i].phase == PHASE_CLEANUP) &&
        order_step(s, i, (int)before, machines, err) < 0)
      return -1;
  return 0;
}

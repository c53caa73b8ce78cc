/* Walking a graph of steps forward and back. Pure: which step may go next, given what has become of the others. */
#ifndef TANDEM_DEPLOY_WALK_H
#define TANDEM_DEPLOY_WALK_H

#include <stdbool.h>

#include "controller/plan/step.h"

enum step_status {
  STEP_WAITING, /* not begun */
  STEP_RUNNING, /* its intent is being made durable, or it runs */
  STEP_DONE,
  STEP_FAILED, /* may have been applied in part or whole */
  STEP_UNDOING,
  STEP_UNDONE,
  STEP_UNDO_FAILED, /* left as it is */
};

struct walk {
  const struct steps *steps;
  enum step_status *status; /* by step */
  bool *unreachable;        /* by step: its machine does not answer */
  int *next_start;          /* by step: where its followers begin in followers; one more at the end */
  int *followers;
};

int walk_init(struct walk *w, const struct steps *steps, struct err *err);
void walk_release(struct walk *w);

/* All that it waits for is done, and it is of that phase. */
bool walk_can_run(const struct walk *w, int step, enum step_phase phase);
/* Of all steps of a machine. */
void walk_set_unreachable(struct walk *w, const char *machine, bool unreachable);

/* What keeps a step from being undone. */
enum walk_bar {
  BAR_NONE,        /* begun, and all that followed it was undone or never begun */
  BAR_ORDER,       /* not begun, undone already, or a step that followed it still stands */
  BAR_UNREACHABLE, /* its machine does not answer */
  BAR_TWICE,       /* it would start a service that may still run on a machine that does not answer */
  BAR_ONLY_COPY,   /* it would stop a service whose other copy is stopped on a machine that does not answer */
};
/* *ret_other (may be NULL): for the last two, the step on the other machine.
 *
 * A step on a machine that does not answer does not hold back the steps of other machines that it followed: that was
 * only order. What must hold over machines is that no service runs twice: what has begun to start there counts as
 * running, what is not known to be stopped there too. */
enum walk_bar walk_undo_bar(const struct walk *w, int step, int *ret_other);
bool walk_can_undo(const struct walk *w, int step);
/* Begun and not undone. */
bool walk_stands(const struct walk *w, int step);
/* No step of the phase is still to be done. */
bool walk_phase_done(const struct walk *w, enum step_phase phase);
/* Nothing more can be undone. */
bool walk_undo_done(const struct walk *w);

/* The transaction's own course, one table. */
enum txn_state {
  TXN_FORWARD,  /* prepare, switch, prove */
  TXN_DRAINING, /* something failed: what is under way comes to its end */
  TXN_UNDOING,
  TXN_COMMITTING, /* the outcome "committed" is being made durable */
  TXN_CLEANING,
  TXN_CLOSING, /* the last outcome is being made durable */
  TXN_END,
  TXN_STATE_COUNT
};
enum txn_event {
  TXN_ALL_DONE,  /* no step of the present direction is left */
  TXN_FAILURE,   /* a step, the journal or an interrupt */
  TXN_IDLE,      /* nothing is under way any more */
  TXN_DURABLE,   /* the outcome is written */
  TXN_ABANDONED, /* the engines may not be touched any more */
  TXN_EVENT_COUNT
};
enum txn_state txn_next(enum txn_state state, enum txn_event event);
const char *txn_state_name(enum txn_state state);

#endif

/* Between the files of the walker: transaction.c holds the course, run.c one operation of one step, hold.c what is
 * tried again or waits for its machine, reach.c the machines. */
#ifndef TANDEM_DEPLOY_TRANSACTION_PRIVATE_H
#define TANDEM_DEPLOY_TRANSACTION_PRIVATE_H

#include "controller/deploy/diagnose.h"
#include "controller/deploy/kind.h"
#include "controller/deploy/pulse.h"
#include "controller/deploy/transaction.h"

struct run {
  struct op op; /* first: an op's callbacks get at its run */
  struct transaction *t;
  uint64_t began_ms;
  int tries;
  enum { RUN_FORWARD, RUN_PROBE, RUN_BACK } doing;
  enum step_status was; /* before it */
  bool cut;             /* cancelled because its machine was lost: what came of it is unknown */
  bool out;             /* its machine was out of reach for a while: not applied means that it may be run again */
  bool held;            /* its call failed on the way; it waits for an answer of held_on to question */
  size_t held_on;       /* machine's index */
  uint64_t held_ms;     /* since when */
  uint64_t question;
  struct diagnosis *diagnosis; /* under way */
  struct err err;              /* of the run that a probe, a wait or a diagnosis follows */
};

struct reach {
  bool given_up;      /* lost, and waited for long enough */
  uint64_t lost_ms;   /* when it was found out */
  uint64_t silent_ms; /* since when it has said nothing */
};

struct transaction {
  struct transaction_options o;
  struct work *work;
  struct walk walk;
  struct pulse *pulse;
  struct reach *reach; /* by machine link */
  enum txn_state state;
  enum step_phase phase;
  struct run **running; /* by step; NULL when it does not run */
  uint64_t *settles_ms; /* by step: until then a call without a known result may still take effect; 0: known */
  int *slots;           /* by machine link: calls under way */
  size_t under_way;     /* operations and journal writes */
  bool pumping, pump_again, switched, interrupted, abandoned, closing;
  bool cleanup_failed, cleanup_left; /* left: not tried, for want of its machine */
  uint64_t back_began_ms;
  struct transaction_outcome outcome;
};

#define STEP_FIELDS(t, s, ...)                                                                                         \
  LOG_FIELDS(.project = (t)->work->project, .revision = (t)->work->revision, .machine = (s)->machine,                  \
             .service = (s)->service, .container = work_container((t)->work, (s)), .step = step_kind_name((s)->kind),  \
             __VA_ARGS__)

static inline uint64_t now_ms(const struct transaction *t) {
  return uv_now(t->work->loop);
}

static inline const struct step *step_at(const struct transaction *t, int i) {
  return &t->work->steps->items[i];
}

/* --- transaction.c --- */
/* Everything that may have changed comes here; never re-entered, so that a step that ends at once is as safe as one
 * that ends later. */
void transaction_pump(struct transaction *t);
/* The first failure is the one to be told; report (may be NULL) is taken over. */
void transaction_fail(struct transaction *t, const struct step *s, const struct err *err, cJSON *report);

/* --- run.c --- */
void run_begin(struct transaction *t, const struct step *s, bool back);
/* Starts what it does anew. */
void run_repeat(struct run *r);
void run_end(struct run *r);
/* Ends a run forward with r->err. */
void run_fail(struct run *r);
/* err NULL: undone. */
void run_back_done(struct run *r, struct err *err);
/* Its end comes as ever, with or without a result. */
void run_cancel(struct run *r);
bool run_has_slot(struct transaction *t, const struct step *s);
void run_journal(struct transaction *t, const struct step *s, enum journal_mark mark, const cJSON *result,
                 const struct err *error);
/* A step that could not be undone, for the log, the journal and the user. */
void run_left(struct transaction *t, const struct step *s, const struct err *err);
/* A removal after the commit that did not come about. */
void run_uncleaned(struct transaction *t, const struct step *s, const struct err *err);

/* --- hold.c --- */
/* How long a call without a known result may still take effect. */
uint64_t hold_settle_ms(const struct transaction *t, const struct step *s);
/* Repeats a run in so many ms. False without memory. */
bool hold_later(struct run *r, uint64_t ms);
/* As hold_later, longer each time; false too when it was tried often enough. */
bool hold_try_later(struct run *r);
/* Takes an operation that failed on the way to or from its machine (err) until that answers. False: not such one. */
bool hold_take(struct run *r, struct err *err);
/* After a probe that found nothing applied, or could not look: is it looked at or run again? */
bool hold_again(struct run *r);
/* Goes on with or ends what waits for machines, as far as that is known by now. */
void hold_resolve(struct transaction *t);

/* --- reach.c --- */
int reach_open(struct transaction *t, struct err *err);
void reach_close(struct transaction *t, void (*closed_cb)(void *arg));
size_t reach_index(const struct transaction *t, const char *machine);
bool reach_is_lost(const struct transaction *t, const char *machine);
bool reach_any_lost(const struct transaction *t);
/* Lost, and in the transaction's present state nobody waits for it. */
bool reach_is_hopeless(const struct transaction *t, size_t machine);
/* Something is to be undone on a machine that is lost, but still waited for. */
bool reach_is_awaited(const struct transaction *t);
/* An image's copy needs two machines. NULL: not one. */
const char *reach_source(const struct step *s);

#endif

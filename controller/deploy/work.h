/* What the steps of one transaction share, and one operation (run, probe or undo) of one step. */
#ifndef TANDEM_DEPLOY_WORK_H
#define TANDEM_DEPLOY_WORK_H

#include <uv.h>

#include "api/engine/engine.h"
#include "controller/gate/watch.h"
#include "controller/log/log.h"
#include "controller/observe/machines.h"
#include "controller/plan/desired.h"
#include "controller/plan/plan.h"

struct tar_cache;

/* What a transaction's record tells; strings may be NULL. */
struct transaction_facts {
  int64_t base;
  const char *kind, *summary, *started_at, *command, *state_dir;
};

struct work {
  uv_loop_t *loop;
  struct log *log;
  struct machines *machines;
  struct watch *watch;           /* open while steps run forward; NULL when undoing after a crash */
  const char *project;
  int64_t revision;              /* this transaction's */
  const struct transaction_facts *facts; /* NULL: nothing to tell */
  const struct steps *steps;
  struct desired *desired;       /* NULL for down and for recovery's undo */
  cJSON **results;               /* by step, NULL while there is none */
  const char *temporary_dir;     /* for contexts' tars */
  struct tar_cache *tars;
  int64_t reconnect_ms;          /* how long to wait for a machine that does not answer; 0: what desired says, else 30 s */
  int settle_ms;                 /* how late a call whose reply was lost may still take effect; 0: 5000 */
};

enum probe_answer { PROBE_NOT_APPLIED, PROBE_APPLIED, PROBE_CANNOT_TELL };

/* One run, probe or undo under way. Made by the transaction; a kind's function starts calls and ends in op_done(). */
struct op {
  struct work *work;
  const struct step *step;
  struct engine *engine;     /* of the step's machine; never NULL */
  struct engine_call *call;  /* in flight, for cancel */
  bool cancelled;
  cJSON *result;             /* of run, or of a probe that found it applied; goes into the journal */
  enum probe_answer answer;  /* of probe */
  bool settled;              /* undo: nothing late is to be feared, since it found and took back what run does */
  bool gone;                 /* undo: what it would put back is not there any more, and nothing brings it back */
  int stage;                 /* the kind's own */
  void *data;                /* the kind's own */
  void (*cancel)(struct op *op); /* the kind's own way to end early, when there is no call; may be NULL */
  void (*done)(struct op *op, struct err *err);
  void *owner;
};

/* Ends the operation: err NULL is success. Exactly once per operation; op is gone afterwards. */
void op_done(struct op *op, struct err *err);
/* As op_done(op, err) with a new error. */
void op_fail(struct op *op, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);
/* Ends an undo whose container somebody has removed. */
void op_gone(struct op *op);
/* Undo has found run's effect, and this call takes it back. */
void op_take_back(struct op *op, struct engine_call *call);
/* For calls whose reply does not matter beyond success. */
void op_reply(void *arg, const struct engine_reply *reply, struct err *err);
/* As op_reply, with 404 counted as success: what was to be removed is gone. */
void op_reply_gone(void *arg, const struct engine_reply *reply, struct err *err);
/* For calls whose reply's Id is the result. */
void op_reply_id(void *arg, const struct engine_reply *reply, struct err *err);
/* Ends a probe that has inspected: applied when the object is there and ours, its Id (if it has one) then being the
 * result; 404 is "not applied". */
void op_probed(struct op *op, const struct engine_reply *reply, struct err *err,
               bool (*is_ours)(const struct op *op, const cJSON *inspect));
/* Puts a string into the operation's result. */
int op_result(struct op *op, const char *name, const char *value, struct err *err);

/* The container's full ID: known at plan time, or from its create's result. NULL: not created. */
const char *work_container(const struct work *work, const struct step *step);
const char *step_arg(const struct step *step, const char *name, const char *fallback);

#endif

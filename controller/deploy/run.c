/* One operation of one step: its intent made durable, its call, what came of it. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/deploy/transaction_private.h"

/* --- journal ----------------------------------------------------------------------------------------------------- */

static void mark_written(void *arg, struct err *err) {
  struct transaction *t = arg;
  t->under_way--;
  if (err) {
    err_wrap(err, "journal");
    transaction_fail(t, NULL, err, NULL);
  }
  transaction_pump(t);
}

static void journal_step(struct transaction *t, const struct step *s, enum journal_mark mark, const cJSON *result,
                         const struct err *error, journal_cb *cb, void *arg) {
  struct journal_entry entry = {
      .step = s->index,
      .mark = mark,
      .kind = step_kind_name(s->kind),
      .machine = s->machine,
      .service = s->service,
      .object = s->object,
      .result = result,
      .error = error && error->kind ? err_text(error) : NULL,
  };
  t->under_way++;
  journal_write(t->o.journal, &entry, cb, arg);
}

void run_journal(struct transaction *t, const struct step *s, enum journal_mark mark, const cJSON *result,
                 const struct err *error) {
  if (t->o.journal)
    journal_step(t, s, mark, result, error, mark_written, t);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static int *slot_of(struct transaction *t, const struct step *s) {
  size_t i = reach_index(t, s->machine);
  return i < t->work->machines->count ? &t->slots[i] : NULL;
}

bool run_has_slot(struct transaction *t, const struct step *s) {
  int *slots = slot_of(t, s);
  return !slots || !kind_of(s->kind)->takes_slot || *slots < t->o.parallelism;
}

void run_end(struct run *r) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  if (kind_of(s->kind)->takes_slot)
    (*slot_of(t, s))--;
  t->running[s->index] = NULL;
  t->under_way--;
  cJSON_Delete(r->op.result);
  err_release(&r->err);
  free(r);
  transaction_pump(t);
}

static void report_done(struct run *r) {
  const struct step *s = r->op.step;
  char text[600];
  int64_t ms = (int64_t)(now_ms(r->t) - r->began_ms);
  kind_describe(s, text, sizeof(text));
  log_emit(r->t->work->log, LOG_STEP_DONE, STEP_FIELDS(r->t, s, .duration_ms = ms), "%s", text);
  if (s->kind == STEP_GATE_READY)
    log_emit(r->t->work->log, LOG_SERVICE_STATE, STEP_FIELDS(r->t, s, .from = "starting", .to = "ready"), "%s is ready",
             s->service);
}

static void forward_done(struct run *r) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  t->walk.status[s->index] = STEP_DONE;
  cJSON_Delete(t->work->results[s->index]);
  t->work->results[s->index] = STEAL(r->op.result);
  run_journal(t, s, JOURNAL_DONE, t->work->results[s->index], NULL);
  report_done(r);
  run_end(r);
}

void run_uncleaned(struct transaction *t, const struct step *s, const struct err *err) {
  char text[600];
  kind_describe(s, text, sizeof(text));
  t->walk.status[s->index] = STEP_FAILED;
  t->cleanup_failed = true;
  strv_add(&t->outcome.left, text, NULL);
  log_emit(t->work->log, LOG_CLEANUP_FAILED, STEP_FIELDS(t, s, .err = err), "%s: %s", text, err_text(err));
}

static void forward_failed(struct run *r, cJSON *report) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  char text[600];
  kind_describe(s, text, sizeof(text));
  t->walk.status[s->index] = STEP_FAILED;
  run_journal(t, s, JOURNAL_FAILED, report, &r->err);
  if (s->phase == PHASE_CLEANUP) {
    run_uncleaned(t, s, &r->err);
    cJSON_Delete(report);
  } else {
    if (!r->op.cancelled)
      log_emit(t->work->log, LOG_STEP_FAILED, STEP_FIELDS(t, s, .err = &r->err), "%s: %s", text, err_text(&r->err));
    if (s->kind != STEP_GATE_READY && s->kind != STEP_GATE_HOLD)
      err_wrap(&r->err, "%s", text);
    transaction_fail(t, s, &r->err, report);
  }
  run_end(r);
}

void run_fail(struct run *r) {
  forward_failed(r, NULL);
}

static void diagnosed(void *arg, cJSON *report) {
  struct run *r = arg;
  r->diagnosis = NULL;
  if (!r->t->abandoned) {
    forward_failed(r, report);
    return;
  }
  cJSON_Delete(report);
  run_end(r);
}

static void fail_with_diagnosis(struct run *r) {
  const struct step *s = r->op.step;
  const char *id = work_container(r->t->work, s);
  bool asks = kind_of(s->kind)->watches && !r->op.cancelled && id && !reach_is_lost(r->t, s->machine);
  r->diagnosis = asks ? diagnose_start(r->op.engine, id, json_get(r->op.result, "State"), diagnosed, r) : NULL;
  if (!r->diagnosis)
    forward_failed(r, NULL);
}

static void probe_done(struct run *r, struct err *err) {
  const struct step *s = r->op.step;
  if (!err && r->op.answer == PROBE_APPLIED) {
    log_emit(r->t->work->log, LOG_STEP_RESOLVED, STEP_FIELDS(r->t, s, .err = &r->err),
             "the reply was lost, but the engine has done it");
    forward_done(r);
    return;
  }
  if (!err && hold_again(r))
    return;
  r->doing = RUN_FORWARD;
  cJSON_Delete(r->op.result);
  r->op.result = NULL;
  fail_with_diagnosis(r);
}

/* --- back -------------------------------------------------------------------------------------------------------- */

void run_left(struct transaction *t, const struct step *s, const struct err *err) {
  char text[600], left[1200];
  kind_describe(s, text, sizeof(text));
  snprintf(left, sizeof(left), "%s: %s", text, err_text(err));
  t->walk.status[s->index] = STEP_UNDO_FAILED;
  run_journal(t, s, JOURNAL_UNDO_FAILED, t->work->results[s->index], err);
  strv_add(&t->outcome.left, left, NULL);
  log_emit(t->work->log, LOG_STEP_UNDO_FAILED, STEP_FIELDS(t, s, .err = err), "undo %s: %s", text, err_text(err));
}

/* A call cut off by a crash or a lost reply may be under way inside the engine: "not applied" holds only after a
 * while. What failed once may have been the engine's moment, and going back must not give up for that. */
static bool is_undone_later(struct run *r, struct err *err) {
  struct transaction *t = r->t;
  uint64_t now = now_ms(t), settles = t->settles_ms[r->op.step->index];
  if (err)
    return !r->op.gone && hold_try_later(r);
  return !r->op.settled && settles > now && hold_later(r, settles - now);
}

/* Somebody removed the container that was to be put back: no later recovery could do more. */
static void undone_without(struct transaction *t, const struct step *s, const struct err *err) {
  char left[600];
  snprintf(left, sizeof(left), "%s on %s: the container of the revision before (%s) is gone",
           s->service ? s->service : s->object, s->machine, s->object);
  t->walk.status[s->index] = STEP_UNDONE;
  t->outcome.gone = true;
  strv_add_once(&t->outcome.left, left, NULL);
  run_journal(t, s, JOURNAL_UNDONE, t->work->results[s->index], err);
  log_emit(t->work->log, LOG_STEP_UNDO_FAILED, STEP_FIELDS(t, s, .err = err), "%s", left);
}

void run_back_done(struct run *r, struct err *err) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  char text[600];
  kind_describe(s, text, sizeof(text));
  if (err && r->op.gone) {
    undone_without(t, s, err);
  } else if (err) {
    run_left(t, s, err);
  } else {
    t->walk.status[s->index] = STEP_UNDONE;
    run_journal(t, s, JOURNAL_UNDONE, t->work->results[s->index], NULL);
    log_emit(t->work->log, LOG_STEP_UNDO, STEP_FIELDS(t, s, .duration_ms = (int64_t)(now_ms(t) - r->began_ms)),
             "undo %s", text);
  }
  run_end(r);
}

/* --- the way there ----------------------------------------------------------------------------------------------- */

/* Removing twice does no harm, and an earlier removal may be under way. */
static bool is_removed_later(struct run *r, const struct err *err) {
  bool passing = err->retryable || err_is_unknown_result(err) || err->http_status >= 500;
  return r->op.step->phase == PHASE_CLEANUP && passing && hold_try_later(r);
}

static void forward_ended(struct run *r, struct err *err) {
  struct op *op = &r->op;
  if (is_removed_later(r, err))
    return;
  bool unknown = err_is_unknown_result(err);
  if (unknown)
    r->t->settles_ms[op->step->index] = now_ms(r->t) + hold_settle_ms(r->t, op->step);
  err_move(&r->err, err);
  /* What was run a second time may find its own first trace in its way. */
  if ((unknown && !op->cancelled) || (r->out && r->err.http_status)) {
    r->doing = RUN_PROBE;
    r->out = r->out && unknown;
    run_repeat(r);
  } else {
    fail_with_diagnosis(r);
  }
}

static void op_ended(struct op *op, struct err *err) {
  struct run *r = op->owner;
  if (r->t->abandoned) /* who takes over looks for himself */
    run_end(r);
  else if (err && hold_take(r, err))
    return;
  else if (r->doing == RUN_PROBE)
    probe_done(r, err);
  else if (r->doing == RUN_FORWARD && err)
    forward_ended(r, err);
  else if (r->doing == RUN_FORWARD)
    forward_done(r);
  else if (!is_undone_later(r, err))
    run_back_done(r, err);
}

void run_repeat(struct run *r) {
  const struct kind *kind = kind_of(r->op.step->kind);
  cJSON_Delete(r->op.result);
  r->op = (struct op){.work = r->op.work, .step = r->op.step, .engine = r->op.engine, .done = op_ended, .owner = r};
  if (r->doing == RUN_BACK)
    kind->undo(&r->op);
  else if (r->doing == RUN_PROBE)
    kind->probe(&r->op);
  else
    kind->run(&r->op);
}

void run_cancel(struct run *r) {
  if (r->diagnosis) {
    diagnose_cancel(r->diagnosis);
    return;
  }
  r->op.cancelled = true;
  if (r->op.call)
    engine_call_cancel(r->op.call);
  else if (r->op.cancel)
    r->op.cancel(&r->op);
}

/* Not begun after all; of an intent without more recovery finds nothing to undo. */
static void forget(struct run *r) {
  r->t->walk.status[r->op.step->index] = r->was;
  run_end(r);
}

/* The intent is durable: now, and only now, the call may go out. */
static void intent_written(void *arg, struct err *err) {
  struct run *r = arg;
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  bool back = r->doing == RUN_BACK;
  if (t->o.journal)
    t->under_way--;
  if (err) {
    err_wrap(err, "journal");
    t->walk.status[s->index] = back ? STEP_UNDO_FAILED : STEP_WAITING;
    if (back)
      strv_add(&t->outcome.left, err_text(err), NULL);
    transaction_fail(t, NULL, err, NULL);
    run_end(r);
    return;
  }
  bool held = t->state == TXN_FORWARD && reach_any_lost(t);
  if (t->abandoned || r->op.cancelled || (!back && (t->state == TXN_DRAINING || held))) {
    forget(r);
    return;
  }
  log_emit(t->work->log, LOG_STEP_START, STEP_FIELDS(t, s, .duration_ms = -1), "%s%s %s", back ? "undo " : "",
           kind_of(s->kind)->verb, s->object ? s->object : "");
  if (t->abandoned)
    forget(r);
  else
    run_repeat(r);
}

void run_begin(struct transaction *t, const struct step *s, bool back) {
  struct engine *engine = machines_engine(t->work->machines, s->machine);
  struct run *r = calloc(1, sizeof(*r));
  if (!r || !engine) {
    struct err err = ERR_INIT;
    free(r);
    err_set(&err, engine ? ERR_NO_MEMORY : ERR_UNREACHABLE, "machine %s cannot be used", s->machine);
    t->walk.status[s->index] = back ? STEP_UNDO_FAILED : STEP_WAITING;
    if (back)
      strv_add(&t->outcome.left, err_text(&err), NULL);
    transaction_fail(t, s, &err, NULL);
    err_release(&err);
    t->pump_again = true;
    return;
  }
  r->t = t;
  r->began_ms = now_ms(t);
  r->was = t->walk.status[s->index];
  r->doing = back ? RUN_BACK : RUN_FORWARD;
  r->op = (struct op){.work = t->work, .step = s, .engine = engine, .done = op_ended, .owner = r};
  t->running[s->index] = r;
  t->walk.status[s->index] = back ? STEP_UNDOING : STEP_RUNNING;
  t->under_way++;
  if (kind_of(s->kind)->takes_slot)
    (*slot_of(t, s))++;
  if (!back && s->phase == PHASE_SWITCH)
    t->switched = true;
  if (t->o.journal)
    journal_step(t, s, back ? JOURNAL_UNDO_INTENT : JOURNAL_INTENT, t->work->results[s->index], NULL, intent_written,
                 r);
  else
    intent_written(r, NULL);
}

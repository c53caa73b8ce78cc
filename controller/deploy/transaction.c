#include "controller/deploy/transaction.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/deploy/diagnose.h"
#include "controller/deploy/kind.h"

enum { SETTLE_MS = 5000, TRIES = 6, TRY_AGAIN_MS = 100 /* then twice as long each time */ };

struct run {
  struct op op; /* first: an op's callbacks get at its run */
  struct transaction *t;
  uint64_t began_ms;
  int tries; /* of an undo, or of a removal after the commit */
  enum { RUN_FORWARD, RUN_PROBE, RUN_BACK } doing;
  struct err err; /* of the run that a probe or a diagnosis follows */
};

struct transaction {
  struct transaction_options o;
  struct work *work;
  struct walk walk;
  enum txn_state state;
  enum step_phase phase;
  struct run **running; /* by step; NULL when it does not run */
  uint64_t *settles_ms; /* by step: until then a call without a known result may still take effect; 0: known */
  int *slots;           /* by machine link: calls under way */
  size_t under_way;     /* operations and journal writes */
  bool pumping, pump_again, switched, interrupted, cleanup_failed;
  uint64_t back_began_ms;
  struct transaction_outcome outcome;
};

static void pump(struct transaction *t);

static uint64_t now_ms(const struct transaction *t) {
  return uv_now(t->work->loop);
}

static const struct step *step_at(const struct transaction *t, int i) {
  return &t->work->steps->items[i];
}

#define STEP_FIELDS(t, s, ...) \
  LOG_FIELDS(.project = (t)->work->project, .revision = (t)->work->revision, .machine = (s)->machine, \
             .service = (s)->service, .container = work_container((t)->work, (s)), \
             .step = step_kind_name((s)->kind), __VA_ARGS__)

static void set_state(struct transaction *t, enum txn_event event) {
  enum txn_state next = txn_next(t->state, event);
  if (next == t->state)
    return;
  log_emit(t->work->log, LOG_TRANSACTION_PHASE,
           LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .from = txn_state_name(t->state),
                      .to = txn_state_name(next)),
           "%s", txn_state_name(next));
  t->state = next;
}

/* --- failure ----------------------------------------------------------------------------------------------------- */

static void cancel_running(struct transaction *t) {
  for (size_t i = 0; i < t->work->steps->count; i++) {
    struct run *r = t->running[i];
    if (!r || r->doing != RUN_FORWARD || r->op.cancelled || !kind_of(r->op.step->kind)->cancellable)
      continue;
    r->op.cancelled = true;
    if (r->op.call)
      engine_call_cancel(r->op.call);
    else if (r->op.cancel)
      r->op.cancel(&r->op);
  }
}

/* The first failure is the one to be told; report (may be NULL) is taken over. */
static void fail(struct transaction *t, const struct step *s, const struct err *err, cJSON *report) {
  cJSON *failure = report ? report : cJSON_CreateObject();
  if (!t->outcome.failure && failure) {
    if (s) {
      json_put_str(failure, "service", s->service);
      json_put_str(failure, "machine", s->machine);
      json_put_str(failure, "step", step_kind_name(s->kind));
    }
    json_put_str(failure, "reason", err_text(err));
    t->outcome.failure = failure;
    log_emit(t->work->log, LOG_TRANSACTION_FAILED,
             LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .machine = s ? s->machine : NULL,
                        .service = s ? s->service : NULL, .err = err),
             "%s", err_text(err));
  } else {
    cJSON_Delete(failure);
  }
  if (t->state == TXN_FORWARD || t->state == TXN_COMMITTING) {
    t->back_began_ms = now_ms(t);
    set_state(t, TXN_FAILURE);
    cancel_running(t);
  }
}

void transaction_interrupt(struct transaction *t) {
  struct err err = ERR_INIT;
  if (t->state != TXN_FORWARD)
    return;
  t->interrupted = true;
  err_set(&err, ERR_CANCELLED, "interrupted");
  fail(t, NULL, &err, NULL);
  err_release(&err);
  pump(t);
}

/* --- journal ----------------------------------------------------------------------------------------------------- */

static void mark_written(void *arg, struct err *err) {
  struct transaction *t = arg;
  t->under_way--;
  if (err) {
    err_wrap(err, "journal");
    fail(t, NULL, err, NULL);
  }
  pump(t);
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

static void journal_mark_step(struct transaction *t, const struct step *s, enum journal_mark mark, const cJSON *result,
                              const struct err *error) {
  if (t->o.journal)
    journal_step(t, s, mark, result, error, mark_written, t);
}

/* --- one operation ----------------------------------------------------------------------------------------------- */

static int *slot_of(struct transaction *t, const struct step *s) {
  for (size_t i = 0; i < t->work->machines->count; i++)
    if (strcmp(t->work->machines->items[i].name, s->machine) == 0)
      return &t->slots[i];
  return NULL;
}

static void run_end(struct run *r) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  if (kind_of(s->kind)->takes_slot)
    (*slot_of(t, s))--;
  t->running[s->index] = NULL;
  t->under_way--;
  cJSON_Delete(r->op.result);
  err_release(&r->err);
  free(r);
  pump(t);
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
  journal_mark_step(t, s, JOURNAL_DONE, t->work->results[s->index], NULL);
  report_done(r);
  run_end(r);
}

static void forward_failed(struct run *r, cJSON *report) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  char text[600];
  kind_describe(s, text, sizeof(text));
  t->walk.status[s->index] = STEP_FAILED;
  journal_mark_step(t, s, JOURNAL_FAILED, report, &r->err);
  if (s->phase == PHASE_CLEANUP) {
    t->cleanup_failed = true;
    strv_add(&t->outcome.left, text, NULL);
    log_emit(t->work->log, LOG_CLEANUP_FAILED, STEP_FIELDS(t, s, .err = &r->err), "%s: %s", text, err_text(&r->err));
    cJSON_Delete(report);
  } else {
    if (!r->op.cancelled)
      log_emit(t->work->log, LOG_STEP_FAILED, STEP_FIELDS(t, s, .err = &r->err), "%s: %s", text, err_text(&r->err));
    if (s->kind != STEP_GATE_READY && s->kind != STEP_GATE_HOLD)
      err_wrap(&r->err, "%s", text);
    fail(t, s, &r->err, report);
  }
  run_end(r);
}

static void diagnosed(void *arg, cJSON *report) {
  forward_failed(arg, report);
}

static void fail_with_diagnosis(struct run *r) {
  const struct step *s = r->op.step;
  const char *id = work_container(r->t->work, s);
  if (!kind_of(s->kind)->watches || r->op.cancelled || !id ||
      diagnose_start(r->op.engine, id, json_get(r->op.result, "State"), diagnosed, r) < 0)
    forward_failed(r, NULL);
}

static void probe_done(struct run *r, struct err *err) {
  const struct step *s = r->op.step;
  r->doing = RUN_FORWARD;
  if (!err && r->op.answer == PROBE_APPLIED) {
    log_emit(r->t->work->log, LOG_STEP_RESOLVED, STEP_FIELDS(r->t, s, .err = &r->err),
             "the reply was lost, but the engine has done it");
    forward_done(r);
    return;
  }
  cJSON_Delete(r->op.result);
  r->op.result = NULL;
  fail_with_diagnosis(r);
}

/* --- again: an undo that fails, or that looked for what may come late; a removal after the commit ---------------- */

/* An engine carries a stop on to its SIGKILL, whoever has hung up. */
static uint64_t settle_ms(const struct transaction *t, const struct step *s) {
  int64_t grace_s = s->kind == STEP_CONTAINER_STOP ? json_int(s->args, "grace_s", 10) : 0;
  return (t->work->settle_ms ? (uint64_t)t->work->settle_ms : SETTLE_MS) +
         (grace_s > 0 ? (uint64_t)grace_s * 1000 : 0);
}

static void run_again(uv_timer_t *timer) {
  struct run *r = timer->data;
  uv_close((uv_handle_t *)timer, (uv_close_cb)free);
  cJSON_Delete(r->op.result);
  r->op.result = NULL;
  r->op.stage = 0;
  r->op.data = NULL;
  if (r->doing == RUN_BACK)
    kind_of(r->op.step->kind)->undo(&r->op);
  else
    kind_of(r->op.step->kind)->run(&r->op);
}

/* False without memory. */
static bool run_later(struct run *r, uint64_t ms) {
  uv_timer_t *timer = calloc(1, sizeof(*timer));
  if (!timer)
    return false;
  uv_timer_init(r->t->work->loop, timer);
  timer->data = r;
  uv_timer_start(timer, run_again, ms, 0);
  return true;
}

static bool try_later(struct run *r) {
  return ++r->tries < TRIES && run_later(r, TRY_AGAIN_MS << (r->tries - 1));
}

/* Removing twice does no harm, and an earlier removal may be under way. */
static bool is_removed_later(struct run *r, const struct err *err) {
  bool passing = err->retryable || err_is_unknown_result(err) || err->http_status >= 500;
  return r->op.step->phase == PHASE_CLEANUP && passing && try_later(r);
}

/* A call cut off by a crash or a lost reply may be under way inside the engine: "not applied" holds only after a
 * while. What failed once may have been the engine's moment, and going back must not give up for that. */
static bool is_undone_later(struct run *r, struct err *err) {
  struct transaction *t = r->t;
  uint64_t now = now_ms(t), settles = t->settles_ms[r->op.step->index];
  if (err)
    return try_later(r);
  return !r->op.settled && settles > now && run_later(r, settles - now);
}

static void back_done(struct run *r, struct err *err) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  char text[600];
  if (is_undone_later(r, err))
    return;
  kind_describe(s, text, sizeof(text));
  t->walk.status[s->index] = err ? STEP_UNDO_FAILED : STEP_UNDONE;
  journal_mark_step(t, s, err ? JOURNAL_UNDO_FAILED : JOURNAL_UNDONE, t->work->results[s->index], err);
  if (err) {
    char left[1200];
    snprintf(left, sizeof(left), "%s: %s", text, err_text(err));
    strv_add(&t->outcome.left, left, NULL);
    log_emit(t->work->log, LOG_STEP_UNDO_FAILED, STEP_FIELDS(t, s, .err = err), "undo %s: %s", text, err_text(err));
  } else {
    log_emit(t->work->log, LOG_STEP_UNDO, STEP_FIELDS(t, s, .duration_ms = (int64_t)(now_ms(t) - r->began_ms)),
             "undo %s", text);
  }
  run_end(r);
}

static void op_ended(struct op *op, struct err *err) {
  struct run *r = op->owner;
  if (r->doing == RUN_BACK) {
    back_done(r, err);
  } else if (r->doing == RUN_PROBE) {
    probe_done(r, err);
  } else if (!err) {
    forward_done(r);
  } else if (!is_removed_later(r, err)) {
    err_move(&r->err, err);
    if (err_is_unknown_result(&r->err))
      r->t->settles_ms[op->step->index] = now_ms(r->t) + settle_ms(r->t, op->step);
    if (err_is_unknown_result(&r->err) && !op->cancelled) {
      r->doing = RUN_PROBE;
      op->stage = 0;
      op->data = NULL;
      kind_of(op->step->kind)->probe(op);
    } else {
      fail_with_diagnosis(r);
    }
  }
}

/* The intent is durable: now, and only now, the call may go out. */
static void intent_written(void *arg, struct err *err) {
  struct run *r = arg;
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  if (t->o.journal)
    t->under_way--;
  if (err) {
    err_wrap(err, "journal");
    t->walk.status[s->index] = r->doing == RUN_BACK ? STEP_UNDO_FAILED : STEP_WAITING;
    if (r->doing == RUN_BACK)
      strv_add(&t->outcome.left, err_text(err), NULL);
    fail(t, NULL, err, NULL);
    run_end(r);
    return;
  }
  if (r->doing == RUN_FORWARD && (t->state == TXN_DRAINING || r->op.cancelled)) {
    t->walk.status[s->index] = STEP_WAITING; /* never begun; recovery sees an intent and finds nothing to undo */
    run_end(r);
    return;
  }
  log_emit(t->work->log, LOG_STEP_START, STEP_FIELDS(t, s, .duration_ms = -1), "%s%s %s", r->doing == RUN_BACK ? "undo " : "",
           kind_of(s->kind)->verb, s->object ? s->object : "");
  if (r->doing == RUN_BACK)
    kind_of(s->kind)->undo(&r->op);
  else
    kind_of(s->kind)->run(&r->op);
}

static void begin_run(struct transaction *t, const struct step *s, bool back) {
  struct engine *engine = machines_engine(t->work->machines, s->machine);
  struct run *r = calloc(1, sizeof(*r));
  if (!r || !engine) {
    struct err err = ERR_INIT;
    free(r);
    err_set(&err, engine ? ERR_NO_MEMORY : ERR_UNREACHABLE, "machine %s cannot be used", s->machine);
    t->walk.status[s->index] = back ? STEP_UNDO_FAILED : STEP_WAITING;
    if (back)
      strv_add(&t->outcome.left, err_text(&err), NULL);
    fail(t, s, &err, NULL);
    err_release(&err);
    t->pump_again = true;
    return;
  }
  r->t = t;
  r->began_ms = now_ms(t);
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

/* --- course ------------------------------------------------------------------------------------------------------ */

static bool has_slot(struct transaction *t, const struct step *s) {
  int *slots = slot_of(t, s);
  return !slots || !kind_of(s->kind)->takes_slot || *slots < t->o.parallelism;
}

static void begin_ready(struct transaction *t, enum step_phase phase) {
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (walk_can_run(&t->walk, (int)i, phase) && has_slot(t, step_at(t, (int)i)))
      begin_run(t, step_at(t, (int)i), false);
}

static void begin_undo(struct transaction *t) {
  for (size_t i = t->work->steps->count; i-- > 0;)
    if (walk_can_undo(&t->walk, (int)i) && has_slot(t, step_at(t, (int)i)))
      begin_run(t, step_at(t, (int)i), true);
}

static void outcome_written(void *arg, struct err *err) {
  struct transaction *t = arg;
  t->under_way--;
  if (err) {
    err_wrap(err, "journal");
    if (t->state == TXN_CLOSING) {
      strv_add(&t->outcome.left, err_text(err), NULL);
      set_state(t, TXN_FAILURE);
    } else {
      fail(t, NULL, err, NULL);
    }
  } else {
    if (t->state == TXN_COMMITTING)
      log_emit(t->work->log, LOG_TRANSACTION_COMMITTED,
               LOG_FIELDS(.project = t->work->project, .revision = t->work->revision), "revision %lld is committed",
               (long long)t->work->revision);
    set_state(t, TXN_DURABLE);
  }
  pump(t);
}

static void write_outcome(struct transaction *t, enum revision_outcome outcome, bool cleaned) {
  t->under_way++;
  if (t->o.journal)
    journal_outcome(t->o.journal, outcome, cleaned, json_str(t->outcome.failure, "reason", NULL), outcome_written, t);
  else
    outcome_written(t, NULL);
}

static bool has_cleanup(const struct transaction *t) {
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (step_at(t, (int)i)->phase == PHASE_CLEANUP && t->walk.status[i] != STEP_DONE)
      return true;
  return false;
}

static void commit(struct transaction *t) {
  struct err err = ERR_INIT;
  if (t->o.before_commit && t->o.before_commit(t->o.arg, &err) < 0) {
    fail(t, NULL, &err, NULL);
    err_release(&err);
    t->pump_again = true;
    return;
  }
  set_state(t, TXN_ALL_DONE);
  write_outcome(t, REVISION_COMMITTED, !has_cleanup(t));
}

static bool is_undone_whole(const struct transaction *t) {
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (t->walk.status[i] != STEP_WAITING && t->walk.status[i] != STEP_UNDONE)
      return false;
  return true;
}

static size_t count_put_back(const struct transaction *t) {
  CLEANUP_STRV struct strv names = STRV_INIT;
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (step_at(t, (int)i)->phase == PHASE_SWITCH && t->walk.status[i] == STEP_UNDONE && step_at(t, (int)i)->service)
      strv_add_once(&names, step_at(t, (int)i)->service, NULL);
  return names.count;
}

static void close_undone(struct transaction *t) {
  struct transaction_outcome *o = &t->outcome;
  bool whole = is_undone_whole(t);
  o->put_back_ms = (int64_t)(now_ms(t) - t->back_began_ms);
  o->put_back_services = count_put_back(t);
  o->result = !whole ? TRANSACTION_STUCK : t->switched ? TRANSACTION_PUT_BACK : TRANSACTION_FAILED_CLEAN;
  log_emit(t->work->log, whole ? LOG_TRANSACTION_PUT_BACK : LOG_TRANSACTION_STUCK,
           LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .duration_ms = o->put_back_ms),
           whole ? "put back %zu services" : "not put back whole; %zu services are back", o->put_back_services);
  set_state(t, TXN_ALL_DONE);
  write_outcome(t,
                !whole        ? REVISION_STUCK
                : t->switched ? REVISION_PUT_BACK
                              : REVISION_FAILED,
                whole);
}

static void close_cleaned(struct transaction *t) {
  bool stuck = t->cleanup_failed && t->o.strict_cleanup;
  t->outcome.result = stuck ? TRANSACTION_STUCK : TRANSACTION_COMMITTED;
  set_state(t, TXN_ALL_DONE);
  write_outcome(t, REVISION_COMMITTED, !stuck);
}

static void step_forward(struct transaction *t) {
  while (t->phase < PHASE_CLEANUP && walk_phase_done(&t->walk, t->phase))
    t->phase++;
  if (t->phase < PHASE_CLEANUP)
    begin_ready(t, t->phase);
  else if (t->under_way == 0)
    commit(t);
}

static void step_once(struct transaction *t) {
  switch (t->state) {
  case TXN_FORWARD:
    step_forward(t);
    break;
  case TXN_DRAINING:
    if (t->under_way == 0) {
      set_state(t, TXN_IDLE);
      t->pump_again = true;
    }
    break;
  case TXN_UNDOING:
    begin_undo(t);
    if (t->under_way == 0 && walk_undo_done(&t->walk))
      close_undone(t);
    break;
  case TXN_CLEANING:
    begin_ready(t, PHASE_CLEANUP);
    if (t->under_way == 0 && walk_phase_done(&t->walk, PHASE_CLEANUP))
      close_cleaned(t);
    break;
  case TXN_COMMITTING:
  case TXN_CLOSING:
  case TXN_END:
  case TXN_STATE_COUNT:
    break;
  }
}

static void transaction_free(struct transaction *t) {
  walk_release(&t->walk);
  free(t->running);
  free(t->settles_ms);
  free(t->slots);
  free(t);
}

/* Everything that may have changed comes here; never re-entered, so that a step that ends at once is as safe as one
 * that ends later. */
static void pump(struct transaction *t) {
  if (t->pumping) {
    t->pump_again = true;
    return;
  }
  t->pumping = true;
  do {
    t->pump_again = false;
    step_once(t);
  } while (t->pump_again);
  t->pumping = false;
  if (t->state != TXN_END || t->under_way)
    return;
  struct transaction_outcome outcome = t->outcome;
  transaction_cb *cb = t->o.cb;
  void *arg = t->o.arg;
  transaction_free(t);
  cb(arg, &outcome);
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

static enum step_status status_of_mark(enum journal_mark mark) {
  switch (mark) {
  case JOURNAL_DONE:
    return STEP_DONE;
  case JOURNAL_UNDONE:
    return STEP_UNDONE;
  case JOURNAL_INTENT:
  case JOURNAL_FAILED:
  case JOURNAL_UNDO_INTENT:
  case JOURNAL_UNDO_FAILED:
    break;
  }
  return STEP_FAILED; /* begun, result unknown: undo looks first */
}

/* When the call of an intent of then is settled, on the loop's clock. */
static uint64_t settles_at(const struct transaction *t, const struct step *s, int64_t then_us) {
  int64_t age_ms = (log_now_us() - then_us) / 1000, wait_ms = (int64_t)settle_ms(t, s);
  age_ms = age_ms < 0 ? 0 : age_ms > wait_ms ? wait_ms : age_ms;
  return now_ms(t) + (uint64_t)(wait_ms - age_ms);
}

static int take_up(struct transaction *t, const struct journal_rows *rows, struct err *err) {
  for (size_t i = 0; rows && i < rows->count; i++) {
    const struct journal_row *row = &rows->items[i];
    if (row->step < 0 || (size_t)row->step >= t->work->steps->count)
      return err_set(err, ERR_INTERNAL, "the journal has step %d, the plan has %zu", row->step, t->work->steps->count);
    const struct step *s = step_at(t, row->step);
    t->walk.status[row->step] = status_of_mark(row->mark);
    if (t->walk.status[row->step] == STEP_FAILED)
      t->settles_ms[row->step] = settles_at(t, s, row->at_us);
    if (s->phase == PHASE_SWITCH && row->mark != JOURNAL_UNDONE)
      t->switched = true;
    if (s->phase == PHASE_CLEANUP && t->walk.status[row->step] != STEP_DONE)
      t->walk.status[row->step] = STEP_WAITING;
    if (row->result && !t->work->results[row->step] &&
        !(t->work->results[row->step] = cJSON_Duplicate(row->result, true)))
      return err_no_memory(err);
  }
  return 0;
}

static void first_pump(uv_timer_t *timer) {
  struct transaction *t = timer->data;
  uv_close((uv_handle_t *)timer, (uv_close_cb)free);
  pump(t);
}

int transaction_start(const struct transaction_options *options, struct transaction **ret_transaction,
                      struct err *err) {
  size_t n = options->work->steps->count;
  struct transaction *t = calloc(1, sizeof(*t));
  uv_timer_t *timer = calloc(1, sizeof(*timer));
  if (t) {
    t->running = calloc(n + 1, sizeof(struct run *));
    t->slots = calloc(options->work->machines->count + 1, sizeof(*t->slots));
    t->settles_ms = calloc(n + 1, sizeof(*t->settles_ms));
  }
  if (!t || !timer || !t->running || !t->slots || !t->settles_ms || walk_init(&t->walk, options->work->steps, err) < 0) {
    if (t)
      transaction_free(t);
    free(timer);
    return err_no_memory(err);
  }
  t->o = *options;
  t->work = options->work;
  t->outcome.put_back_ms = -1;
  t->state = options->begin == BEGIN_FORWARD ? TXN_FORWARD : options->begin == BEGIN_UNDO ? TXN_UNDOING : TXN_CLEANING;
  t->back_began_ms = now_ms(t);
  if (take_up(t, options->rows, err) < 0) {
    transaction_free(t);
    free(timer);
    return -1;
  }
  uv_timer_init(t->work->loop, timer);
  timer->data = t;
  uv_timer_start(timer, first_pump, 0, 0);
  *ret_transaction = t;
  return 0;
}

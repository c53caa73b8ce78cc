/* The course of a transaction: what is begun next, and how it ends. */
#include "controller/deploy/transaction.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/deploy/transaction_private.h"

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
    run_cancel(r);
  }
}

void transaction_fail(struct transaction *t, const struct step *s, const struct err *err, cJSON *report) {
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
  transaction_fail(t, NULL, &err, NULL);
  err_release(&err);
  transaction_pump(t);
}

void transaction_abandon(struct transaction *t, const struct err *why) {
  if (t->abandoned || t->state == TXN_CLOSING || t->state == TXN_END)
    return;
  t->abandoned = true;
  cJSON_Delete(t->outcome.failure);
  if ((t->outcome.failure = cJSON_CreateObject()))
    json_put_str(t->outcome.failure, "reason", err_text(why));
  strv_release(&t->outcome.left);
  t->outcome.left = (struct strv)STRV_INIT;
  strv_add(&t->outcome.left, err_text(why), NULL);
  log_emit(t->work->log, LOG_TRANSACTION_STUCK,
           LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .err = why), "abandoned: %s",
           err_text(why));
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (t->running[i] && !t->running[i]->held)
      run_cancel(t->running[i]);
  transaction_pump(t);
}

/* --- course ------------------------------------------------------------------------------------------------------ */

static void begin_ready(struct transaction *t, enum step_phase phase) {
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (walk_can_run(&t->walk, (int)i, phase) && run_has_slot(t, step_at(t, (int)i)))
      run_begin(t, step_at(t, (int)i), false);
}

static void begin_undo(struct transaction *t) {
  for (size_t i = t->work->steps->count; i-- > 0;)
    if (walk_can_undo(&t->walk, (int)i) && run_has_slot(t, step_at(t, (int)i)))
      run_begin(t, step_at(t, (int)i), true);
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
      transaction_fail(t, NULL, err, NULL);
    }
  } else {
    if (t->state == TXN_COMMITTING)
      log_emit(t->work->log, LOG_TRANSACTION_COMMITTED,
               LOG_FIELDS(.project = t->work->project, .revision = t->work->revision), "revision %lld is committed",
               (long long)t->work->revision);
    set_state(t, TXN_DURABLE);
  }
  transaction_pump(t);
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
    transaction_fail(t, NULL, &err, NULL);
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

/* What stands because of a machine that does not answer. */
static void tell_left(struct transaction *t, const struct step *s) {
  CLEANUP_ERR struct err err = ERR_INIT;
  int other = -1;
  enum walk_bar bar = walk_undo_bar(&t->walk, s->index, &other);
  const char *where = other >= 0 ? step_at(t, other)->machine : s->machine;
  if (bar == BAR_UNREACHABLE)
    err_set(&err, ERR_UNREACHABLE, "%s is unreachable", where);
  else if (bar == BAR_TWICE)
    err_set(&err, ERR_CONFLICT, "not started again: %s may still run on %s, which is unreachable", s->service, where);
  else if (bar == BAR_ONLY_COPY)
    err_set(&err, ERR_CONFLICT, "not taken back: the other %s is stopped on %s, which is unreachable", s->service,
            where);
  if (err.kind && kind_has_undo(s->kind))
    run_left(t, s, &err);
}

static void close_undone(struct transaction *t) {
  struct transaction_outcome *o = &t->outcome;
  bool whole = is_undone_whole(t);
  o->gone = o->gone && whole;
  for (size_t i = t->work->steps->count; i-- > 0;)
    tell_left(t, step_at(t, (int)i));
  o->put_back_ms = (int64_t)(now_ms(t) - t->back_began_ms);
  o->put_back_services = count_put_back(t);
  o->result = !whole || o->gone ? TRANSACTION_STUCK : t->switched ? TRANSACTION_PUT_BACK : TRANSACTION_FAILED_CLEAN;
  log_emit(t->work->log, whole && !o->gone ? LOG_TRANSACTION_PUT_BACK : LOG_TRANSACTION_STUCK,
           LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .duration_ms = o->put_back_ms),
           whole && !o->gone ? "put back %zu services" : "not put back whole; %zu services are back",
           o->put_back_services);
  set_state(t, TXN_ALL_DONE);
  write_outcome(t, !whole ? REVISION_STUCK : t->switched ? REVISION_PUT_BACK : REVISION_FAILED, whole);
}

static void close_cleaned(struct transaction *t) {
  bool stuck = t->cleanup_failed && t->o.strict_cleanup;
  t->outcome.result = stuck ? TRANSACTION_STUCK : TRANSACTION_COMMITTED;
  set_state(t, TXN_ALL_DONE);
  write_outcome(t, REVISION_COMMITTED, !stuck && !t->cleanup_left);
}

static void step_forward(struct transaction *t) {
  while (t->phase < PHASE_CLEANUP && walk_phase_done(&t->walk, t->phase))
    t->phase++;
  if (t->phase == PHASE_CLEANUP) { /* all is done and proven, and the commit itself needs no machine */
    if (t->under_way == 0)
      commit(t);
  } else if (!reach_any_lost(t)) {
    begin_ready(t, t->phase);
  }
}

static void step_cleaning(struct transaction *t) {
  CLEANUP_ERR struct err err = ERR_INIT;
  for (size_t i = 0; i < t->work->steps->count; i++) {
    const struct step *s = step_at(t, (int)i);
    if (s->phase != PHASE_CLEANUP || t->walk.status[i] != STEP_WAITING || !reach_is_lost(t, s->machine))
      continue;
    err_set(&err, ERR_UNREACHABLE, "%s is unreachable", s->machine);
    t->cleanup_left = true;
    run_uncleaned(t, s, &err);
  }
  begin_ready(t, PHASE_CLEANUP);
  if (t->under_way == 0 && walk_phase_done(&t->walk, PHASE_CLEANUP))
    close_cleaned(t);
}

static void step_undoing(struct transaction *t) {
  begin_undo(t);
  if (t->under_way == 0 && walk_undo_done(&t->walk) && !reach_is_awaited(t))
    close_undone(t);
}

static void step_once(struct transaction *t) {
  if (t->abandoned && t->state != TXN_END) {
    t->outcome.result = TRANSACTION_STUCK;
    set_state(t, TXN_ABANDONED);
  }
  hold_resolve(t);
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
    step_undoing(t);
    break;
  case TXN_CLEANING:
    step_cleaning(t);
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
  free(t->reach);
  free(t);
}

static void pulse_closed(void *arg) {
  struct transaction *t = arg;
  struct transaction_outcome outcome = t->outcome;
  transaction_cb *cb = t->o.cb;
  void *cb_arg = t->o.arg;
  transaction_free(t);
  cb(cb_arg, &outcome);
}

void transaction_pump(struct transaction *t) {
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
  if (t->state != TXN_END || t->under_way || t->closing)
    return;
  t->closing = true;
  reach_close(t, pulse_closed);
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
  int64_t age_ms = (log_now_us() - then_us) / 1000, wait_ms = (int64_t)hold_settle_ms(t, s);
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
    if (t->walk.status[row->step] == STEP_FAILED) /* a machine that could not be reached may just have come back */
      t->settles_ms[row->step] =
          row->mark == JOURNAL_UNDO_FAILED ? now_ms(t) + hold_settle_ms(t, s) : settles_at(t, s, row->at_us);
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
  transaction_pump(t);
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
  if (!t || !timer || !t->running || !t->slots || !t->settles_ms ||
      walk_init(&t->walk, options->work->steps, err) < 0) {
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
  if (take_up(t, options->rows, err) < 0 || reach_open(t, err) < 0) {
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

/* What is not at its end with its first answer: an undo that fails, or that looked for what may come late; a removal
 * after the commit; and whatever failed on the way to its machine, which waits until that answers or is given up. */
#include "api/base/json.h"
#include "controller/deploy/transaction_private.h"

enum { SETTLE_MS = 5000, TRIES = 6, TRY_AGAIN_MS = 100 /* then twice as long each time */ };

/* An engine carries a stop on to its SIGKILL, whoever has hung up. */
uint64_t hold_settle_ms(const struct transaction *t, const struct step *s) {
  int64_t grace_s = s->kind == STEP_CONTAINER_STOP ? json_int(s->args, "grace_s", 10) : 0;
  return (t->work->settle_ms ? (uint64_t)t->work->settle_ms : SETTLE_MS) + (grace_s > 0 ? (uint64_t)grace_s * 1000 : 0);
}

/* --- again, in a while ------------------------------------------------------------------------------------------- */

static void wait_for(struct run *r, const char *machine) {
  r->cut = r->op.cancelled = false;
  r->held = true;
  r->held_ms = now_ms(r->t);
  r->held_on = reach_index(r->t, machine);
  r->question = pulse_ask(r->t->pulse, r->held_on);
}

/* A call to a machine that is lost would only hang. */
static void repeat(struct run *r) {
  if (!reach_is_lost(r->t, r->op.step->machine)) {
    run_repeat(r);
    return;
  }
  r->out = true;
  wait_for(r, r->op.step->machine);
}

static void on_time(uv_timer_t *timer) {
  struct run *r = timer->data;
  struct transaction *t = r->t;
  uv_close((uv_handle_t *)timer, (uv_close_cb)free);
  if (t->abandoned)
    run_end(r);
  else
    repeat(r);
  transaction_pump(t);
}

bool hold_later(struct run *r, uint64_t ms) {
  uv_timer_t *timer = calloc(1, sizeof(*timer));
  if (!timer)
    return false;
  uv_timer_init(r->t->work->loop, timer);
  timer->data = r;
  uv_timer_start(timer, on_time, ms, 0);
  return true;
}

bool hold_try_later(struct run *r) {
  return ++r->tries < TRIES && hold_later(r, TRY_AGAIN_MS << (r->tries - 1));
}

/* --- until a machine answers ------------------------------------------------------------------------------------- */

static bool is_gate(const struct step *s) {
  return s->kind == STEP_GATE_READY || s->kind == STEP_GATE_HOLD;
}

bool hold_take(struct run *r, struct err *err) {
  const struct step *s = r->op.step;
  bool failed_on_the_way = err->kind == ERR_UNREACHABLE || err->kind == ERR_LOST || err->kind == ERR_TIMEOUT;
  if (!r->cut && (!failed_on_the_way || r->op.cancelled || ++r->tries >= TRIES))
    return false;
  if (r->cut)
    err_set(err, ERR_LOST, "%s does not answer", s->machine);
  if (r->doing == RUN_FORWARD && err_is_unknown_result(err))
    r->t->settles_ms[s->index] = now_ms(r->t) + hold_settle_ms(r->t, s);
  if (r->doing != RUN_PROBE)
    err_move(&r->err, err);
  wait_for(r, s->machine);
  transaction_pump(r->t);
  return true;
}

bool hold_again(struct run *r) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  uint64_t *settles = &t->settles_ms[s->index];
  if (t->state != TXN_FORWARD || (!r->out && !is_gate(s)) || ++r->tries >= TRIES)
    return false;
  if (*settles > now_ms(t) && !is_gate(s))
    return hold_later(r, *settles - now_ms(t));
  *settles = 0;
  r->doing = RUN_FORWARD;
  log_emit(t->work->log, LOG_STEP_PROGRESS, STEP_FIELDS(t, s, .duration_ms = -1), "%s answers: %s again", s->machine,
           kind_of(s->kind)->verb);
  repeat(r);
  return true;
}

static void go_on(struct run *r) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  r->held = false;
  if (r->out && (r->doing == RUN_PROBE || err_is_unknown_result(&r->err)))
    t->settles_ms[s->index] = now_ms(t) + hold_settle_ms(t, s);
  if (r->doing == RUN_BACK || s->phase == PHASE_CLEANUP) {
    if (r->out || !r->tries || !hold_later(r, TRY_AGAIN_MS << (r->tries - 1)))
      run_repeat(r);
    return;
  }
  if (err_is_unknown_result(&r->err))
    r->doing = RUN_PROBE;
  if (r->doing == RUN_FORWARD && t->state != TXN_FORWARD) /* not sent, and not to be sent any more */
    run_fail(r);
  else
    run_repeat(r);
}

static void give_up(struct run *r) {
  struct transaction *t = r->t;
  const struct step *s = r->op.step;
  r->held = false;
  if (r->doing == RUN_BACK) {
    t->walk.status[s->index] = STEP_FAILED; /* told at the end, unless the machine comes back before */
    run_end(r);
    return;
  }
  if (s->phase == PHASE_CLEANUP)
    t->cleanup_left = true;
  r->doing = RUN_FORWARD;
  run_fail(r);
}

/* It answers; an image's copy has to hear from the other machine too. */
static void answered(struct run *r) {
  struct transaction *t = r->t;
  const char *source = reach_source(r->op.step);
  r->out = r->out || pulse_has_failed(t->pulse, r->held_on, r->question);
  if (source && reach_index(t, source) != r->held_on)
    wait_for(r, source);
  else
    go_on(r);
}

/* Also when only calls before it are answered: then it is worth another try, of which there are not many. */
static bool is_there(const struct run *r) {
  const struct pulse *p = r->t->pulse;
  return !pulse_is_lost(p, r->held_on) &&
         (pulse_has_answered(p, r->held_on, r->question) ||
          (pulse_has_failed(p, r->held_on, r->question) && pulse_heard_ms(p, r->held_on) > r->held_ms));
}

void hold_resolve(struct transaction *t) {
  for (size_t i = 0; i < t->work->steps->count; i++) {
    struct run *r = t->running[i];
    if (!r || !r->held)
      continue;
    if (t->abandoned)
      run_end(r);
    else if (reach_is_hopeless(t, r->held_on) || (t->state == TXN_DRAINING && r->op.cancelled))
      give_up(r);
    else if (is_there(r))
      answered(r);
  }
}

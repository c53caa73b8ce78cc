/* The machines of a transaction: lost, waited for, back again. */
#include <string.h>

#include "controller/deploy/transaction_private.h"

enum { RECONNECT_MS = 30000 };

const char *reach_source(const struct step *s) {
  return s->kind == STEP_IMAGE_COPY ? step_arg(s, "from", NULL) : NULL;
}

size_t reach_index(const struct transaction *t, const char *machine) {
  size_t i = 0;
  while (i < t->work->machines->count && strcmp(t->work->machines->items[i].name, machine) != 0)
    i++;
  return i;
}

static const char *name_of(const struct transaction *t, size_t machine) {
  return t->work->machines->items[machine].name;
}

bool reach_is_lost(const struct transaction *t, const char *machine) {
  size_t i = reach_index(t, machine);
  return i < t->work->machines->count && pulse_is_lost(t->pulse, i);
}

bool reach_any_lost(const struct transaction *t) {
  for (size_t i = 0; i < t->work->machines->count; i++)
    if (pulse_is_lost(t->pulse, i))
      return true;
  return false;
}

bool reach_is_hopeless(const struct transaction *t, size_t machine) {
  if (!pulse_is_lost(t->pulse, machine) || t->state == TXN_FORWARD)
    return false;
  return t->state != TXN_UNDOING || t->reach[machine].given_up || t->interrupted;
}

bool reach_is_awaited(const struct transaction *t) {
  for (size_t i = 0; i < t->work->steps->count; i++) {
    const struct step *s = step_at(t, (int)i);
    if (s->phase != PHASE_CLEANUP && t->walk.unreachable[i] && walk_stands(&t->walk, (int)i) &&
        !reach_is_hopeless(t, reach_index(t, s->machine)))
      return true;
  }
  return false;
}

static int64_t wait_ms(const struct transaction *t) {
  const struct work *w = t->work;
  return w->reconnect_ms ? w->reconnect_ms : w->desired ? w->desired->reconnect_ms : RECONNECT_MS;
}

/* Whole seconds, rounded up. */
static long long seconds(uint64_t ms) {
  return (long long)((ms + 999) / 1000);
}

/* What is under way there has an unknown result from now on; so has an image's copy from there. */
static void cut_runs(struct transaction *t, const char *machine) {
  for (size_t i = 0; i < t->work->steps->count; i++) {
    struct run *r = t->running[i];
    const char *source = r ? reach_source(r->op.step) : NULL;
    if (!r || (strcmp(r->op.step->machine, machine) != 0 && (!source || strcmp(source, machine) != 0)))
      continue;
    r->out = true;
    if (r->held)
      continue;
    r->cut = !r->diagnosis && !r->op.cancelled;
    run_cancel(r);
  }
}

static void on_lost(void *arg, size_t machine) {
  struct transaction *t = arg;
  const char *name = name_of(t, machine);
  bool waits = (t->state == TXN_FORWARD || t->state == TXN_UNDOING) && !t->interrupted && wait_ms(t) > 0;
  t->reach[machine] = (struct reach){.lost_ms = now_ms(t), .silent_ms = pulse_heard_ms(t->pulse, machine)};
  walk_set_unreachable(&t->walk, name, true);
  const struct log_fields *fields =
      LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .machine = name);
  if (waits)
    log_emit(t->work->log, LOG_MACHINE_LOST, fields, "%s does not answer; waiting up to %lld s for it", name,
             seconds((uint64_t)wait_ms(t)));
  else
    log_emit(t->work->log, LOG_MACHINE_LOST, fields, "%s does not answer", name);
  cut_runs(t, name);
  transaction_pump(t);
}

/* A call that a frozen engine had in its hands, or the network on its way, may take effect only now. */
static void unsettle(struct transaction *t, const char *machine) {
  for (size_t i = 0; i < t->work->steps->count; i++)
    if (t->settles_ms[i] && strcmp(step_at(t, (int)i)->machine, machine) == 0)
      t->settles_ms[i] = now_ms(t) + hold_settle_ms(t, step_at(t, (int)i));
}

static void on_back(void *arg, size_t machine) {
  struct transaction *t = arg;
  const char *name = name_of(t, machine);
  t->reach[machine].given_up = false;
  walk_set_unreachable(&t->walk, name, false);
  unsettle(t, name);
  if (t->work->watch)
    watch_reopen(t->work->watch, machine);
  log_emit(t->work->log, LOG_MACHINE_BACK,
           LOG_FIELDS(.project = t->work->project, .revision = t->work->revision, .machine = name),
           "%s answers again after %lld s", name, seconds(now_ms(t) - t->reach[machine].silent_ms));
  transaction_pump(t);
}

static void on_answered(void *arg, size_t machine) {
  (void)machine;
  transaction_pump(arg);
}

static void give_up(struct transaction *t, size_t machine) {
  CLEANUP_ERR struct err err = ERR_INIT;
  t->reach[machine].given_up = true;
  if (t->state != TXN_FORWARD)
    return;
  err_set(&err, ERR_UNREACHABLE, "%s has not answered for %lld s", name_of(t, machine),
          seconds(now_ms(t) - t->reach[machine].silent_ms));
  transaction_fail(t, NULL, &err, NULL);
}

static void on_tick(void *arg) {
  struct transaction *t = arg;
  for (size_t i = 0; i < t->work->machines->count; i++) {
    struct reach *r = &t->reach[i];
    if (pulse_is_lost(t->pulse, i) && !r->given_up && now_ms(t) >= r->lost_ms + (uint64_t)wait_ms(t))
      give_up(t, i);
  }
  transaction_pump(t);
}

int reach_open(struct transaction *t, struct err *err) {
  static const struct pulse_handlers handlers = {
      .lost = on_lost, .back = on_back, .answered = on_answered, .tick = on_tick};
  size_t count = t->work->machines->count;
  CLEANUP_FREE bool *watched = calloc(count + 1, sizeof(*watched));
  t->reach = calloc(count + 1, sizeof(*t->reach));
  if (!watched || !t->reach)
    return err_no_memory(err);
  for (size_t i = 0; i < t->work->steps->count; i++) {
    const char *source = reach_source(step_at(t, (int)i));
    watched[reach_index(t, step_at(t, (int)i)->machine)] = true;
    if (source)
      watched[reach_index(t, source)] = true;
  }
  t->pulse = pulse_open(t->work->loop, t->work->machines, watched, &handlers, t);
  return t->pulse ? 0 : err_no_memory(err);
}

void reach_close(struct transaction *t, void (*closed_cb)(void *arg)) {
  pulse_close(t->pulse, closed_cb, t);
}

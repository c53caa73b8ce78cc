#include "controller/deploy/pulse.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct patient {
  struct engine *engine; /* NULL: not watched */
  struct vitals vitals;
  uint64_t asked, answered, failed, wanted; /* numbers of questions; the newest of each */
};

struct pulse {
  uv_loop_t *loop;
  uv_timer_t timer;
  struct pulse_handlers handlers;
  void *arg;
  struct patient *patients;
  size_t count, under_way;
  struct question *questions;
  bool closing, timer_open;
  void (*closed_cb)(void *arg);
  void *closed_arg;
};

struct question {
  struct pulse *pulse;
  struct question *next, **at;
  size_t machine;
  uint64_t number;
  struct engine_call *call;
};

static void check_closed(struct pulse *p) {
  void (*cb)(void *arg) = p->closed_cb;
  void *arg = p->closed_arg;
  if (!p->closing || p->timer_open || p->under_way)
    return;
  free(p->patients);
  free(p);
  cb(arg);
}

static void tell(struct pulse *p, size_t machine, enum vitals_change change) {
  if (change == VITALS_LOST)
    p->handlers.lost(p->arg, machine);
  else if (change == VITALS_BACK)
    p->handlers.back(p->arg, machine);
}

static void question_free(struct question *q) {
  *q->at = q->next;
  if (q->next)
    q->next->at = q->at;
  q->pulse->under_way--;
  free(q);
}

static void replied(void *arg, const struct engine_reply *reply, struct err *err) {
  struct question *q = arg;
  struct pulse *p = q->pulse;
  struct patient *patient = &p->patients[q->machine];
  size_t machine = q->machine;
  uint64_t number = q->number;
  bool answers = reply || err->http_status; /* also a refusal comes from somebody who is there */
  question_free(q);
  if (p->closing) {
    check_closed(p);
  } else if (answers) {
    patient->answered = number > patient->answered ? number : patient->answered;
    tell(p, machine, vitals_heard(&patient->vitals, uv_now(p->loop)));
    p->handlers.answered(p->arg, machine);
  } else {
    patient->failed = number > patient->failed ? number : patient->failed;
  }
}

static void ask(struct pulse *p, size_t machine) {
  struct patient *patient = &p->patients[machine];
  struct question *q = calloc(1, sizeof(*q));
  if (!q)
    return; /* asked again at the next tick */
  *q = (struct question){.pulse = p, .machine = machine, .number = ++patient->asked, .next = p->questions};
  q->at = &p->questions;
  if (q->next)
    q->next->at = &q->next;
  p->questions = q;
  p->under_way++;
  vitals_asked(&patient->vitals, uv_now(p->loop));
  q->call = engine_ping(patient->engine, VITALS_LOST_MS, replied, q);
}

static void look(struct pulse *p, size_t machine) {
  struct patient *patient = &p->patients[machine];
  uint64_t now = uv_now(p->loop), heard = engine_heard_ms(patient->engine);
  if (heard > patient->vitals.heard_ms)
    tell(p, machine, vitals_heard(&patient->vitals, heard));
  tell(p, machine, vitals_tick(&patient->vitals, now));
  if (!p->closing && vitals_must_ask(&patient->vitals, now, patient->answered < patient->wanted))
    ask(p, machine);
}

static void on_tick(uv_timer_t *timer) {
  struct pulse *p = timer->data;
  for (size_t i = 0; i < p->count && !p->closing; i++)
    if (p->patients[i].engine)
      look(p, i);
  if (!p->closing)
    p->handlers.tick(p->arg);
}

struct pulse *pulse_open(struct uv_loop_s *loop, struct machines *machines, const bool *watched,
                         const struct pulse_handlers *handlers, void *arg) {
  struct pulse *p = calloc(1, sizeof(*p));
  struct patient *patients = calloc(machines->count + 1, sizeof(*patients));
  if (!p || !patients) {
    free(p);
    free(patients);
    return NULL;
  }
  *p = (struct pulse){.loop = loop, .handlers = *handlers, .arg = arg, .patients = patients, .count = machines->count};
  for (size_t i = 0; i < p->count; i++) {
    patients[i].engine = watched[i] && machines->items[i].open ? machines->items[i].engine : NULL;
    vitals_init(&patients[i].vitals, uv_now(loop));
  }
  uv_timer_init(loop, &p->timer);
  p->timer.data = p;
  p->timer_open = true;
  uv_timer_start(&p->timer, on_tick, VITALS_TICK_MS, VITALS_TICK_MS);
  return p;
}

static void on_timer_closed(uv_handle_t *handle) {
  struct pulse *p = handle->data;
  p->timer_open = false;
  check_closed(p);
}

void pulse_close(struct pulse *p, void (*closed_cb)(void *arg), void *arg) {
  p->closing = true;
  p->closed_cb = closed_cb;
  p->closed_arg = arg;
  for (struct question *q = p->questions; q; q = q->next)
    engine_call_cancel(q->call);
  uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

bool pulse_is_lost(const struct pulse *p, size_t machine) {
  return p->patients[machine].vitals.lost;
}

uint64_t pulse_heard_ms(const struct pulse *p, size_t machine) {
  return p->patients[machine].vitals.heard_ms;
}

uint64_t pulse_ask(struct pulse *p, size_t machine) {
  struct patient *patient = &p->patients[machine];
  uint64_t now = uv_now(p->loop);
  if (patient->wanted > patient->answered && patient->asked == patient->wanted && patient->vitals.asked_ms == now)
    return patient->asked; /* many ask at once when a machine goes */
  patient->wanted = patient->asked + 1;
  if (patient->engine)
    ask(p, machine);
  return patient->wanted;
}

bool pulse_has_answered(const struct pulse *p, size_t machine, uint64_t question) {
  return p->patients[machine].answered >= question;
}

bool pulse_has_failed(const struct pulse *p, size_t machine, uint64_t question) {
  return p->patients[machine].failed >= question;
}

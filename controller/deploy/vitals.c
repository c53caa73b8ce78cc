#include "controller/deploy/vitals.h"

void vitals_init(struct vitals *v, uint64_t now_ms) {
  *v = (struct vitals){.heard_ms = now_ms, .asked_ms = now_ms, .ticked_ms = now_ms};
}

bool vitals_must_ask(const struct vitals *v, uint64_t now_ms, bool hurry) {
  return now_ms - v->asked_ms >= (hurry ? VITALS_TICK_MS : VITALS_ASK_MS);
}

void vitals_asked(struct vitals *v, uint64_t now_ms) {
  v->asked_ms = now_ms;
  if (v->waiting)
    return;
  v->waiting = true;
  v->waiting_ms = now_ms;
}

enum vitals_change vitals_heard(struct vitals *v, uint64_t at_ms) {
  if (at_ms > v->heard_ms)
    v->heard_ms = at_ms;
  if (v->waiting && at_ms < v->waiting_ms)
    return VITALS_SAME;
  v->waiting = false;
  if (!v->lost)
    return VITALS_SAME;
  v->lost = false;
  return VITALS_BACK;
}

enum vitals_change vitals_tick(struct vitals *v, uint64_t now_ms) {
  bool stalled = now_ms - v->ticked_ms > VITALS_STALL_MS;
  v->ticked_ms = now_ms;
  if (stalled) /* answers may lie unread: what was asked before says nothing */
    v->waiting_ms = now_ms;
  if (v->lost || !v->waiting || now_ms - v->waiting_ms < VITALS_LOST_MS)
    return VITALS_SAME;
  v->lost = true;
  return VITALS_LOST;
}

/* Does something at point N of a transaction in this process. The points are those of killer.h. */
#ifndef TANDEM_TEST_FAULT_TRIGGER_H
#define TANDEM_TEST_FAULT_TRIGGER_H

#include "test/fault/killer.h"

struct trigger {
  int at, seen, turns; /* at 0: only counts */
  bool fired;
  uv_check_t check;
  void (*action)(void *arg); /* in the middle of an event: the transaction stands still meanwhile */
  void *arg;
  char note[KILLER_NOTE];
};

static inline void trigger_fire(struct trigger *t) {
  t->fired = true;
  t->action(t->arg);
}

static inline void trigger_turn(uv_check_t *check) {
  struct trigger *t = check->data;
  if (--t->turns)
    return;
  uv_check_stop(check);
  trigger_fire(t);
}

static inline void trigger_sink(void *arg, enum log_event event, const struct log_fields *fields, const char *msg) {
  struct trigger *t = arg;
  (void)fields;
  if (!killer_is_point(event))
    return;
  if (++t->seen == t->at) {
    snprintf(t->note, sizeof(t->note), "at %s: %s", log_event_name(event), msg);
    trigger_fire(t);
  }
  if (!killer_sends(event, msg) || ++t->seen != t->at)
    return;
  snprintf(t->note, sizeof(t->note), "after %s: %s", log_event_name(event), msg);
  t->turns = TURNS_UNTIL_SENT;
  uv_check_start(&t->check, trigger_turn);
}

static inline void trigger_open(struct trigger *t, struct lab *lab, void (*action)(void *arg), void *arg) {
  *t = (struct trigger){.action = action, .arg = arg};
  assert_int_equal(log_add_sink(lab->log, LOG_DEBUG, trigger_sink, t, NULL), 0);
  uv_check_init(&lab->loop, &t->check);
  t->check.data = t;
}

static inline void trigger_arm(struct trigger *t, int at) {
  uv_check_stop(&t->check);
  t->at = at;
  t->seen = 0;
  t->fired = false;
  t->note[0] = '\0';
}

static inline void trigger_close(struct trigger *t) {
  uv_close((uv_handle_t *)&t->check, NULL);
}

#endif

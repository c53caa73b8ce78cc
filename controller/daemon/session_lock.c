/* The fleet's lock on the engines, held from the first moment that something is to be changed to the session's end. */
#include <stdio.h>

#include "api/base/json.h"
#include "controller/daemon/session_private.h"

enum { CONFIRM_MS = 6000 /* two heartbeats, and time for their answers */ };

struct taking {
  bool done;
  struct err err;
};

static void lock_taken(void *arg, struct err *err) {
  struct taking *t = arg;
  t->done = true;
  if (err)
    err_move(&t->err, err);
}

static void lock_lost(void *arg, const struct err *why) {
  struct session *s = arg;
  err_copy(&s->lock_lost, why);
  if (s->transaction)
    transaction_abandon(s->transaction, why);
}

int session_lock(struct session *s, struct err *err) {
  struct taking t = {0};
  if (s->lock)
    return session_check_lock(s, err);
  struct engine_lock_options options = {
      .loop = &s->loop,
      .machines = &s->machines,
      .log = s->options.log,
      .project = s->fleet->name,
      .command = s->options.command,
      .state_dir = s->options.state_dir,
      .lost_cb = lock_lost,
      .lost_arg = s,
  };
  if (session_engines(s, err) < 0 || state_next_epoch(s->state, s->fleet->name, &options.epoch, err) < 0 ||
      engine_lock_take(&options, &s->lock, lock_taken, &t, err) < 0)
    return -1;
  session_await(s, &t.done);
  if (!t.err.kind)
    return 0;
  err_move(err, &t.err);
  session_unlock(s);
  return -1;
}

int session_check_lock(const struct session *s, struct err *err) {
  return s->lock_lost.kind ? err_copy(err, &s->lock_lost) : 0;
}

static void waited(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* A paused process that goes on finds what another one has left: whatever it makes of that, it is not its own doing. */
void session_confirm_lock(struct session *s, struct outcome *outcome) {
  bool late = false;
  uv_timer_t timer;
  uv_timer_init(&s->loop, &timer);
  timer.data = &late;
  uv_timer_start(&timer, waited, CONFIRM_MS, 0);
  while (s->lock && !late && !engine_lock_is_sure(s->lock))
    uv_run(&s->loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&s->loop, UV_RUN_NOWAIT);
  if (!s->lock_lost.kind || outcome->result == SESSION_DONE)
    return;
  outcome->result = SESSION_STUCK;
  outcome->gone = false;
  cJSON_Delete(outcome->failure);
  if ((outcome->failure = cJSON_CreateObject()))
    json_put_str(outcome->failure, "reason", err_text(&s->lock_lost));
  strv_release(&outcome->left);
  outcome->left = (struct strv)STRV_INIT;
  strv_add(&outcome->left, "what the other one makes of it: `tandem status` tells", NULL);
}

static void lock_dropped(void *arg) {
  *(bool *)arg = true;
}

void session_unlock(struct session *s) {
  bool done = false;
  if (!s->lock)
    return;
  engine_lock_drop(s->lock, lock_dropped, &done);
  session_await(s, &done);
  s->lock = NULL;
}

/* --- what people take their time for ----------------------------------------------------------------------------- */

static void input_there(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  uv_poll_stop(poll);
  *(bool *)poll->data = true;
}

int session_await_input(struct session *s, int fd, struct err *err) {
  bool there = false;
  uv_poll_t poll;
  int rc = uv_poll_init(&s->loop, &poll, fd);
  if (rc < 0)
    return err_set_errno(err, -rc, "waiting for an answer");
  poll.data = &there;
  rc = uv_poll_start(&poll, UV_READABLE | UV_DISCONNECT, input_there);
  if (rc == 0)
    session_await(s, &there);
  uv_close((uv_handle_t *)&poll, NULL);
  uv_run(&s->loop, UV_RUN_NOWAIT);
  return rc < 0 ? err_set_errno(err, -rc, "waiting for an answer") : session_check_lock(s, err);
}

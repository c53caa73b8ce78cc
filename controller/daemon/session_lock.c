/* The fleet's lock on the engines, held from the first moment that something is to be changed to the session's end. */
#include <stdio.h>

#include "controller/daemon/session_private.h"

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

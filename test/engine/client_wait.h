/* Waiting for a call's one completion, for the tests of api/. */
#ifndef TANDEM_TEST_CLIENT_WAIT_H
#define TANDEM_TEST_CLIENT_WAIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/engine/container.h"
#include "api/engine/image.h"
#include "api/engine/resource.h"

struct result {
  int completions;
  int status; /* of the reply; 0 with an error */
  cJSON *json;
  struct err err;
  struct buf out[3]; /* output by stream, progress lines in [0] */
  uint64_t number;
};

static inline void on_result(void *arg, const struct engine_reply *reply, struct err *err) {
  struct result *r = arg;
  assert_true((reply == NULL) != (err == NULL));
  r->completions++;
  r->status = reply ? reply->status : 0;
  cJSON_Delete(r->json);
  r->json = reply && reply->json ? cJSON_Duplicate(reply->json, true) : NULL;
  if (err)
    err_move(&r->err, err);
}

static inline void result_release(struct result *r) {
  cJSON_Delete(r->json);
  err_release(&r->err);
  for (int i = 0; i < 3; i++)
    buf_release(&r->out[i]);
  *r = (struct result){0};
}
#define CLEANUP_RESULT CLEANUP(result_release) struct result

static inline void on_output_text(void *arg, int stream, const char *data, size_t len) {
  struct result *r = arg;
  assert_int_equal(buf_append(&r->out[stream], data, len, NULL), 0);
}

static inline void on_progress_text(void *arg, const char *line) {
  struct result *r = arg;
  assert_int_equal(buf_printf(&r->out[0], NULL, "%s\n", line), 0);
}

static inline void wait_until(uv_loop_t *loop, const int *count, int wanted) {
  while (*count < wanted)
    if (uv_run(loop, UV_RUN_ONCE) == 0 && *count < wanted)
      fail_msg("the loop has ended without the completion");
}

/* Runs the loop until the call's completion. Fails the test at once on a second one. */
static inline void wait_for(uv_loop_t *loop, struct result *r) {
  assert_int_equal(r->completions, 0); /* never from inside the start call */
  wait_until(loop, &r->completions, 1);
  assert_int_equal(r->completions, 1);
}

static inline void wait_ok(uv_loop_t *loop, struct result *r) {
  wait_for(loop, r);
  if (r->err.kind)
    fail_msg("%s: %s", err_kind_name(r->err.kind), err_text(&r->err));
}

static inline void wait_err(uv_loop_t *loop, struct result *r, enum err_kind kind, int status) {
  wait_for(loop, r);
  if (r->err.kind != kind || r->err.http_status != status)
    fail_msg("expected %s %d, got %s %d: %s", err_kind_name(kind), status, err_kind_name(r->err.kind),
             r->err.http_status, err_text(&r->err));
}

static inline void assert_says(const struct result *r, const char *text) {
  if (!strstr(err_text(&r->err), text))
    fail_msg("\"%s\" does not say \"%s\"", err_text(&r->err), text);
}

static inline void on_closed(void *arg) {
  ++*(int *)arg;
}

static inline void close_engine(uv_loop_t *loop, struct engine *e) {
  int closed = 0;
  engine_close(e, on_closed, &closed);
  assert_int_equal(closed, 0);
  wait_until(loop, &closed, 1);
}

#endif

/* The fence of the engine client, against a scripted engine that counts what reaches it. */
#include "test/engine/client_wait.h"
#include "test/engine/fake_engine.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static uv_loop_t loop;

struct gate {
  enum engine_fence answers[8]; /* the last one goes on */
  int asked;
};

static enum engine_fence answer(void *arg, struct err *why) {
  struct gate *g = arg;
  enum engine_fence a = g->answers[g->asked];
  if (g->asked < 7)
    g->asked++;
  if (a != FENCE_OPEN)
    err_set(why, ERR_INTERNAL, "the fence says no");
  return a;
}

static bool script(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)nth;
  if (!fake_open(fd, path))
    fake_reply(fd, strcmp(method, "GET") == 0 ? 200 : 204, "application/json", strcmp(method, "GET") == 0 ? "{}" : "");
  return true;
}

struct bench {
  struct fake fake;
  struct engine *e;
  struct gate gate;
};

static void begin(struct bench *b, const enum engine_fence answers[8]) {
  struct engine_options options = {.name = "pc9"};
  CLEANUP_RESULT r = {0};
  fake_start(&b->fake, script);
  options.endpoint = b->fake.endpoint;
  assert_int_equal(engine_new(&loop, &options, &b->e, NULL), 0);
  engine_open(b->e, on_result, &r);
  wait_ok(&loop, &r);
  b->gate.asked = 0;
  memcpy(b->gate.answers, answers, sizeof(b->gate.answers));
  engine_set_fence(b->e, answer, &b->gate);
}

static void end(struct bench *b) {
  close_engine(&loop, b->e);
  fake_stop(&b->fake);
}

static void a_broken_fence_lets_nothing_through(void **state) {
  (void)state;
  struct bench b;
  begin(&b, (enum engine_fence[8]){[0 ... 7] = FENCE_BROKEN});
  CLEANUP_RESULT r = {0};
  CLEANUP_RESULT info = {0};
  container_start(b.e, ID, on_result, &r);
  wait_err(&loop, &r, ERR_LOCKED, 0);
  assert_int_equal(atomic_load(&b.fake.posts), 0);
  engine_info(b.e, on_result, &info); /* reading is free */
  wait_ok(&loop, &info);
  end(&b);
}

static void a_shut_fence_holds_until_it_opens(void **state) {
  (void)state;
  struct bench b;
  begin(&b, (enum engine_fence[8]){FENCE_SHUT, FENCE_SHUT, [2 ... 7] = FENCE_OPEN});
  CLEANUP_RESULT r = {0};
  CLEANUP_RESULT info = {0};
  container_start(b.e, ID, on_result, &r);
  engine_info(b.e, on_result, &info);
  wait_ok(&loop, &info);
  assert_int_equal(r.completions, 0);
  engine_fence_changed(b.e); /* still shut */
  assert_int_equal(r.completions, 0);
  assert_int_equal(atomic_load(&b.fake.posts), 0);
  engine_fence_changed(b.e);
  wait_ok(&loop, &r);
  assert_int_equal(atomic_load(&b.fake.posts), 1);
  end(&b);
}

/* The process was paused between the turn of the request and its writing. */
static void the_last_look_comes_when_connected(void **state) {
  (void)state;
  static const enum engine_fence ways[2] = {FENCE_SHUT, FENCE_BROKEN};
  static const enum err_kind kinds[2] = {ERR_UNREACHABLE, ERR_LOCKED};
  for (int i = 0; i < 2; i++) {
    struct bench b;
    enum engine_fence answers[8] = {FENCE_OPEN};
    for (int k = 1; k < 8; k++)
      answers[k] = ways[i];
    begin(&b, answers);
    CLEANUP_RESULT r = {0};
    container_start(b.e, ID, on_result, &r);
    wait_err(&loop, &r, kinds[i], 0);
    assert_says(&r, "the fence says no");
    assert_false(err_is_unknown_result(&r.err));
    assert_int_equal(atomic_load(&b.fake.posts), 0);
    end(&b);
  }
}

static void a_held_request_can_be_cancelled(void **state) {
  (void)state;
  struct bench b;
  begin(&b, (enum engine_fence[8]){[0 ... 7] = FENCE_SHUT});
  CLEANUP_RESULT r = {0};
  CLEANUP_RESULT left = {0};
  struct engine_call *call = container_start(b.e, ID, on_result, &r);
  container_start(b.e, ID, on_result, &left); /* ended by the engine's close */
  engine_call_cancel(call);
  wait_err(&loop, &r, ERR_CANCELLED, 0);
  end(&b);
  assert_int_equal(left.err.kind, ERR_CANCELLED);
}

static void the_heartbeat_goes_through(void **state) {
  (void)state;
  struct bench b;
  begin(&b, (enum engine_fence[8]){[0 ... 7] = FENCE_SHUT});
  CLEANUP_RESULT r = {0};
  container_beat(b.e, ID, 5, 1000, on_result, &r);
  wait_ok(&loop, &r);
  assert_int_equal(atomic_load(&b.fake.posts), 1);
  end(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_broken_fence_lets_nothing_through), cmocka_unit_test(a_shut_fence_holds_until_it_opens),
      cmocka_unit_test(the_last_look_comes_when_connected),  cmocka_unit_test(a_held_request_can_be_cancelled),
      cmocka_unit_test(the_heartbeat_goes_through),
  };
  uv_loop_init(&loop);
  int rc = cmocka_run_group_tests(tests, NULL, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop) == 0 ? rc : 1;
}

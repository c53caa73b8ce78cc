/* The call matrix: an update on the real engines through a proxy that fails the Nth changing call of mainpc, in each of
 * its ways. Whatever fails, the fleet is then exactly the new one or exactly the old one, and the outcome says which.
 * TANDEM_FAULT=full: every call; else a sample of them, another one for each way. */
#include "api/engine/call.h"
#include "test/fault/fleet.h"
#include "test/fault/hand.h"
#include "test/fault/proxy.h"

struct bench {
  struct lab lab;
  struct proxy proxy;
  struct fleet_spec now;
  int generation;
  char stream[64]; /* an image that was made for a test; "" none */
  int calls;       /* changing calls that mainpc got in the last run */
};

struct tally {
  int points, committed, put_back, failed_clean;
};

static bool full(void) {
  return strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0;
}

static bool hangs(enum proxy_way way) {
  return way == PROXY_HANGING || way == PROXY_HANGING_APPLIED || way == PROXY_LATE;
}

/* Going on after a hang must not take the minutes that a person would give an engine. */
static void set_patience(struct lab *lab, enum proxy_way way) {
  lab->settle_ms = way == PROXY_LATE ? 3000 : 1000; /* "late" is late on a loaded machine too */
  for (size_t i = 0; i < lab->machines.count; i++) {
    lab->machines.items[i].engine->total_ms = hangs(way) ? 5000 : 120000;
    lab->machines.items[i].engine->idle_ms = hangs(way) ? 5000 : 30000;
  }
}

static void change_several(struct bench *b, struct fleet_spec *want) {
  int next = ++b->generation;
  want->generation[DB] = want->generation[CACHE] = want->generation[API] = next;
  want->small_batch = !want->small_batch;
}

static void change_to_failing(struct bench *b, struct fleet_spec *want) {
  change_several(b, want);
  want->api_fails = true;
}

static void change_by_hand(struct bench *b, struct fleet_spec *want) {
  (void)want;
  hand_drift(&b->lab);
}

struct matrix {
  const char *name;
  void (*change)(struct bench *b, struct fleet_spec *want);
  enum transaction_result ends; /* with no call failed */
  int sample;                   /* calls of each way */
};

static void count_and_check(struct bench *b, const struct fleet_spec *want, const struct observed *before, int64_t base,
                            const char *note, struct tally *t) {
  const struct transaction_outcome *o = &b->lab.outcome;
  struct observed *now = lab_observe(&b->lab);
  CLEANUP_FREE char *old_picture = fleet_picture(&b->lab, before);
  CLEANUP_FREE char *picture = fleet_picture(&b->lab, now);
  char why[600] = "";
  struct revision r = {0};
  if (o->result == TRANSACTION_STUCK)
    fail_msg("%s\nstuck: %s\nBefore:\n%sNow:\n%s", note, o->left.count ? o->left.items[0] : "?", old_picture, picture);
  bool committed = o->result == TRANSACTION_COMMITTED;
  if (committed != (b->lab.current != base))
    fail_msg("%s\nthe outcome is %d, but revision %lld holds", note, (int)o->result, (long long)b->lab.current);
  if (!committed && (strcmp(picture, old_picture) != 0 || !o->failure))
    fail_msg("%s\nsaid to be put back (%s), but before:\n%sNow:\n%s", note, json_str(o->failure, "reason", "no reason"),
             old_picture, picture);
  if (committed && !fleet_is_new(&b->lab, want, before, base, now, o->left.count > 0, why, sizeof(why)))
    fail_msg("%s\nsaid to be committed, but %s. Before:\n%sNow:\n%s", note, why, old_picture, picture);
  if (state_unfinished(b->lab.state, b->lab.project, &r, NULL) != 0)
    fail_msg("%s\nrevision %lld is unfinished", note, (long long)r.number);
  if (o->left.count == 0)
    fleet_expect_no_record(&b->lab, note);
  observed_free(now);
  t->points++;
  t->committed += committed;
  t->put_back += o->result == TRANSACTION_PUT_BACK;
  t->failed_clean += o->result == TRANSACTION_FAILED_CLEAN;
}

/* False: there is no nth call; the run then ended as it should. */
static bool fail_call(struct bench *b, const struct matrix *m, int nth, enum proxy_way way, struct tally *t) {
  struct fleet_spec want = b->now;
  char note[500];
  int64_t base = b->lab.current;
  m->change(b, &want);
  struct observed *before = lab_observe(&b->lab);
  set_patience(&b->lab, way);
  proxy_arm(&b->proxy, nth, way);
  plan_free(fleet_apply(&b->lab, &want));
  bool hit = atomic_load(&b->proxy.hit);
  b->calls = atomic_load(&b->proxy.seen);
  proxy_arm(&b->proxy, 0, way);
  snprintf(note, sizeof(note), "%s, call %d, %s: %s; result %d: %s", m->name, nth, proxy_way_name(way), b->proxy.note,
           (int)b->lab.outcome.result, json_str(b->lab.outcome.failure, "reason", ""));
  if (getenv("CALL_LOG"))
    fprintf(stderr, "%s\n", note);
  set_patience(&b->lab, PROXY_RESET);
  if (!hit && !hangs(way) && b->lab.outcome.result != m->ends)
    fail_msg("%s: without a failed call it ended with %d: %s", m->name, (int)b->lab.outcome.result,
             json_str(b->lab.outcome.failure, "reason", ""));
  struct tally ignored = {0};
  count_and_check(b, &want, before, base, note, hit ? t : &ignored);
  if (b->lab.outcome.result == TRANSACTION_COMMITTED)
    b->now = want;
  else if (way == PROXY_BYTE_BY_BYTE && m->ends == TRANSACTION_COMMITTED)
    fail_msg("%s\na slow reply is no failure", note);
  observed_free(before);
  return hit;
}

static void run_matrix(struct bench *b, const struct matrix *m) {
  int calls = 0;
  for (int i = 0; i < 2; i++) { /* from the second on there are parked containers to remove too */
    struct tally t = {0};
    fail_call(b, m, 1000, PROXY_RESET, &t);
    calls = b->calls;
  }
  print_message("%s: %d changing calls to mainpc\n", m->name, calls);
  for (int way = 0; way < PROXY_STREAM_ERROR; way++) {
    struct tally t = {0};
    if (*lab_env("CALL_WAY", "") && atoi(getenv("CALL_WAY")) != way)
      continue;
    uint64_t began = uv_hrtime();
    int stride = full() ? 1 : calls / m->sample + 1;
    for (int nth = full() ? 1 : 1 + way * 2 % stride; fail_call(b, m, nth, (enum proxy_way)way, &t); nth += stride)
      continue;
    print_message("%-16s %-38s %3d points, all passed: %3d committed, %3d put back, %3d failed clean; %.0f s\n",
                  m->name, proxy_way_name((enum proxy_way)way), t.points, t.committed, t.put_back, t.failed_clean,
                  (double)(uv_hrtime() - began) / 1e9);
  }
}

/* An engine call of curl's, past the proxy. */
static void ask_engine(const char *machine, const char *method, const char *target) {
  char command[600];
  snprintf(command, sizeof(command),
           "curl -sS --fail --unix-socket %s/%s/docker.sock -X %s 'http://d/v1.41%s' >/dev/null",
           lab_env("TANDEM_TESTBED", "/var/tmp/tandem-testbed"), machine, method, target);
  assert_int_equal(system(command), 0);
}

static struct bench bench;

static int setup(void **state) {
  struct bench *b = &bench;
  char path[600];
  const char *endpoint = lab_env("TANDEM_MAINPC_ENDPOINT", "unix:///var/tmp/tandem-testbed/mainpc/docker.sock");
  if (strncmp(endpoint, "unix://", 7) != 0)
    return -1;
  proxy_start(&b->proxy, endpoint + 7);
  snprintf(path, sizeof(path), "unix://%s", b->proxy.path);
  setenv("TANDEM_MAINPC_ENDPOINT", path, 1);
  lab_open(&b->lab);
  b->lab.resources = true;
  plan_free(fleet_apply(&b->lab, &b->now));
  if (b->lab.outcome.result != TRANSACTION_COMMITTED)
    fail_msg("%s", json_str(b->lab.outcome.failure, "reason", "?"));
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (!b)
    return 0;
  lab_recover(&b->lab);
  lab_close(&b->lab);
  proxy_stop(&b->proxy);
  if (*b->stream) {
    char target[100];
    snprintf(target, sizeof(target), "/images/%s", b->stream);
    ask_engine("pc2", "DELETE", target);
    ask_engine("mainpc", "DELETE", target);
  }
  return 0;
}

static void a_failed_call_of_an_update(void **state) {
  static const struct matrix m = {"update", change_several, TRANSACTION_COMMITTED, 2};
  run_matrix(*state, &m);
}

static void a_failed_call_of_a_failing_release(void **state) {
  static const struct matrix m = {"failing release", change_to_failing, TRANSACTION_PUT_BACK, 1};
  run_matrix(*state, &m);
}

static void a_failed_call_while_drift_is_mended(void **state) {
  static const struct matrix m = {"drift", change_by_hand, TRANSACTION_COMMITTED, 1};
  run_matrix(*state, &m);
}

/* A name that a late rename takes is one that the way back needs. */
static void every_late_rename_is_waited_for(void **state) {
  static const struct matrix m = {"late renames", change_several, TRANSACTION_COMMITTED, 1};
  struct bench *b = *state;
  struct tally t = {0};
  b->proxy.only = "/rename";
  for (int nth = 1; fail_call(b, &m, nth, PROXY_LATE, &t); nth++)
    continue;
  b->proxy.only = NULL;
  print_message("%s: %d points, all passed\n", m.name, t.points);
  assert_true(t.points > 2);
}

/* The whole fleet on an image that only pc2 has: mainpc gets it as a stream, which answers 200 and fails afterwards.
 * False: no stream was met. */
static bool send_image(struct bench *b, bool fails) {
  CLEANUP_FREE char *before = lab_picture(&b->lab);
  int64_t base = b->lab.current;
  proxy_arm(&b->proxy, fails ? 1 : 0, PROXY_STREAM_ERROR);
  plan_free(fleet_apply(&b->lab, &b->now));
  bool hit = atomic_load(&b->proxy.hit);
  proxy_arm(&b->proxy, 0, PROXY_STREAM_ERROR);
  if (!fails)
    return b->lab.outcome.result == TRANSACTION_COMMITTED && b->lab.current != base;
  CLEANUP_FREE char *after = lab_picture(&b->lab);
  const char *reason = json_str(b->lab.outcome.failure, "reason", "");
  assert_int_equal(b->lab.outcome.result, TRANSACTION_FAILED_CLEAN);
  if (!strstr(reason, "the proxy fails this stream"))
    fail_msg("the reason is: %s", reason);
  assert_string_equal(before, after);
  assert_int_equal(b->lab.current, base);
  fleet_expect_no_record(&b->lab, "a stream that fails");
  return hit;
}

static void a_stream_that_fails_after_200(void **state) {
  struct bench *b = *state;
  CLEANUP_FREE char *plain = strdup(lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"));
  char target[300];
  snprintf(b->stream, sizeof(b->stream), "tandem-lab/stream:%d", (int)getpid());
  snprintf(target, sizeof(target), "/commit?container=%s-batch-1&repo=tandem-lab/stream&tag=%d", b->lab.project,
           (int)getpid());
  ask_engine("pc2", "POST", target);
  setenv("TANDEM_BUSYBOX", b->stream, 1);
  assert_true(send_image(b, true));
  assert_true(send_image(b, false)); /* and without the fault it arrives */
  setenv("TANDEM_BUSYBOX", plain, 1);
  plan_free(fleet_apply(&b->lab, &b->now));
  assert_int_equal(b->lab.outcome.result, TRANSACTION_COMMITTED);
}

/* An argument: only the tests of that name (with * and ?). */
int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failed_call_of_an_update),          cmocka_unit_test(a_failed_call_of_a_failing_release),
      cmocka_unit_test(a_failed_call_while_drift_is_mended), cmocka_unit_test(every_late_rename_is_waited_for),
      cmocka_unit_test(a_stream_that_fails_after_200),
  };
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, setup, teardown);
}

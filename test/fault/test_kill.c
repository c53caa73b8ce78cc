/* The kill matrix: a transaction on the real engines is killed with SIGKILL at every point of its course, then
 * recovered, and the fleet must be exactly the old one or exactly the new one. TANDEM_FAULT=full: every point, and of
 * every eighth the recovery is killed too, at every point of its own; =points: every point; else a sample that fits into
 * a test run. */
#include "test/fault/hand.h"
#include "test/fault/killer.h"

enum { DEEP_SAMPLE = 5 };

struct bench {
  struct lab lab;
  struct fleet_spec now; /* what is deployed */
  int generation;
  bool dirty; /* a matrix has not come to its end */
};

struct tally {
  int points, old, new, deep, passed;
  double seconds;
};

static bool asked_for(const char *extent) {
  return strcmp(lab_env("TANDEM_FAULT", ""), extent) == 0;
}

static void close_state(struct bench *b) {
  state_close(b->lab.state);
  b->lab.state = NULL;
}

static void open_state(struct bench *b) {
  struct err err = ERR_INIT;
  if (state_open(b->lab.dir, STATE_WRITE, "test", &b->lab.state, &err) < 0)
    fail_msg("%s", err_text(&err));
  assert_int_equal(state_current(b->lab.state, b->lab.project, &b->lab.current, NULL), 0);
}

static void expect_nothing_unfinished(struct bench *b, const char *note) {
  struct revision r = {0};
  if (state_unfinished(b->lab.state, b->lab.project, &r, NULL) != 0)
    fail_msg("%s: revision %lld is still unfinished after the recovery", note, (long long)r.number);
}

struct before {
  struct observed *observed;
  char *picture;
  int64_t revision;
};

static void look_before(struct bench *b, struct before *before) {
  before->observed = lab_observe(&b->lab);
  before->picture = fleet_picture(&b->lab, before->observed);
  before->revision = b->lab.current;
}

static void before_release(struct before *before) {
  observed_free(before->observed);
  free(before->picture);
}

/* The heart of the matrix: exactly old or exactly new, and the state says which. */
static bool is_new_or_fail(struct bench *b, const struct before *before, const struct fleet_spec *want,
                           const char *note) {
  struct observed *now = lab_observe(&b->lab);
  CLEANUP_FREE char *picture = fleet_picture(&b->lab, now);
  bool committed = b->lab.current != before->revision;
  char why[600] = "";
  expect_nothing_unfinished(b, note);
  fleet_expect_no_record(&b->lab, note);
  if (!committed && strcmp(picture, before->picture) != 0)
    fail_msg("%s\nnot the old fleet. Before:\n%sNow:\n%s", note, before->picture, picture);
  if (committed && want->none && *picture)
    fail_msg("%s\nnot down:\n%s", note, picture);
  if (committed && !want->none &&
      !fleet_is_new(&b->lab, want, before->observed, before->revision, now, false, why, sizeof(why)))
    fail_msg("%s\nnot the new fleet: %s. Before:\n%sNow:\n%s", note, why, before->picture, picture);
  observed_free(now);
  return committed;
}

/* Recovers in this process. */
static void recover(struct bench *b, const char *note) {
  open_state(b);
  if (lab_recover(&b->lab) && b->lab.outcome.result == TRANSACTION_STUCK)
    fail_msg("%s\nrecovery is stuck: %s", note, b->lab.outcome.left.count ? b->lab.outcome.left.items[0] : "?");
}

struct scenario {
  const char *name;
  void (*change)(struct bench *b, struct fleet_spec *want); /* from what is deployed to what is applied */
  enum transaction_result ends;                             /* unkilled */
  int stride; /* sampled: every so many points */
  int deep;   /* of every so many of these the recovery is killed too; 0: of none */
};

/* Brings a fleet that a killed but committed first deploy or down has left to where the scenario starts from. */
static void reset(struct bench *b, const struct fleet_spec *start) {
  if (start->none && !b->now.none)
    lab_down(&b->lab);
  else if (!start->none && b->now.none)
    plan_free(fleet_apply(&b->lab, start));
  else
    return;
  assert_int_equal(b->lab.outcome.result, TRANSACTION_COMMITTED);
  b->now = *start;
}

/* One run killed at point n, its recovery killed at point m (0: not). False: n was past the run's end. *ret_deeper:
 * m was not past the recovery's. */
static bool try_point(struct bench *b, const struct scenario *s, int n, int m, struct tally *t, bool *ret_deeper) {
  struct fleet_spec want = b->now;
  struct before before;
  enum transaction_result result;
  char note[KILLER_NOTE], deep[KILLER_NOTE], text[2 * KILLER_NOTE + 100];
  s->change(b, &want);
  look_before(b, &before);
  close_state(b);
  bool killed = killer_run(&b->lab, killer_deploy, &want, n, note, &result);
  if (!killed && result != s->ends)
    fail_msg("%s: ended by itself with %d, not %d", s->name, (int)result, (int)s->ends);
  snprintf(text, sizeof(text), "%s, point %d, killed %s", s->name, n, note);
  *ret_deeper = false;
  if (killed && m) {
    *ret_deeper = killer_run(&b->lab, killer_recover, &want, m, deep, &result);
    snprintf(text, sizeof(text), "%s, point %d, killed %s; recovery, point %d, killed %s", s->name, n, note, m,
             *ret_deeper ? deep : "never");
  }
  if (getenv("KILL_LOG"))
    fprintf(stderr, "%s\n", text);
  recover(b, text);
  bool committed = is_new_or_fail(b, &before, &want, text);
  if (!killed && committed != (s->ends == TRANSACTION_COMMITTED))
    fail_msg("%s: what it says and what is committed differ", text);
  if (committed)
    b->now = want;
  if (killed) {
    t->points++;
    t->passed++;
    t->deep += *ret_deeper;
    t->new += committed;
    t->old += !committed;
  }
  before_release(&before);
  return killed;
}

/* Whatever the matrix before has left, failed or not. */
static void start_from(struct bench *b, bool none) {
  struct fleet_spec spec = {.none = none};
  if (!b->lab.state)
    open_state(b);
  if (b->dirty) {
    lab_recover(&b->lab);
    lab_down(&b->lab);
    b->now = (struct fleet_spec){.none = true};
  }
  reset(b, &spec);
  b->dirty = true;
}

static void run_matrix(struct bench *b, const struct scenario *s) {
  struct tally t = {0};
  struct fleet_spec start = b->now;
  int stride = asked_for("full") || asked_for("points") ? 1 : s->stride, deep = asked_for("full") ? 8 : s->deep, at = 0;
  bool deeper;
  uint64_t began = uv_hrtime();
  /* The last run ends by itself; what it made stays for the next scenario. */
  for (int n = 1 + atoi(lab_env("KILL_FROM", "0")); try_point(b, s, n, 0, &t, &deeper); n += stride) {
    reset(b, &start);
    if (deep && at++ % deep == deep / 2)
      for (int m = 1; try_point(b, s, n, m, &t, &deeper) && deeper; m += asked_for("full") ? 1 : DEEP_SAMPLE)
        reset(b, &start);
    reset(b, &start);
  }
  b->dirty = false;
  t.seconds = (double)(uv_hrtime() - began) / 1e9;
  print_message("%-16s %4d points, %4d passed: %4d old, %4d new; %4d with the recovery killed too; %.0f s\n", s->name,
                t.points, t.passed, t.old, t.new, t.deep, t.seconds);
}

/* --- scenarios --------------------------------------------------------------------------------------------------- */

static void change_to_first(struct bench *b, struct fleet_spec *want) {
  (void)b;
  want->none = false;
}

/* A chain of three is re-created, one of them start-first with a second network, one with files; a limit changes. */
static void change_several(struct bench *b, struct fleet_spec *want) {
  int next = ++b->generation;
  want->generation[DB] = want->generation[CACHE] = want->generation[API] = want->generation[WEB] = next;
  want->small_batch = !want->small_batch;
}

static void change_place(struct bench *b, struct fleet_spec *want) {
  want->generation[WORKER] = ++b->generation;
  want->worker_on_mainpc = !want->worker_on_mainpc;
}

static void change_to_failing(struct bench *b, struct fleet_spec *want) {
  int next = ++b->generation;
  want->generation[DB] = want->generation[API] = next;
  want->generation[WEB] = next;
  want->api_fails = true;
}

/* Between two generations, of which the other one is parked. */
static void change_back(struct bench *b, struct fleet_spec *want) {
  int other = want->generation[DB] == 1000 ? 2000 : 1000;
  (void)b;
  want->generation[DB] = want->generation[CACHE] = want->generation[API] = want->generation[WEB] = other;
}

/* The same fleet, but for what somebody has done to it by hand. */
static void change_by_hand(struct bench *b, struct fleet_spec *want) {
  (void)want;
  hand_drift(&b->lab);
}

static void change_to_none(struct bench *b, struct fleet_spec *want) {
  (void)b;
  want->none = true;
}

static const struct scenario first_deploy = {"first deploy", change_to_first, TRANSACTION_COMMITTED, 7, 0};
static const struct scenario update = {"update", change_several, TRANSACTION_COMMITTED, 7, 8};
static const struct scenario move = {"move", change_place, TRANSACTION_COMMITTED, 3, 0};
static const struct scenario failing = {"failing release", change_to_failing, TRANSACTION_PUT_BACK, 7, 0};
static const struct scenario going_back = {"going back", change_back, TRANSACTION_COMMITTED, 7, 0};
static const struct scenario drift = {"drift", change_by_hand, TRANSACTION_COMMITTED, 7, 0};
static const struct scenario down = {"down", change_to_none, TRANSACTION_COMMITTED, 9, 0};

static struct bench bench = {.now = {.none = true}};

static int setup(void **state) {
  unsetenv("CMOCKA_TEST_ABORT");
  lab_open(&bench.lab);
  bench.lab.resources = true;
  fleet_port();
  *state = &bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (b)
    lab_close(&b->lab);
  return 0;
}

static void deploy(struct bench *b, const struct fleet_spec *spec) {
  plan_free(fleet_apply(&b->lab, spec));
  assert_int_equal(b->lab.outcome.result, TRANSACTION_COMMITTED);
  b->now = *spec;
}

static void first_deploy_is_whole_or_nothing(void **state) {
  start_from(*state, true);
  run_matrix(*state, &first_deploy);
}

static void update_is_old_or_new(void **state) {
  struct bench *b = *state;
  start_from(b, false);
  struct fleet_spec spec = b->now;
  change_several(b, &spec);
  deploy(b, &spec); /* so that there are parked containers to remove after the commit */
  run_matrix(b, &update);
}

static void move_is_old_or_new(void **state) {
  start_from(*state, false);
  run_matrix(*state, &move);
}

static void failing_release_is_put_back(void **state) {
  start_from(*state, false);
  run_matrix(*state, &failing);
}

static void going_back_is_old_or_new(void **state) {
  struct bench *b = *state;
  start_from(b, false);
  struct fleet_spec spec = b->now;
  change_back(b, &spec);
  deploy(b, &spec);
  change_back(b, &spec);
  deploy(b, &spec);
  run_matrix(b, &going_back);
}

static void drift_is_mended_or_as_it_was(void **state) {
  start_from(*state, false);
  run_matrix(*state, &drift);
}

static void down_is_whole_or_not_at_all(void **state) {
  start_from(*state, false);
  run_matrix(*state, &down);
}

/* An argument: only the tests of that name (with * and ?). */
int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_deploy_is_whole_or_nothing), cmocka_unit_test(update_is_old_or_new),
      cmocka_unit_test(move_is_old_or_new),               cmocka_unit_test(failing_release_is_put_back),
      cmocka_unit_test(going_back_is_old_or_new),         cmocka_unit_test(drift_is_mended_or_as_it_was),
      cmocka_unit_test(down_is_whole_or_not_at_all),
  };
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, setup, teardown);
}

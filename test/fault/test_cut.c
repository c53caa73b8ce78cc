/* The partition matrix: the link to pc2 is cut at every point of a transaction on the real engines. Healed after three
 * seconds, the transaction must go on or put everything back, and say which. Not healed, it must come to its end by
 * itself, with no service running twice as the engines' own sockets show it; and healed and recovered, the fleet is
 * exactly the old or exactly the new one. TANDEM_FAULT=full: every point; else a sample. */
#include "test/fault/testbed.h"
#include "test/fault/trigger.h"

enum { HEAL_AFTER_MS = 3000, RECONNECT_MS = 1000 };

struct bench {
  struct lab lab, eyes;
  struct trigger trigger;
  struct fleet_spec now;
  int generation;
  bool heals; /* the present cut, by itself */
  uv_timer_t healer;
  uint64_t cut_at, noticed; /* uv_hrtime */
  uint64_t longest, sum;    /* from the cut to its being noticed, over all runs */
  int notices;
};

struct tally {
  int points, committed, back, stuck;
};

static bool full(void) {
  return strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0;
}

static void heal(uv_timer_t *timer) {
  (void)timer;
  testbed("heal pc2");
}

static void cut(void *arg) {
  struct bench *b = arg;
  testbed("cut pc2");
  b->cut_at = uv_hrtime();
  uv_update_time(&b->lab.loop);
  if (b->heals)
    uv_timer_start(&b->healer, heal, HEAL_AFTER_MS, 0);
}

static void note_loss(void *arg, enum log_event event, const struct log_fields *fields, const char *msg) {
  struct bench *b = arg;
  (void)fields, (void)msg;
  if (event != LOG_MACHINE_LOST || !b->cut_at || b->noticed)
    return;
  b->noticed = uv_hrtime();
  uint64_t took = b->noticed - b->cut_at;
  b->longest = took > b->longest ? took : b->longest;
  b->sum += took;
  b->notices++;
}

/* --- what is expected -------------------------------------------------------------------------------------------- */

struct point {
  const char *note;
  const struct fleet_spec *want;
  struct observed *before;
  char *picture;
  int64_t base;
};

static void expect_old(struct bench *b, const struct point *p) {
  struct observed *now = lab_observe(&b->eyes);
  CLEANUP_FREE char *picture = fleet_picture(&b->lab, now);
  observed_free(now);
  if (b->lab.current != p->base)
    fail_msg("%s\nsaid to be put back, but revision %lld holds", p->note, (long long)b->lab.current);
  if (strcmp(picture, p->picture) != 0)
    fail_msg("%s\nnot the old fleet. Before:\n%sNow:\n%s", p->note, p->picture, picture);
}

static void expect_new(struct bench *b, const struct point *p, bool uncleaned) {
  struct observed *now = lab_observe(&b->eyes);
  char why[600] = "";
  if (b->lab.current == p->base)
    fail_msg("%s\nsaid to be committed, but revision %lld holds", p->note, (long long)b->lab.current);
  if (!fleet_is_new(&b->lab, p->want, p->before, p->base, now, uncleaned, why, sizeof(why))) {
    CLEANUP_FREE char *picture = fleet_picture(&b->lab, now);
    fail_msg("%s\nnot the new fleet: %s. Before:\n%sNow:\n%s", p->note, why, p->picture, picture);
  }
  observed_free(now);
}

/* Start-first lets both run from the new one's start to the old one's stop. Cut in between, that is how it stays; but
 * then the old one has never been stopped: it is not going back that has started it. */
static bool is_overlap(const struct bench *b, const struct point *p, const struct observed *now, const char *service) {
  size_t same = 0;
  for (size_t i = 0; i < now->machine_count; i++)
    for (size_t k = 0; k < now->machines[i].container_count; k++) {
      const struct observed_container *c = &now->machines[i].containers[k];
      const struct observed_container *before = fleet_find_id(p->before, c->id);
      same += strcmp(c->service, service) == 0 && before && before->running && c->running &&
              strcmp(before->started_at, c->started_at) == 0;
    }
  return !b->now.stop_first && same == 1;
}

/* Also in between, in a state that nobody is content with, no service may run twice. */
static void expect_nothing_twice(struct bench *b, const struct point *p) {
  struct observed *now = lab_observe(&b->eyes);
  const char *twice = testbed_twice(now);
  if (twice && !is_overlap(b, p, now, twice)) {
    CLEANUP_FREE char *picture = fleet_picture(&b->lab, now);
    fail_msg("%s\n%s runs twice:\n%s", p->note, twice, picture);
  }
  observed_free(now);
}

static void expect_whole(struct bench *b, const struct point *p) {
  struct revision r = {0};
  if (b->lab.outcome.result == TRANSACTION_COMMITTED)
    expect_new(b, p, false);
  else
    expect_old(b, p);
  if (state_unfinished(b->lab.state, b->lab.project, &r, NULL) != 0)
    fail_msg("%s\nrevision %lld is unfinished", p->note, (long long)r.number);
}

/* A stuck one must say what is left and why; recovery then brings exactly the old fleet. */
static void expect_recoverable(struct bench *b, const struct point *p) {
  const struct transaction_outcome *o = &b->lab.outcome;
  bool says_why = false;
  for (size_t i = 0; i < o->left.count; i++)
    says_why = says_why || strstr(o->left.items[i], "unreachable");
  if (!o->failure || !says_why)
    fail_msg("%s\nstuck without a word of why", p->note);
  testbed("heal pc2");
  if (!lab_recover(&b->lab) || b->lab.outcome.result == TRANSACTION_STUCK)
    fail_msg("%s\nrecovery did not finish it: %s", p->note, o->left.count ? o->left.items[0] : "nothing to recover");
  expect_old(b, p);
}

static void check(struct bench *b, const struct point *p, struct tally *t) {
  enum transaction_result result = b->lab.outcome.result;
  bool committed = result == TRANSACTION_COMMITTED;
  if (b->heals && result == TRANSACTION_STUCK)
    fail_msg("%s\nstuck, though healed: %s", p->note, b->lab.outcome.left.count ? b->lab.outcome.left.items[0] : "?");
  if (b->cut_at)
    testbed("heal pc2"); /* also when it ended within the three seconds: what is checked needs no link */
  if (result == TRANSACTION_STUCK) {
    t->stuck++;
    expect_recoverable(b, p);
  } else if (committed && !b->heals) {
    expect_new(b, p, b->lab.outcome.left.count > 0);
    lab_recover(&b->lab); /* of a clean-up that could not be finished */
    b->lab.outcome.result = TRANSACTION_COMMITTED;
  }
  expect_whole(b, p);
  t->points++;
  t->committed += committed;
  t->back += result == TRANSACTION_PUT_BACK || result == TRANSACTION_FAILED_CLEAN;
}

/* --- the matrix -------------------------------------------------------------------------------------------------- */

struct scenario {
  const char *name;
  struct fleet_spec start; /* generations do not matter */
  void (*change)(struct bench *b, struct fleet_spec *want);
  enum transaction_result ends; /* with the link whole */
  int stride;                   /* sampled: every so many points */
};

static void deploy(struct bench *b, const struct fleet_spec *spec) {
  plan_free(fleet_apply(&b->lab, spec));
  if (b->lab.outcome.result != TRANSACTION_COMMITTED)
    fail_msg("%s", json_str(b->lab.outcome.failure, "reason", "no reason"));
  b->now = *spec;
}

static void start_from(struct bench *b, const struct scenario *s) {
  if (b->now.worker_on_mainpc == s->start.worker_on_mainpc && b->now.stop_first == s->start.stop_first && !b->now.none)
    return;
  struct fleet_spec spec = b->now;
  spec.none = false;
  spec.worker_on_mainpc = s->start.worker_on_mainpc;
  spec.stop_first = s->start.stop_first;
  deploy(b, &spec);
}

/* One run, its link cut at point n. False: it has no such point, and ended as it should. */
static bool try_point(struct bench *b, const struct scenario *s, int n, struct tally *t) {
  start_from(b, s);
  struct fleet_spec want = b->now;
  struct tally ignored = {0};
  char note[600];
  s->change(b, &want);
  struct point p = {.note = note, .want = &want, .before = lab_observe(&b->eyes), .base = b->lab.current};
  p.picture = fleet_picture(&b->lab, p.before);
  b->cut_at = b->noticed = 0;
  b->lab.reconnect_ms = RECONNECT_MS;
  trigger_arm(&b->trigger, n);
  plan_free(fleet_apply(&b->lab, &want));
  bool fired = b->cut_at != 0;
  uv_timer_stop(&b->healer);
  snprintf(note, sizeof(note), "%s, cut %s point %d, %s; result %d: %s", s->name, b->heals ? "for 3 s at" : "at", n,
           b->trigger.note, (int)b->lab.outcome.result, json_str(b->lab.outcome.failure, "reason", ""));
  trigger_arm(&b->trigger, 0);
  if (getenv("CUT_LOG"))
    fprintf(stderr, "%s\n", note);
  if (fired && !b->heals)
    expect_nothing_twice(b, &p);
  if (!fired && b->lab.outcome.result != s->ends)
    fail_msg("%s: with the link whole it ended with %d: %s", s->name, (int)b->lab.outcome.result,
             json_str(b->lab.outcome.failure, "reason", ""));
  bool committed = b->lab.outcome.result == TRANSACTION_COMMITTED;
  check(b, &p, fired ? t : &ignored);
  if (committed)
    b->now = want;
  observed_free(p.before);
  free(p.picture);
  return fired;
}

static void run_matrix(struct bench *b, const struct scenario *s) {
  testbed("heal pc2"); /* whatever the matrix before has left */
  lab_recover(&b->lab);
  for (int heals = 1; heals >= 0; heals--) {
    struct tally t = {0};
    uint64_t began = uv_hrtime();
    b->heals = heals;
    int stride = full() ? 1 : s->stride;
    for (int n = 1 + atoi(lab_env("CUT_FROM", "0")) + (heals ? 0 : stride / 2); try_point(b, s, n, &t); n += stride)
      continue;
    print_message("%-28s %-15s %3d points, all passed: %3d committed, %3d put back, %3d stuck and recovered; %.0f s\n",
                  s->name, heals ? "healed in 3 s" : "not healed", t.points, t.committed, t.back, t.stuck,
                  (double)(uv_hrtime() - began) / 1e9);
  }
}

/* --- scenarios --------------------------------------------------------------------------------------------------- */

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
  change_several(b, want);
  want->api_fails = true;
}

#define TO_MAINPC .change = change_place, .ends = TRANSACTION_COMMITTED, .stride = 13
#define TO_PC2 TO_MAINPC, .start.worker_on_mainpc = true

static const struct scenario scenarios[] = {
    {.name = "update", .change = change_several, .ends = TRANSACTION_COMMITTED, .stride = 37},
    {.name = "move to mainpc, start-first", TO_MAINPC},
    {.name = "move to pc2, start-first", TO_PC2},
    {.name = "move to mainpc, stop-first", TO_MAINPC, .start.stop_first = true},
    {.name = "move to pc2, stop-first", TO_PC2, .start.stop_first = true},
    {.name = "failing release", .change = change_to_failing, .ends = TRANSACTION_PUT_BACK, .stride = 47},
};

static struct bench bench = {.now = {.none = true}};

static int setup(void **state) {
  struct bench *b = &bench;
  testbed("heal pc2");
  lab_open(&b->lab);
  b->lab.resources = true;
  testbed_eyes(&b->eyes, &b->lab);
  assert_int_equal(log_add_sink(b->lab.log, LOG_DEBUG, note_loss, b, NULL), 0);
  trigger_open(&b->trigger, &b->lab, cut, b);
  uv_timer_init(&b->lab.loop, &b->healer);
  *state = b;
  start_from(b, &scenarios[0]);
  struct fleet_spec spec = b->now;
  change_several(b, &spec);
  deploy(b, &spec); /* so that there is something to clean up */
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (!b)
    return 0;
  testbed("heal pc2");
  if (b->notices)
    print_message("from the cut to machine.lost: %d times, %.1f s on average, %.1f s at most\n", b->notices,
                  (double)b->sum / 1e9 / b->notices, (double)b->longest / 1e9);
  lab_recover(&b->lab);
  testbed_eyes_close(&b->eyes);
  trigger_close(&b->trigger);
  uv_close((uv_handle_t *)&b->healer, NULL);
  lab_close(&b->lab);
  return 0;
}

static void an_update(void **state) {
  run_matrix(*state, &scenarios[0]);
}

static void a_move_there(void **state) {
  run_matrix(*state, &scenarios[1]);
}

static void a_move_back(void **state) {
  run_matrix(*state, &scenarios[2]);
}

static void a_move_there_stopped_first(void **state) {
  run_matrix(*state, &scenarios[3]);
}

static void a_move_back_stopped_first(void **state) {
  run_matrix(*state, &scenarios[4]);
}

static void a_failing_release(void **state) {
  run_matrix(*state, &scenarios[5]);
}

static int all_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_update),
      cmocka_unit_test(a_move_there),
      cmocka_unit_test(a_move_back),
      cmocka_unit_test(a_move_there_stopped_first),
      cmocka_unit_test(a_move_back_stopped_first),
      cmocka_unit_test(a_failing_release),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}

/* An argument: only the tests of that name (with * and ?). */
int main(int argc, char **argv) {
  static const char *const mend[] = {"heal pc2"};
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return testbed_guard(all_tests, mend, COUNT_OF(mend));
}

/* The state folder is lost: a transaction on the real engines is killed with SIGKILL at points of its course, and
 * undone or finished by nothing but the record that the engines keep. The fleet must be exactly the old one or the new
 * one. TANDEM_FAULT=full: every point; else a sample. */
#include "test/fault/killer.h"

struct bench {
  struct lab lab;
  struct fleet_spec now;
  int generation;
};

struct tally {
  int points, running, committed, none, old, new;
};

static void change_several(struct bench *b, struct fleet_spec *want) {
  int next = ++b->generation;
  want->generation[DB] = want->generation[CACHE] = want->generation[API] = want->generation[WEB] = next;
  want->small_batch = !want->small_batch;
}

static void change_place(struct bench *b, struct fleet_spec *want) {
  want->generation[WORKER] = ++b->generation;
  want->worker_on_mainpc = !want->worker_on_mainpc;
}

static void open_state(struct bench *b) {
  struct err err = ERR_INIT;
  if (state_open(b->lab.dir, STATE_WRITE, "test", &b->lab.state, &err) < 0)
    fail_msg("%s", err_text(&err));
  assert_int_equal(state_current(b->lab.state, b->lab.project, &b->lab.current, NULL), 0);
}

/* Exactly old, or exactly new? */
static bool is_old_or_fail(struct bench *b, const struct observed *before, int64_t base, const struct fleet_spec *want,
                           const char *note) {
  struct observed *now = lab_observe(&b->lab);
  CLEANUP_FREE char *old = fleet_picture(&b->lab, before), *picture = fleet_picture(&b->lab, now);
  char why[600] = "";
  bool is_old = strcmp(old, picture) == 0;
  if (!is_old && !fleet_is_new(&b->lab, want, before, base, now, false, why, sizeof(why)))
    fail_msg("%s\nneither the old nor the new fleet: %s. Before:\n%sNow:\n%s", note, why, old, picture);
  fleet_expect_no_record(&b->lab, note);
  observed_free(now);
  return is_old;
}

/* The folder comes back, for the points to come: what it still believes in has nothing left to do, and a commit that
 * the record did not know of yet is made once more. */
static void bring_the_folder_back(struct bench *b, const struct fleet_spec *want, int64_t base, bool is_old) {
  open_state(b);
  lab_recover(&b->lab);
  bool committed = b->lab.current != base;
  if (!is_old && !committed)
    fail_msg("the record knew of a commit that the journal does not know");
  if (is_old && committed) {
    plan_free(fleet_apply(&b->lab, want));
    assert_int_equal(b->lab.outcome.result, TRANSACTION_COMMITTED);
  }
  if (committed)
    b->now = *want;
}

/* False: point n was past the run's end. */
static bool try_point(struct bench *b, void (*change)(struct bench *b, struct fleet_spec *want), int n,
                      struct tally *t) {
  struct fleet_spec want = b->now;
  enum transaction_result result;
  char killed_at[KILLER_NOTE], note[KILLER_NOTE + 100];
  bool committed = false;
  change(b, &want);
  struct observed *before = lab_observe(&b->lab);
  int64_t base = b->lab.current;
  state_close(b->lab.state);
  b->lab.state = NULL;
  bool killed = killer_run(&b->lab, killer_deploy, &want, n, killed_at, &result);
  snprintf(note, sizeof(note), "point %d, killed %s", n, killed_at);
  open_state(b); /* the lab's own needs one; the recovery takes nothing from it */
  bool found = lab_recover_by_record(&b->lab, &committed);
  if (!found) { /* the create of the very first record may be on its way: the next command would find it */
    lab_settle(&b->lab);
    found = lab_recover_by_record(&b->lab, &committed);
  }
  if (found && b->lab.outcome.result == TRANSACTION_STUCK)
    fail_msg("%s\nstuck: %s", note, b->lab.outcome.left.count ? b->lab.outcome.left.items[0] : "?");
  bool is_old = is_old_or_fail(b, before, base, &want, note);
  if (found && is_old == committed)
    fail_msg("%s\nthe record says %s", note, committed ? "committed" : "running");
  state_close(b->lab.state);
  bring_the_folder_back(b, &want, base, is_old);
  observed_free(before);
  if (killed) {
    t->points++;
    t->running += found && !committed;
    t->committed += found && committed;
    t->none += !found;
    t->old += is_old;
    t->new += !is_old;
  }
  return killed;
}

static void run_matrix(struct bench *b, const char *name, void (*change)(struct bench *b, struct fleet_spec *want),
                       int stride) {
  struct tally t = {0};
  uint64_t began = uv_hrtime();
  if (strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0)
    stride = 1;
  for (int n = 1; try_point(b, change, n, &t); n += stride)
    continue;
  print_message(
      "%-8s %3d points, all passed: %d by a record of a running one, %d of a committed one, %d without; %d old, "
      "%d new; %.0f s\n",
      name, t.points, t.running, t.committed, t.none, t.old, t.new, (double)(uv_hrtime() - began) / 1e9);
  assert_true(t.running > 0);
  assert_true(t.committed > 0);
}

static void an_update_is_undone_or_finished(void **state) {
  run_matrix(*state, "update", change_several, 5);
}

static void a_move_is_undone_or_finished(void **state) {
  run_matrix(*state, "move", change_place, 3);
}

static struct bench bench;

static int setup(void **state) {
  unsetenv("CMOCKA_TEST_ABORT");
  lab_open(&bench.lab);
  bench.lab.resources = true;
  fleet_port();
  plan_free(fleet_apply(&bench.lab, &bench.now));
  assert_int_equal(bench.lab.outcome.result, TRANSACTION_COMMITTED);
  *state = &bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (b && !b->lab.state)
    open_state(b);
  if (b)
    lab_close(&b->lab);
  return 0;
}

/* An argument: only the tests of that name (with * and ?). */
int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_update_is_undone_or_finished),
      cmocka_unit_test(a_move_is_undone_or_finished),
  };
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, setup, teardown);
}

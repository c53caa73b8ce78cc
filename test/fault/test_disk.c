/* The disk fills up in mid-transaction: from some write on, every file of the process may not grow (RLIMIT_FSIZE).
 * No changing call may go out without its durable intent, and a recovery with room again makes the fleet whole. */
#include <sys/resource.h>

#include "test/fault/killer.h"

struct bench {
  struct lab lab;
  struct fleet_spec now;
  int generation;
};

enum { FIRST_LIMIT = 8 * 1024, LIMIT_STEP = 40 * 1024, FULL_STEP = 8 * 1024, LAST_LIMIT = 4 * 1024 * 1024 };

static rlim_t room; /* of the child */

static void starved_deploy(struct lab *lab, const struct fleet_spec *spec) {
  struct rlimit limit = {.rlim_cur = room, .rlim_max = RLIM_INFINITY};
  uint64_t before = engine_mutations(lab->machines.items[0].engine) + engine_mutations(lab->machines.items[1].engine);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  plan_free(fleet_apply(lab, spec));
  uint64_t sent = engine_mutations(lab->machines.items[0].engine) + engine_mutations(lab->machines.items[1].engine);
  struct journal_rows rows = {0};
  size_t intents = 0;
  if (lab->revision && state_journal(lab->state, lab->project, lab->revision, &rows, NULL) < 0)
    fail_msg("the journal cannot be read");
  for (size_t i = 0; i < rows.count; i++) /* at most one call forward and one back for each */
    intents += rows.items[i].mark >= JOURNAL_UNDO_INTENT ? 2 : 1;
  journal_rows_release(&rows);
  if (sent - before > intents)
    fail_msg("%llu changing calls, %zu durable intents", (unsigned long long)(sent - before), intents);
}

static void a_full_disk_loses_nothing(void **state) {
  struct bench *b = *state;
  bool full = strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0;
  int points = 0, results[4] = {0};
  enum transaction_result result = TRANSACTION_STUCK;
  for (room = FIRST_LIMIT; room < LAST_LIMIT; room += full ? FULL_STEP : LIMIT_STEP) {
    struct fleet_spec want = b->now;
    char note[KILLER_NOTE];
    want.generation[DB] = want.generation[CACHE] = want.generation[API] = ++b->generation;
    struct observed *before = lab_observe(&b->lab);
    int64_t base = b->lab.current;
    state_close(b->lab.state);
    b->lab.state = NULL;
    assert_false(killer_run(&b->lab, starved_deploy, &want, 0, note, &result));
    assert_int_equal(state_open(b->lab.dir, STATE_WRITE, "test", &b->lab.state, NULL), 0);
    bool recovered = lab_recover(&b->lab);
    assert_int_equal(state_current(b->lab.state, b->lab.project, &b->lab.current, NULL), 0);
    struct observed *now = lab_observe(&b->lab);
    CLEANUP_FREE char *old = fleet_picture(&b->lab, before), *picture = fleet_picture(&b->lab, now);
    char why[600] = "";
    bool committed = b->lab.current != base;
    if (getenv("DISK_LOG"))
      fprintf(stderr, "room for %lu KiB: result %d, %s, %s\n", (unsigned long)room / 1024, (int)result,
              recovered ? "recovered" : "nothing to recover", committed ? "committed" : "old");
    if (recovered && b->lab.outcome.result == TRANSACTION_STUCK)
      fail_msg("room for %lu: recovery is stuck: %s", (unsigned long)room, b->lab.outcome.left.items[0]);
    if (committed ? !fleet_is_new(&b->lab, &want, before, base, now, false, why, sizeof(why)) : strcmp(old, picture) != 0)
      fail_msg("room for %lu bytes, result %d: %s. Before:\n%sNow:\n%s", (unsigned long)room, (int)result,
               committed ? why : "not the old fleet", old, picture);
    if (result == TRANSACTION_COMMITTED && !committed)
      fail_msg("room for %lu bytes: said to be committed, and is not", (unsigned long)room);
    if ((result == TRANSACTION_PUT_BACK || result == TRANSACTION_FAILED_CLEAN) && committed)
      fail_msg("room for %lu bytes: said to be put back, and is committed", (unsigned long)room);
    if (committed)
      b->now = want;
    observed_free(before);
    observed_free(now);
    results[result]++;
    points++;
    if (result == TRANSACTION_COMMITTED && !recovered)
      break; /* room enough */
  }
  assert_int_equal(result, TRANSACTION_COMMITTED);
  print_message("full disk: %d points, all passed: %d failed before anything changed, %d put back, %d put back by recover, "
                "%d committed\n",
                points, results[TRANSACTION_FAILED_CLEAN], results[TRANSACTION_PUT_BACK], results[TRANSACTION_STUCK],
                results[TRANSACTION_COMMITTED]);
}

static struct bench bench = {.now = {.unprobed = true}};

static int setup(void **state) {
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
  if (b && b->lab.state)
    lab_close(&b->lab);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_disk_loses_nothing)};
  return cmocka_run_group_tests(tests, setup, teardown);
}

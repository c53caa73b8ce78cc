/* A transaction that is abandoned at every point of its course, as when another tandem has taken its lock over: from
 * then on it sends nothing that changes an engine and writes no outcome, and recovery finds what it needs.
 * TANDEM_FAULT=full: every point; else a sample. */
#include "test/fault/trigger.h"

#define WHY "taken over by another tandem"

struct bench {
  struct lab lab;
  struct trigger trigger;
  struct fleet_spec now;
  uint64_t sent; /* changing calls when it was abandoned */
};

static uint64_t sent(const struct lab *lab) {
  return engine_mutations(lab->machines.items[0].engine) + engine_mutations(lab->machines.items[1].engine);
}

static void abandon(void *arg) {
  struct bench *b = arg;
  struct err err = ERR_INIT;
  b->sent = sent(&b->lab);
  err_set(&err, ERR_LOCKED, WHY);
  if (b->lab.transaction)
    transaction_abandon(b->lab.transaction, &err);
  err_release(&err);
}

/* What it says of itself, and what its row says. */
static void expect_abandoned(struct bench *b, const char *note) {
  const struct transaction_outcome *o = &b->lab.outcome;
  struct revision r = {0};
  if (sent(&b->lab) != b->sent)
    fail_msg("%s: %llu changing calls were sent afterwards", note, (unsigned long long)(sent(&b->lab) - b->sent));
  assert_string_equal(json_str(o->failure, "reason", ""), WHY);
  assert_int_equal(o->left.count, 1);
  assert_string_equal(o->left.items[0], WHY);
  if (state_unfinished(b->lab.state, b->lab.project, &r, NULL) != 1)
    fail_msg("%s: nothing is left to recover", note);
  if (r.outcome != REVISION_RUNNING && r.outcome != REVISION_COMMITTED)
    fail_msg("%s: it has written the outcome %s", note, revision_outcome_name(r.outcome));
  revision_release(&r);
}

/* False: there is no such point. *ret_abandoned: it was, else it was at its end already. */
static bool try_point(struct bench *b, int n, bool fails, bool *ret_abandoned) {
  struct fleet_spec want = b->now;
  struct observed *before = lab_observe(&b->lab);
  CLEANUP_FREE char *old_picture = fleet_picture(&b->lab, before);
  int64_t base = b->lab.current;
  char note[600], why[600] = "";
  want.generation[DB] = want.generation[API] = want.generation[WEB] = want.generation[DB] + 1;
  want.api_fails = fails;
  trigger_arm(&b->trigger, n);
  plan_free(fleet_apply(&b->lab, &want));
  bool fired = b->trigger.fired;
  snprintf(note, sizeof(note), "point %d, %s", n, b->trigger.note);
  trigger_arm(&b->trigger, 0);
  *ret_abandoned = fired && b->lab.outcome.result == TRANSACTION_STUCK;
  if (*ret_abandoned) {
    expect_abandoned(b, note);
    if (!lab_recover(&b->lab) || b->lab.outcome.result == TRANSACTION_STUCK)
      fail_msg("%s: recovery did not finish it", note);
  }
  struct observed *after = lab_observe(&b->lab);
  CLEANUP_FREE char *picture = fleet_picture(&b->lab, after);
  if (b->lab.current == base && strcmp(picture, old_picture) != 0)
    fail_msg("%s: not the old fleet. Before:\n%sNow:\n%s", note, old_picture, picture);
  if (b->lab.current != base && !fleet_is_new(&b->lab, &want, before, base, after, false, why, sizeof(why)))
    fail_msg("%s: not the new fleet: %s. Now:\n%s", note, why, picture);
  if (b->lab.current != base)
    b->now = want;
  observed_free(before);
  observed_free(after);
  return fired;
}

static void run_matrix(struct bench *b, bool fails) {
  int points = 0, abandoned = 0, stride = strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0 ? 1 : 11;
  bool was;
  for (int n = 1; try_point(b, n, fails, &was); n += stride) {
    points++;
    abandoned += was;
  }
  print_message("%s: %d points, %d abandoned, all recovered\n", fails ? "failing release" : "update", points,
                abandoned);
  assert_true(abandoned > 0);
}

static struct bench bench;

static int setup(void **state) {
  struct bench *b = &bench;
  lab_open(&b->lab);
  b->lab.resources = true;
  trigger_open(&b->trigger, &b->lab, abandon, b);
  *state = b;
  plan_free(fleet_apply(&b->lab, &b->now));
  return b->lab.outcome.result == TRANSACTION_COMMITTED ? 0 : -1;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (!b)
    return 0;
  lab_recover(&b->lab);
  trigger_close(&b->trigger);
  lab_close(&b->lab);
  return 0;
}

static void an_abandoned_update_touches_nothing(void **state) {
  run_matrix(*state, false);
}

static void an_abandoned_undo_touches_nothing(void **state) {
  run_matrix(*state, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_abandoned_update_touches_nothing),
      cmocka_unit_test(an_abandoned_undo_touches_nothing),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}

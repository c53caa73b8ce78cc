/* The walker's choices and the transaction's course, without a loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/base/json.h"
#include "controller/deploy/kind.h"
#include "controller/deploy/walk.h"

/* 0 create -> 1 start -> 2 ready; 3 removes afterwards */
static void make_steps(struct steps *s) {
  assert_int_equal(steps_add(s, STEP_CONTAINER_CREATE, PHASE_PREPARE, "m", "a", "a-1", NULL, NULL), 0);
  assert_int_equal(steps_add(s, STEP_CONTAINER_START, PHASE_SWITCH, "m", "a", "a-1", NULL, NULL), 1);
  assert_int_equal(steps_add(s, STEP_GATE_READY, PHASE_PROVE, "m", "a", "a-1", NULL, NULL), 2);
  assert_int_equal(steps_add(s, STEP_CONTAINER_REMOVE, PHASE_CLEANUP, "m", "a", "a-1.r1", NULL, NULL), 3);
  s->items[1].creator = s->items[2].creator = 0;
  assert_int_equal(steps_order(s, 1, 0, NULL), 0);
  assert_int_equal(steps_order(s, 2, 1, NULL), 0);
}

static void forward_goes_by_phase_and_order(void **state) {
  (void)state;
  struct steps s = {0};
  struct walk w;
  make_steps(&s);
  assert_int_equal(walk_init(&w, &s, NULL), 0);
  assert_true(walk_can_run(&w, 0, PHASE_PREPARE));
  assert_false(walk_can_run(&w, 1, PHASE_PREPARE));
  assert_false(walk_can_run(&w, 1, PHASE_SWITCH));
  assert_false(walk_phase_done(&w, PHASE_PREPARE));
  w.status[0] = STEP_RUNNING;
  assert_false(walk_phase_done(&w, PHASE_PREPARE));
  w.status[0] = STEP_DONE;
  assert_true(walk_phase_done(&w, PHASE_PREPARE));
  assert_true(walk_can_run(&w, 1, PHASE_SWITCH));
  walk_release(&w);
  steps_release(&s);
}

static void back_goes_against_order(void **state) {
  (void)state;
  struct steps s = {0};
  struct walk w;
  make_steps(&s);
  assert_int_equal(walk_init(&w, &s, NULL), 0);
  w.status[0] = w.status[1] = STEP_DONE;
  w.status[2] = STEP_FAILED;
  assert_true(walk_can_undo(&w, 2));
  assert_false(walk_can_undo(&w, 1));
  assert_false(walk_can_undo(&w, 0));
  assert_false(walk_undo_done(&w));
  w.status[2] = STEP_UNDONE;
  assert_true(walk_can_undo(&w, 1));
  w.status[1] = STEP_UNDO_FAILED; /* what it stands on must stay */
  assert_false(walk_can_undo(&w, 0));
  assert_true(walk_undo_done(&w));
  w.status[1] = STEP_UNDONE;
  w.status[0] = STEP_UNDONE;
  w.status[3] = STEP_DONE; /* cleanup is never undone */
  assert_false(walk_can_undo(&w, 3));
  assert_true(walk_undo_done(&w));
  walk_release(&w);
  steps_release(&s);
}

static void course_of_a_transaction(void **state) {
  (void)state;
  assert_int_equal(txn_next(TXN_FORWARD, TXN_ALL_DONE), TXN_COMMITTING);
  assert_int_equal(txn_next(TXN_COMMITTING, TXN_DURABLE), TXN_CLEANING);
  assert_int_equal(txn_next(TXN_CLEANING, TXN_ALL_DONE), TXN_CLOSING);
  assert_int_equal(txn_next(TXN_CLOSING, TXN_DURABLE), TXN_END);
  assert_int_equal(txn_next(TXN_FORWARD, TXN_FAILURE), TXN_DRAINING);
  assert_int_equal(txn_next(TXN_COMMITTING, TXN_FAILURE), TXN_DRAINING); /* not durable: not committed */
  assert_int_equal(txn_next(TXN_DRAINING, TXN_IDLE), TXN_UNDOING);
  assert_int_equal(txn_next(TXN_UNDOING, TXN_FAILURE), TXN_UNDOING); /* the rest is put back all the same */
  assert_int_equal(txn_next(TXN_UNDOING, TXN_ALL_DONE), TXN_CLOSING);
  assert_int_equal(txn_next(TXN_CLEANING, TXN_FAILURE), TXN_CLEANING); /* after the commit nothing goes back */
  for (int event = 0; event < TXN_EVENT_COUNT; event++)
    assert_int_equal(txn_next(TXN_END, (enum txn_event)event), TXN_END);
}

static void every_kind_is_a_whole_row(void **state) {
  (void)state;
  for (int kind = 0; kind < STEP_KIND_COUNT; kind++) {
    const struct kind *row = kind_of((enum step_kind)kind);
    enum step_kind parsed;
    assert_non_null(row->verb);
    assert_non_null(row->run);
    assert_non_null(row->probe);
    assert_non_null(row->undo);
    assert_int_equal(step_kind_parse(step_kind_name((enum step_kind)kind), &parsed), 0);
    assert_int_equal(parsed, kind);
  }
}

static void steps_survive_storing(void **state) {
  (void)state;
  struct steps s = {0}, back = {0};
  cJSON *json = NULL, *again = NULL;
  make_steps(&s);
  assert_int_equal(steps_to_json(&s, &json, NULL), 0);
  assert_int_equal(steps_from_json(json, &back, NULL), 0);
  assert_int_equal(steps_to_json(&back, &again, NULL), 0);
  assert_true(json_equal(json, again));
  assert_int_equal(back.items[2].creator, 0);
  cJSON_Delete(json);
  cJSON_Delete(again);
  steps_release(&s);
  steps_release(&back);
}

static void cycles_and_wild_references_are_refused(void **state) {
  (void)state;
  struct steps s = {0}, back = {0};
  struct err err = ERR_INIT;
  make_steps(&s);
  assert_int_equal(steps_check(&s, &err), 0);
  assert_int_equal(steps_order(&s, 0, 2, NULL), 0);
  assert_int_equal(steps_check(&s, &err), -1);
  assert_int_equal(err.kind, ERR_INTERNAL);
  err_release(&err);
  cJSON *wild = cJSON_Parse("[{\"kind\":\"container.start\",\"phase\":1,\"after\":[7]}]");
  assert_int_equal(steps_from_json(wild, &back, &err), -1);
  err_release(&err);
  cJSON_Delete(wild);
  wild = cJSON_Parse("[{\"kind\":\"container.explode\",\"phase\":1}]");
  assert_int_equal(steps_from_json(wild, &back, &err), -1);
  err_release(&err);
  cJSON_Delete(wild);
  assert_int_equal(steps_from_json(NULL, &back, &err), -1); /* recovery must not take nothing for an empty plan */
  err_release(&err);
  steps_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forward_goes_by_phase_and_order), cmocka_unit_test(back_goes_against_order),
      cmocka_unit_test(course_of_a_transaction),         cmocka_unit_test(every_kind_is_a_whole_row),
      cmocka_unit_test(steps_survive_storing),           cmocka_unit_test(cycles_and_wild_references_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* --- machines that do not answer --------------------------------------------------------------------------------- */

enum { OLD_POLICY, OLD_STOP, OLD_RENAME, NEW_CREATE, NEW_START, NEW_READY, CALLER_START };

static int add(struct steps *s, enum step_kind kind, enum step_phase phase, const char *machine, const char *service,
               int after) {
  int step = steps_add(s, kind, phase, machine, service, "x", NULL, NULL);
  if (after >= 0)
    assert_int_equal(steps_order(s, step, after, NULL), 0);
  return step;
}

/* A service moves from `from` to `to`, and a caller on `to` starts after it: all of it done. */
static void make_move(struct steps *s, struct walk *w, const char *from, const char *to, bool start_first) {
  add(s, STEP_CONTAINER_POLICY, PHASE_SWITCH, from, "tts", -1);
  add(s, STEP_CONTAINER_STOP, PHASE_SWITCH, from, "tts", -1);
  add(s, STEP_CONTAINER_RENAME, PHASE_SWITCH, from, "tts", -1);
  add(s, STEP_CONTAINER_CREATE, PHASE_PREPARE, to, "tts", -1);
  add(s, STEP_CONTAINER_START, PHASE_SWITCH, to, "tts", NEW_CREATE);
  add(s, STEP_GATE_READY, PHASE_SWITCH, to, "tts", NEW_START);
  add(s, STEP_CONTAINER_START, PHASE_SWITCH, to, "caller", NEW_READY);
  const int stop_first_chain[][2] = {{OLD_STOP, OLD_POLICY}, {OLD_RENAME, OLD_STOP}, {NEW_START, OLD_RENAME}};
  const int start_first_chain[][2] = {{OLD_POLICY, NEW_READY}, {OLD_RENAME, OLD_POLICY}, {OLD_STOP, OLD_RENAME}};
  for (int i = 0; i < 3; i++) {
    const int *edge = start_first ? start_first_chain[i] : stop_first_chain[i];
    assert_int_equal(steps_order(s, edge[0], edge[1], NULL), 0);
  }
  assert_int_equal(walk_init(w, s, NULL), 0);
  for (size_t i = 0; i < s->count; i++)
    w->status[i] = STEP_DONE;
}

/* Undoes whatever may be undone, in any order, as a transaction does. */
static void undo_all(struct walk *w) {
  for (bool again = true; again;) {
    again = false;
    for (int i = (int)w->steps->count; i-- > 0;) {
      if (!walk_can_undo(w, i))
        continue;
      w->status[i] = STEP_UNDONE;
      again = true;
    }
  }
  assert_true(walk_undo_done(w));
}

static void only_order_does_not_hold_back(void **state) {
  (void)state;
  struct steps s = {0};
  struct walk w;
  int first = add(&s, STEP_CONTAINER_START, PHASE_SWITCH, "here", "db", -1);
  int far = add(&s, STEP_CONTAINER_START, PHASE_SWITCH, "there", "web", first);
  assert_int_equal(walk_init(&w, &s, NULL), 0);
  w.status[first] = w.status[far] = STEP_DONE;
  assert_false(walk_can_undo(&w, first));
  walk_set_unreachable(&w, "there", true);
  assert_int_equal(walk_undo_bar(&w, far, NULL), BAR_UNREACHABLE);
  assert_true(walk_can_undo(&w, first));
  w.status[first] = STEP_UNDONE;
  assert_true(walk_undo_done(&w));
  walk_set_unreachable(&w, "there", false); /* back in time: used again */
  assert_true(walk_can_undo(&w, far));
  walk_release(&w);
  steps_release(&s);
}

static void order_within_a_machine_holds(void **state) {
  (void)state;
  struct steps s = {0};
  struct walk w;
  int far = add(&s, STEP_CONTAINER_START, PHASE_SWITCH, "there", "db", -1);
  int farther = add(&s, STEP_CONTAINER_START, PHASE_SWITCH, "there", "web", far);
  assert_int_equal(walk_init(&w, &s, NULL), 0);
  w.status[far] = w.status[farther] = STEP_DONE;
  walk_set_unreachable(&w, "there", true);
  assert_int_equal(walk_undo_bar(&w, far, NULL), BAR_UNREACHABLE);
  walk_set_unreachable(&w, "there", false);
  assert_int_equal(walk_undo_bar(&w, far, NULL), BAR_ORDER);
  walk_release(&w);
  steps_release(&s);
}

/* The heart of it: what was stopped here is not started again while its successor there may run. */
static void no_second_copy_is_started(void **state) {
  (void)state;
  static const enum step_status begun[] = {STEP_RUNNING, STEP_DONE, STEP_FAILED, STEP_UNDOING, STEP_UNDO_FAILED};
  for (int start_first = 0; start_first < 2; start_first++)
    for (size_t i = 0; i < COUNT_OF(begun); i++) {
      struct steps s = {0};
      struct walk w;
      int other = -1;
      make_move(&s, &w, "here", "there", start_first);
      w.status[NEW_START] = begun[i];
      w.status[NEW_READY] = w.status[CALLER_START] = STEP_WAITING;
      if (!start_first)
        w.status[OLD_RENAME] = STEP_UNDONE;
      walk_set_unreachable(&w, "there", true);
      assert_int_equal(walk_undo_bar(&w, OLD_STOP, &other), BAR_TWICE);
      assert_int_equal(other, NEW_START);
      w.status[NEW_START] = STEP_WAITING; /* never begun: then nothing runs there */
      assert_int_equal(walk_undo_bar(&w, OLD_STOP, NULL), BAR_NONE);
      w.status[NEW_START] = STEP_UNDONE;
      assert_int_equal(walk_undo_bar(&w, OLD_STOP, NULL), BAR_NONE);
      walk_release(&w);
      steps_release(&s);
    }
}

/* Stopped, its name given back, and its policy still off: a daemon's restart must not start it either. */
static void what_is_reached_is_put_back(void **state) {
  (void)state;
  struct steps s = {0};
  struct walk w;
  make_move(&s, &w, "here", "there", false);
  walk_set_unreachable(&w, "there", true);
  undo_all(&w);
  assert_int_equal(w.status[OLD_RENAME], STEP_UNDONE);
  assert_int_equal(w.status[OLD_STOP], STEP_DONE);
  assert_int_equal(w.status[OLD_POLICY], STEP_DONE);
  walk_set_unreachable(&w, "there", false);
  undo_all(&w);
  for (size_t i = 0; i < s.count; i++)
    assert_int_equal(w.status[i], STEP_UNDONE);
  walk_release(&w);
  steps_release(&s);
}

/* Start-first, the old machine is lost. Is the old one known to be stopped, the new one is all there is; else the old
 * one may run, and two must not. */
static void the_only_copy_stays(void **state) {
  (void)state;
  struct steps s = {0};
  struct walk w;
  int other = -1;
  make_move(&s, &w, "there", "here", true);
  walk_set_unreachable(&w, "there", true);
  undo_all(&w);
  assert_int_equal(w.status[CALLER_START], STEP_UNDONE);
  assert_int_equal(walk_undo_bar(&w, NEW_START, &other), BAR_ONLY_COPY);
  assert_int_equal(other, OLD_STOP);
  w.status[OLD_STOP] = STEP_FAILED;
  undo_all(&w);
  assert_int_equal(w.status[NEW_START], STEP_UNDONE);
  assert_int_equal(w.status[NEW_CREATE], STEP_UNDONE);
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
  assert_int_equal(txn_next(TXN_UNDOING, TXN_ABANDONED), TXN_END);
  assert_int_equal(txn_next(TXN_COMMITTING, TXN_ABANDONED), TXN_COMMITTING); /* the outcome is on its way */
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
      cmocka_unit_test(forward_goes_by_phase_and_order),
      cmocka_unit_test(back_goes_against_order),
      cmocka_unit_test(only_order_does_not_hold_back),
      cmocka_unit_test(order_within_a_machine_holds),
      cmocka_unit_test(no_second_copy_is_started),
      cmocka_unit_test(what_is_reached_is_put_back),
      cmocka_unit_test(the_only_copy_stays),
      cmocka_unit_test(course_of_a_transaction),
      cmocka_unit_test(every_kind_is_a_whole_row),
      cmocka_unit_test(steps_survive_storing),
      cmocka_unit_test(cycles_and_wild_references_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

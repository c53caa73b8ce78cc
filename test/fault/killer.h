/* Runs a transaction in a child process that kills itself with SIGKILL at point N of its course.
 *
 * Points are counted over the log's events: an intent is durable and its call not sent (step.start), the call was
 * sent and no reply has come (a few turns of the loop later), the reply has come and is not journaled (step.done),
 * and each change of the transaction's own state. */
#ifndef TANDEM_TEST_FAULT_KILLER_H
#define TANDEM_TEST_FAULT_KILLER_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "test/fault/fleet.h"

enum { TURNS_UNTIL_SENT = 3, CHILD_ENDED = 40 }; /* exit status of a child that was not killed: + its result */

struct killer {
  int at, seen, turns;
  uv_check_t check;
  char *note; /* shared with the parent: what it was killed at */
};

enum { KILLER_NOTE = 300 };

static inline void killer_kill(struct killer *k, const char *what, const char *event, const char *msg) {
  snprintf(k->note, KILLER_NOTE, "%s %s: %s", what, event, msg);
  kill(getpid(), SIGKILL);
}

static inline void killer_turn(uv_check_t *check) {
  struct killer *k = check->data;
  if (--k->turns == 0)
    kill(getpid(), SIGKILL);
}

static inline bool killer_is_point(enum log_event event) {
  switch (event) {
  case LOG_TRANSACTION_BEGIN:
  case LOG_TRANSACTION_PHASE:
  case LOG_TRANSACTION_FAILED:
  case LOG_TRANSACTION_COMMITTED:
  case LOG_TRANSACTION_PUT_BACK:
  case LOG_TRANSACTION_STUCK:
  case LOG_STEP_START:
  case LOG_STEP_DONE:
  case LOG_STEP_FAILED:
  case LOG_STEP_UNDO:
  case LOG_STEP_UNDO_FAILED:
    return true;
  default:
    return false;
  }
}

/* Is there a second point of it, when its call was sent? */
static inline bool killer_sends(enum log_event event, const char *msg) {
  return event == LOG_STEP_START && !strstr(msg, "wait for") && !strstr(msg, "watch");
}

static inline void killer_sink(void *arg, enum log_event event, const struct log_fields *fields, const char *msg) {
  struct killer *k = arg;
  (void)fields;
  if (!killer_is_point(event))
    return;
  if (++k->seen == k->at)
    killer_kill(k, "at", log_event_name(event), msg);
  if (!killer_sends(event, msg) || ++k->seen != k->at)
    return;
  snprintf(k->note, KILLER_NOTE, "after %s: %s", log_event_name(event), msg);
  k->turns = TURNS_UNTIL_SENT;
  uv_check_start(&k->check, killer_turn);
}

static inline void killer_arm(struct killer *k, struct lab *lab) {
  assert_int_equal(log_add_sink(lab->log, LOG_DEBUG, killer_sink, k, NULL), 0);
  uv_check_init(&lab->loop, &k->check);
  k->check.data = k;
}

/* What the child does; its end is the lab's outcome. */
typedef void killer_job(struct lab *lab, const struct fleet_spec *spec);

static inline void killer_deploy(struct lab *lab, const struct fleet_spec *spec) {
  if (spec->none)
    lab_down(lab);
  else
    plan_free(fleet_apply(lab, spec));
}

static inline void killer_recover(struct lab *lab, const struct fleet_spec *spec) {
  (void)spec;
  lab_recover(lab);
}

/* Runs job in a child that kills itself at point `at` (0: never). True: it was killed; else *ret_result is how the
 * transaction ended. The parent's state must be closed: the child takes the lock. */
static inline bool killer_run(const struct lab *parent, killer_job *job, const struct fleet_spec *spec, int at,
                              char note[KILLER_NOTE], enum transaction_result *ret_result) {
  char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status;
  assert_true(shared != MAP_FAILED);
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failed assertion must not go on with the parent's tests */
    struct lab lab;
    struct killer k = {.at = at, .note = shared};
    lab_open_at(&lab, parent->project, parent->dir);
    lab.resources = parent->resources;
    killer_arm(&k, &lab);
    job(&lab, spec);
    _exit(CHILD_ENDED + (int)lab.outcome.result);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  snprintf(note, KILLER_NOTE, "%s", shared);
  munmap(shared, 4096);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return true;
  if (!WIFEXITED(status) || WEXITSTATUS(status) < CHILD_ENDED)
    fail_msg("the child ended badly: status %x at point %d", status, at);
  *ret_result = (enum transaction_result)(WEXITSTATUS(status) - CHILD_ENDED);
  return false;
}

#endif

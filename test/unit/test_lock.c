/* The state folder's lock, held by real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "controller/state/state.h"
#include "test/unit/scratch.h"

enum { ROUNDS = 40, RACERS = 4 };

static int make_dir(void **state) {
  struct scratch *s = malloc(sizeof(*s));
  *state = s;
  return s ? scratch_init(s) : -1;
}

static int drop_dir(void **state) {
  scratch_release(*state);
  free(*state);
  return 0;
}

/* A child that takes the lock, says '1' or '0', and holds what it has until its input ends. */
struct holder {
  pid_t pid;
  int says, hold;
};

static void hold_in_child(const char *dir, const char *command, int start, int says, int hold) {
  struct state *s = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  char byte;
  if (start >= 0 && read(start, &byte, 1) != 0)
    _exit(1);
  int rc = state_open(dir, STATE_WRITE, command, &s, &err);
  byte = rc == 0 ? '1' : err.kind == ERR_LOCKED ? '0' : '?';
  if (write(says, &byte, 1) != 1)
    _exit(1);
  while (read(hold, &byte, 1) > 0)
    ;
  state_close(s);
  err_release(&err);
  _exit(0);
}

/* start: -1, or a pipe whose end is the signal to go. */
static struct holder start_holder(const char *dir, const char *command, const int start[2]) {
  int says[2], hold[2];
  assert_int_equal(pipe(says) | pipe(hold), 0);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    close(says[0]);
    close(hold[1]);
    if (start)
      close(start[1]);
    hold_in_child(dir, command, start ? start[0] : -1, says[1], hold[0]);
  }
  close(says[1]);
  close(hold[0]);
  return (struct holder){pid, says[0], hold[1]};
}

static char answer(struct holder *h) {
  char byte = '!';
  return read(h->says, &byte, 1) == 1 ? byte : '!';
}

static void end_holder(struct holder *h) {
  close(h->hold);
  close(h->says);
  waitpid(h->pid, NULL, 0);
}

static int try_lock(const char *dir, struct err *err) {
  struct state *s = NULL;
  int rc = state_open(dir, STATE_WRITE, "other", &s, err);
  state_close(s);
  return rc;
}

static void the_holder_is_named(void **state) {
  struct scratch *dir = *state;
  CLEANUP_ERR struct err err = ERR_INIT;
  char want[80], clock[16];
  struct holder h = start_holder(dir->dir, "apply", NULL);
  assert_int_equal(answer(&h), '1');
  assert_int_equal(try_lock(dir->dir, &err), -1);
  assert_int_equal(err.kind, ERR_LOCKED);
  snprintf(want, sizeof(want), "locked by tandem apply (pid %d) since ", (int)h.pid);
  const char *found = strstr(err_text(&err), want);
  assert_non_null(found);
  assert_int_equal(sscanf(found + strlen(want), "%15[0-9:]", clock), 1);
  assert_int_equal(strlen(clock), 8);

  struct state *reader = NULL; /* readers do not mind */
  assert_int_equal(state_open(dir->dir, STATE_READ, "status", &reader, NULL), 0);
  state_close(reader);
  end_holder(&h);
  assert_int_equal(try_lock(dir->dir, &err), 0);
}

static void the_lock_dies_with_its_holder(void **state) {
  struct scratch *dir = *state;
  CLEANUP_ERR struct err err = ERR_INIT;
  struct holder h = start_holder(dir->dir, "apply", NULL);
  assert_int_equal(answer(&h), '1');
  kill(h.pid, SIGKILL);
  end_holder(&h);
  CLEANUP_FREE char *line = scratch_read(scratch_path(dir, "lock"));
  assert_non_null(strstr(line, "apply")); /* its line is still there, and nobody is misled */
  assert_int_equal(try_lock(dir->dir, &err), 0);
}

/* The child's child must not keep what the dead child held. */
static void the_lock_is_not_inherited_by_programs(void **state) {
  struct scratch *dir = *state;
  struct state *s = NULL;
  int ready[2];
  char byte;
  assert_int_equal(state_open(dir->dir, STATE_WRITE, "apply", &s, NULL), 0);
  assert_int_equal(pipe(ready), 0);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ready[1], 1);
    execlp("sh", "sh", "-c", "echo; exec sleep 60", (char *)NULL);
    _exit(1);
  }
  assert_int_equal(read(ready[0], &byte, 1), 1); /* it is past exec */
  state_close(s);
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(try_lock(dir->dir, &err), 0);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  close(ready[0]);
  close(ready[1]);
}

static void another_host_and_another_day_are_told(void **state) {
  struct scratch *dir = *state;
  CLEANUP_ERR struct err err = ERR_INIT;
  struct holder h = start_holder(dir->dir, "apply", NULL);
  assert_int_equal(answer(&h), '1');
  assert_int_equal(scratch_write(dir, "lock", "{\"pid\":12,\"since\":1000000000,\"host\":\"elsewhere\",\"command\":\"rollback 3\"}\n"), 0);
  assert_int_equal(try_lock(dir->dir, &err), -1);
  assert_non_null(strstr(err_text(&err), "locked by tandem rollback 3 (pid 12 on elsewhere) since 2001-09-"));
  assert_int_equal(scratch_write(dir, "lock", "garbage"), 0);
  assert_int_equal(try_lock(dir->dir, &err), -1);
  assert_int_equal(err.kind, ERR_LOCKED);
  end_holder(&h);
}

/* All start at once; one gets it, the others are told so, and nobody is told anything else. */
static void of_racers_one_wins(void **state) {
  struct scratch *dir = *state;
  for (int round = 0; round < ROUNDS; round++) {
    struct holder racers[RACERS];
    int start[2], won = 0, lost = 0;
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < RACERS; i++)
      racers[i] = start_holder(dir->dir, "apply", start);
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < RACERS; i++) {
      char a = answer(&racers[i]);
      won += a == '1';
      lost += a == '0';
    }
    for (int i = 0; i < RACERS; i++)
      close(racers[i].hold);
    for (int i = 0; i < RACERS; i++) {
      close(racers[i].says);
      waitpid(racers[i].pid, NULL, 0);
    }
    assert_int_equal(won, 1);
    assert_int_equal(lost, RACERS - 1);
  }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)
  const struct CMUnitTest tests[] = {
      TEST(the_holder_is_named),
      TEST(the_lock_dies_with_its_holder),
      TEST(the_lock_is_not_inherited_by_programs),
      TEST(another_host_and_another_day_are_told),
      TEST(of_racers_one_wins),
  };
  return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}

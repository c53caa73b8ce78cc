/* Two operators with a state folder each, on the same engines: whoever holds the lock holds it alone, also when its
 * holder is killed at any point of taking it, or paused past its lease. Real processes, real engines. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "controller/deploy/engine_lock.h"
#include "test/fault/fleet.h"

enum { ROUNDS = 1000, RACERS = 2 };

/* What the processes share. */
struct board {
  atomic_int at_start[ROUNDS + 1], winners[ROUNDS], holding, most_holding, refused, wins, failed;
  char failure[300];
};

static struct board *board;

/* --- one operator ------------------------------------------------------------------------------------------------ */

struct oper {
  struct lab *lab;
  struct engine_lock *lock;
  bool done, lost;
  struct err err;
};

static void on_taken(void *arg, struct err *err) {
  struct oper *o = arg;
  o->done = true;
  if (err)
    err_move(&o->err, err);
}

static void on_lost(void *arg, const struct err *why) {
  struct oper *o = arg;
  o->lost = true;
  err_copy(&o->err, why);
}

static void on_dropped(void *arg) {
  *(bool *)arg = true;
}

/* 0, or -1 with o->err; to be dropped in any case. */
static int take(struct oper *o) {
  struct engine_lock_options options = {
      .loop = &o->lab->loop,
      .machines = &o->lab->machines,
      .log = o->lab->log,
      .project = o->lab->project,
      .command = "race",
      .state_dir = o->lab->dir,
      .epoch = 1,
      .lost_cb = on_lost,
      .lost_arg = o,
  };
  o->done = false;
  err_release(&o->err);
  assert_int_equal(engine_lock_take(&options, &o->lock, on_taken, o, NULL), 0);
  lab_await(o->lab, &o->done);
  return o->err.kind ? -1 : 0;
}

static void drop(struct oper *o) {
  bool dropped = false;
  engine_lock_drop(o->lock, on_dropped, &dropped);
  lab_await(o->lab, &dropped);
}

static void meet(int round) {
  atomic_fetch_add(&board->at_start[round], 1);
  while (atomic_load(&board->at_start[round]) < RACERS)
    usleep(100); /* the other one is on its way */
}

/* --- the race ---------------------------------------------------------------------------------------------------- */

static void race(struct oper *o) {
  for (int round = 0; round < ROUNDS && !atomic_load(&board->failed); round++) {
    meet(round);
    if (take(o) == 0) {
      int now = atomic_fetch_add(&board->holding, 1) + 1;
      for (int most = atomic_load(&board->most_holding); now > most;)
        if (atomic_compare_exchange_weak(&board->most_holding, &most, now))
          break;
      atomic_fetch_add(&board->wins, 1);
      atomic_fetch_add(&board->winners[round], 1);
      atomic_fetch_sub(&board->holding, 1);
    } else if (o->err.kind == ERR_LOCKED) {
      atomic_fetch_add(&board->refused, 1);
    } else {
      snprintf(board->failure, sizeof(board->failure), "round %d: %s", round, err_text(&o->err));
      atomic_store(&board->failed, 1);
    }
    drop(o);
  }
  atomic_fetch_add(&board->at_start[ROUNDS], RACERS);
}

static pid_t start_racer(const struct lab *parent, int number) {
  char dir[100];
  snprintf(dir, sizeof(dir), "%s/%d", parent->dir, number);
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid)
    return pid;
  setenv("CMOCKA_TEST_ABORT", "1", 1);
  struct lab lab;
  struct oper o = {.lab = &lab};
  lab_open_at(&lab, parent->project, dir);
  race(&o);
  err_release(&o.err);
  lab_disconnect(&lab);
  _exit(0);
}

static void of_two_operators_one_holds(void **state) {
  struct lab *lab = *state;
  pid_t pids[RACERS];
  uint64_t began = uv_hrtime();
  for (int i = 0; i < RACERS; i++)
    pids[i] = start_racer(lab, i);
  for (int i = 0; i < RACERS; i++) {
    int status;
    assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
    assert_int_equal(status, 0);
  }
  if (atomic_load(&board->failed))
    fail_msg("%s", board->failure);
  assert_int_equal(atomic_load(&board->most_holding), 1);
  for (int round = 0; round < ROUNDS; round++)
    if (!atomic_load(&board->winners[round]))
      fail_msg("nobody got the lock in round %d", round);
  assert_int_equal(lab_marks(lab), 0);
  print_message("two operators: %d races, %d times held, never by both, %d times refused; %.0f s\n", ROUNDS,
                atomic_load(&board->wins), atomic_load(&board->refused), (double)(uv_hrtime() - began) / 1e9);
}

/* --- killed while it takes or gives back ------------------------------------------------------------------------- */

struct fuse {
  uv_check_t check;
  int turns;
};

static void burn(uv_check_t *check) {
  struct fuse *f = check->data;
  if (--f->turns == 0)
    kill(getpid(), SIGKILL);
}

/* Takes and gives back, and is killed in the loop's nth turn. False: it came to its end before. */
static bool killed_in_turn(const struct lab *parent, int turn) {
  char dir[100];
  int status;
  snprintf(dir, sizeof(dir), "%s/killed", parent->dir);
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    struct lab lab;
    struct oper o = {.lab = &lab};
    struct fuse fuse = {.turns = turn};
    lab_open_at(&lab, parent->project, dir);
    fuse.check.data = &fuse;
    uv_check_init(&lab.loop, &fuse.check);
    uv_check_start(&fuse.check, burn);
    int rc = take(&o);
    drop(&o);
    _exit(rc == 0 ? 0 : 1);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return true;
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    fail_msg("turn %d: the child ended badly: %x", turn, status);
  return false;
}

static void a_dead_holder_is_no_hindrance(void **state) {
  struct oper o = {.lab = *state};
  int turn = 1, over = 0;
  for (; killed_in_turn(o.lab, turn); turn++) {
    over += lab_marks(o.lab) > 0;
    if (take(&o) < 0)
      fail_msg("killed in turn %d: %s", turn, err_text(&o.err));
    drop(&o);
    assert_int_equal(lab_marks(o.lab), 0);
  }
  assert_true(over > 0);
  print_message("killed while taking and giving back: %d points, all passed; %d left a lock, taken over at once\n",
                turn - 1, over);
}

/* --- paused past its lease --------------------------------------------------------------------------------------- */

struct pacer {
  struct oper o;
  char id[65];
  int number;
  bool ended;
};

static void paced(void *arg, const struct engine_reply *reply, struct err *err);

/* A change after the other: each another number. */
static void pace(struct pacer *p) {
  char text[100];
  snprintf(text, sizeof(text), "{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":%d}}", ++p->number);
  CLEANUP_JSON cJSON *body = cJSON_Parse(text);
  container_update(p->o.lab->machines.items[0].engine, p->id, body, paced, p);
}

static void paced(void *arg, const struct engine_reply *reply, struct err *err) {
  struct pacer *p = arg;
  if (reply) {
    atomic_fetch_add(&board->wins, 1);
    pace(p);
  } else if (err->kind == ERR_LOCKED) {
    p->ended = true;
  } else if (err->kind == ERR_UNREACHABLE) { /* the lease had run out; nobody knows yet whose the lock is */
    pace(p);
  } else {
    fail_msg("%s", err_text(err));
  }
}

static pid_t start_pacer(const struct lab *parent, const char *id) {
  char dir[100];
  snprintf(dir, sizeof(dir), "%s/paced", parent->dir);
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid)
    return pid;
  setenv("CMOCKA_TEST_ABORT", "1", 1);
  struct lab lab;
  struct pacer p = {.o.lab = &lab};
  lab_open_at(&lab, parent->project, dir);
  snprintf(p.id, sizeof(p.id), "%s", id);
  if (take(&p.o) < 0)
    _exit(1);
  pace(&p);
  lab_await(&lab, &p.ended);
  bool told = p.o.lost && (strstr(err_text(&p.o.err), "was taken over by tandem race") ||
                           strstr(err_text(&p.o.err), "was lost while this process was paused"));
  drop(&p.o);
  err_release(&p.o.err);
  lab_disconnect(&lab);
  _exit(told ? 0 : 2);
}

static void answered(void *arg, const struct engine_reply *reply, struct err *err) {
  struct lab_wait *w = arg;
  if (!reply)
    fail_msg("%s", err_text(err));
  w->json = reply->json ? cJSON_Duplicate(reply->json, true) : NULL;
  w->done = true;
}

static int number_of(struct lab *lab, const char *id) {
  struct lab_wait w = {0};
  container_inspect(lab->machines.items[0].engine, id, answered, &w);
  lab_await(lab, &w.done);
  int number = (int)json_int(json_at(w.json, "HostConfig.RestartPolicy"), "MaximumRetryCount", -1);
  cJSON_Delete(w.json);
  return number;
}

static void make_target(struct lab *lab, char ret_id[65]) {
  struct lab_wait w = {0};
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  assert_true(json_put_str(body, "Image", lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1")));
  container_create(lab->machines.items[0].engine, lab->project, NULL, body, answered, &w);
  lab_await(lab, &w.done);
  snprintf(ret_id, 65, "%s", json_str(w.json, "Id", ""));
  cJSON_Delete(w.json);
}

static void remove_target(struct lab *lab, const char *id) {
  struct lab_wait w = {0};
  container_remove(lab->machines.items[0].engine, id, true, true, answered, &w);
  lab_await(lab, &w.done);
}

/* The other one holds the lock still when the paused one goes on, or has come and gone. */
static void pause_and_take(struct oper *o, const char *id, int after, bool gone) {
  int status;
  atomic_store(&board->wins, 0);
  pid_t pid = start_pacer(o->lab, id);
  while (atomic_load(&board->wins) < after && waitpid(pid, &status, WNOHANG) == 0)
    usleep(1000);
  assert_int_equal(kill(pid, SIGSTOP), 0);
  if (take(o) < 0)
    fail_msg("a silent holder's lock is not taken over: %s", err_text(&o->err));
  int number = number_of(o->lab, id);
  if (gone)
    drop(o);
  assert_int_equal(kill(pid, SIGCONT), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    fail_msg("the paused holder ended with %x", status);
  assert_int_equal(number_of(o->lab, id), number);
  assert_false(o->lost);
  if (!gone)
    drop(o);
  assert_int_equal(lab_marks(o->lab), 0);
}

static void a_paused_holder_changes_nothing_any_more(void **state) {
  struct oper o = {.lab = *state};
  int rounds = strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0 ? 8 : 2;
  char id[65];
  uint64_t began = uv_hrtime();
  make_target(o.lab, id);
  for (int i = 0; i < rounds; i++)
    pause_and_take(&o, id, 20 + 7 * i, i % 2);
  remove_target(o.lab, id);
  print_message("paused past its lease: %d times, no change after the takeover; %.0f s\n", rounds,
                (double)(uv_hrtime() - began) / 1e9);
}

/* --- the frame --------------------------------------------------------------------------------------------------- */

static int setup(void **state) {
  static struct lab lab;
  board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (board == MAP_FAILED)
    return -1;
  lab_open(&lab);
  *state = &lab;
  return 0;
}

static int teardown(void **state) {
  if (*state)
    lab_close(*state);
  return 0;
}

/* An argument: only the tests of that name (with * and ?). */
int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_two_operators_one_holds),
      cmocka_unit_test(a_dead_holder_is_no_hindrance),
      cmocka_unit_test(a_paused_holder_changes_nothing_any_more),
  };
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, setup, teardown);
}

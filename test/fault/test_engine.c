/* Engine faults: the daemon of either machine is killed, told to end, or frozen for a while in the middle of an update
 * on the real engines, with containers that outlive their daemon and with such that do not. Then it is started again
 * and the transaction recovered: of tandem's objects there is exactly the old fleet or exactly the new one, and one
 * apply of the revision that holds starts what the daemon's death has stopped. TANDEM_FAULT=full: every point; else one
 * or two for each way. */
#include <poll.h>

#include "test/fault/testbed.h"
#include "test/fault/trigger.h"

enum { FROZEN_MS = 10000, WAIT_MS = 20000, GIVE_UP_MS = 1000 };

struct way {
  const char *machine, *signal;
  bool live_restore;
};

struct bench {
  struct lab lab, eyes;
  struct trigger trigger;
  uv_timer_t thaw;
  struct fleet_spec now;
  const struct way *way;
  pid_t daemon;
};

struct tally {
  int points, committed, back, stuck;
};

static bool full(void) {
  return strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0;
}

static bool freezes(const struct way *way) {
  return strcmp(way->signal, "STOP") == 0;
}

static pid_t daemon_of(const char *machine) {
  char path[300], text[32] = "";
  snprintf(path, sizeof(path), "%s/%s/docker.pid", lab_env("TANDEM_TESTBED", "/var/tmp/tandem-testbed"), machine);
  FILE *f = fopen(path, "re");
  assert_non_null(f);
  assert_non_null(fgets(text, sizeof(text), f));
  fclose(f);
  return (pid_t)atoi(text);
}

static void thaw(uv_timer_t *timer) {
  struct bench *b = timer->data;
  kill(b->daemon, SIGCONT);
}

static void strike(void *arg) {
  struct bench *b = arg;
  char words[64];
  b->daemon = daemon_of(b->way->machine);
  snprintf(words, sizeof(words), "signal %s %s", b->way->machine, b->way->signal);
  testbed(words);
  uv_update_time(&b->lab.loop);
  if (freezes(b->way))
    uv_timer_start(&b->thaw, thaw, FROZEN_MS, 0);
}

/* A daemon told to end takes its time. */
static void boot(struct bench *b) {
  char words[64];
  for (int i = 0; !freezes(b->way) && kill(b->daemon, 0) == 0; i++) {
    if (i > 1200)
      fail_msg("the daemon of %s does not end", b->way->machine);
    poll(NULL, 0, 50);
  }
  snprintf(words, sizeof(words), "boot %s", b->way->machine);
  testbed(words);
}

/* --- what is expected -------------------------------------------------------------------------------------------- */

struct point {
  const char *note;
  const struct fleet_spec *want;
  struct observed *before;
  char *shape;
  int64_t base;
};

/* The project's containers but for whether they run: that is not tandem's doing where a daemon dies. */
static char *shape_of(const struct observed *o) {
  CLEANUP_STRV struct strv lines = STRV_INIT;
  struct buf out = BUF_INIT(0);
  char line[400];
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++) {
      const struct observed_container *c = &o->machines[i].containers[k];
      snprintf(line, sizeof(line), "%s %s %.12s policy=%s memory=%lld\n", o->machines[i].name, c->name, c->id,
               fleet_policy(c->inspect), (long long)json_int(json_get(c->inspect, "HostConfig"), "Memory", 0));
      assert_int_equal(strv_add(&lines, line, NULL), 0);
    }
  if (lines.count)
    qsort(lines.items, lines.count, sizeof(char *), fleet_by_line);
  for (size_t i = 0; i < lines.count; i++)
    assert_int_equal(buf_printf(&out, NULL, "%s", lines.items[i]), 0);
  return out.len ? buf_steal(&out) : strdup("");
}

static void expect_old_shape(struct bench *b, const struct point *p) {
  struct observed *now = lab_observe(&b->eyes);
  CLEANUP_FREE char *shape = shape_of(now);
  observed_free(now);
  if (strcmp(shape, p->shape) != 0)
    fail_msg("%s\nnot the old fleet. Before:\n%sNow:\n%s", p->note, p->shape, shape);
}

/* The old fleet's containers are parked, none is gone. */
static void expect_old_kept(struct bench *b, const struct point *p) {
  struct observed *now = lab_observe(&b->eyes);
  for (size_t i = 0; i < p->before->machine_count; i++)
    for (size_t k = 0; k < p->before->machines[i].container_count; k++) {
      const struct observed_container *c = &p->before->machines[i].containers[k];
      if (c->role == CONTAINER_LIVE && !fleet_find_id(now, c->id))
        fail_msg("%s\n%s of the old fleet is lost", p->note, c->name);
    }
  observed_free(now);
}

/* Every service runs once, as wanted, and all else is parked. */
static void expect_services(struct bench *b, const struct point *p, const struct fleet_spec *spec) {
  struct fleet_services f;
  fleet_make(spec, &f);
  struct desired *d = lab_desire(&b->lab, f.items, FLEET_SIZE);
  struct observed *now = lab_observe(&b->eyes);
  size_t good = 0;
  for (size_t i = 0; i < now->machine_count; i++)
    for (size_t k = 0; k < now->machines[i].container_count; k++) {
      const struct observed_container *c = &now->machines[i].containers[k];
      const struct desired_service *want = desired_service(d, c->service);
      bool wanted = c->role == CONTAINER_LIVE && want && fleet_is_wanted(want, &now->machines[i], c);
      if (!wanted && (c->role != CONTAINER_PARKED || c->running))
        fail_msg("%s\n%s on %s is %s, and not as it should be", p->note, c->name, now->machines[i].name, c->state);
      good += wanted;
    }
  if (good != FLEET_SIZE || testbed_twice(now))
    fail_msg("%s\n%zu of %d services run", p->note, good, FLEET_SIZE);
  observed_free(now);
  desired_free(d);
}

/* Recovers what is left to recover; the outcome stays that of the transaction. */
static void recover(struct bench *b, const struct point *p) {
  enum transaction_result result = b->lab.outcome.result;
  if (!lab_recover(&b->lab)) {
    if (result == TRANSACTION_STUCK)
      fail_msg("%s\nstuck, and nothing to recover", p->note);
    return;
  }
  if (b->lab.outcome.result == TRANSACTION_STUCK)
    fail_msg("%s\nrecovery did not finish it: %s", p->note,
             b->lab.outcome.left.count ? b->lab.outcome.left.items[0] : "?");
}

static void check(struct bench *b, const struct point *p, struct tally *t) {
  enum transaction_result result = b->lab.outcome.result;
  recover(b, p);
  bool committed = b->lab.current != p->base;
  if (committed != (result == TRANSACTION_COMMITTED))
    fail_msg("%s\nthe outcome is %d, but revision %lld holds", p->note, (int)result, (long long)b->lab.current);
  if (committed)
    expect_old_kept(b, p);
  else
    expect_old_shape(b, p);
  const struct fleet_spec *holds = committed ? p->want : &b->now;
  struct plan *plan = fleet_apply(&b->lab, holds); /* mends, where there is something to mend */
  bool mended = plan_is_empty(plan) || b->lab.outcome.result == TRANSACTION_COMMITTED;
  plan_free(plan);
  if (!mended)
    fail_msg("%s\nthe apply that was to mend it: %s", p->note, json_str(b->lab.outcome.failure, "reason", "?"));
  expect_services(b, p, holds);
  t->points++;
  t->committed += committed;
  t->back += result == TRANSACTION_PUT_BACK || result == TRANSACTION_FAILED_CLEAN;
  t->stuck += result == TRANSACTION_STUCK;
}

/* --- the matrix -------------------------------------------------------------------------------------------------- */

static void change(const struct bench *b, struct fleet_spec *want) {
  *want = b->now;
  int next = want->generation[DB] + 1;
  want->generation[DB] = want->generation[CACHE] = want->generation[API] = want->generation[WEB] = next;
  want->small_batch = !want->small_batch;
}

/* False: there is no point n. */
static bool try_point(struct bench *b, int n, struct tally *t) {
  struct fleet_spec want;
  char note[600];
  change(b, &want);
  struct point p = {.note = note, .want = &want, .before = lab_observe(&b->eyes), .base = b->lab.current};
  p.shape = shape_of(p.before);
  b->lab.reconnect_ms = freezes(b->way) ? WAIT_MS : GIVE_UP_MS;
  trigger_arm(&b->trigger, n);
  plan_free(fleet_apply(&b->lab, &want));
  bool fired = b->trigger.fired;
  uv_timer_stop(&b->thaw);
  snprintf(note, sizeof(note), "SIG%s to %s, live-restore %s, point %d, %s; result %d: %s", b->way->signal,
           b->way->machine, b->way->live_restore ? "on" : "off", n, b->trigger.note, (int)b->lab.outcome.result,
           json_str(b->lab.outcome.failure, "reason", ""));
  trigger_arm(&b->trigger, 0);
  if (getenv("ENGINE_LOG"))
    fprintf(stderr, "%s\n", note);
  bool committed = b->lab.outcome.result == TRANSACTION_COMMITTED;
  if (!fired && !committed)
    fail_msg("%s\nwith whole engines it failed", note);
  if (fired) {
    boot(b);
    check(b, &p, t);
  }
  if (committed)
    b->now = want;
  observed_free(p.before);
  free(p.shape);
  return fired;
}

static void set_live_restore(const struct way *way) {
  char words[64];
  snprintf(words, sizeof(words), "live-restore %s %s", way->machine, way->live_restore ? "on" : "off");
  testbed(words);
}

/* Sampled, each way begins somewhere else, so that all together cover the update's course. */
static void run_way(struct bench *b, const struct way *way, int number) {
  struct tally t = {0};
  uint64_t began = uv_hrtime();
  int stride = full() ? atoi(lab_env("ENGINE_STRIDE", "1")) : 1000;
  b->way = way;
  testbed("boot mainpc"); /* whatever a failed test has left */
  testbed("boot pc2");
  lab_recover(&b->lab);
  set_live_restore(way);
  for (int n = full() ? 1 : 2 + number * 9; try_point(b, n, &t); n += stride)
    continue;
  print_message("SIG%-4s to %-6s live-restore %-3s %3d points, all passed: %3d committed, %3d put back, %3d stuck and "
                "recovered; %.0f s\n",
                way->signal, way->machine, way->live_restore ? "on" : "off", t.points, t.committed, t.back, t.stuck,
                (double)(uv_hrtime() - began) / 1e9);
  assert_true(t.points > 0);
}

static void run_signal(struct bench *b, const char *signal, int number) {
  static const char *const machines[] = {"mainpc", "pc2"};
  for (int live_restore = 0; live_restore < 2; live_restore++)
    for (size_t i = 0; i < COUNT_OF(machines); i++) {
      const struct way way = {.machine = machines[i], .signal = signal, .live_restore = live_restore};
      run_way(b, &way, number++);
    }
}

static void daemons_killed(void **state) {
  run_signal(*state, "KILL", 0);
}

static void daemons_told_to_end(void **state) {
  run_signal(*state, "TERM", 4);
}

static void daemons_frozen(void **state) {
  run_signal(*state, "STOP", 8);
}

static struct bench bench;

static int setup(void **state) {
  struct bench *b = &bench;
  lab_open(&b->lab);
  b->lab.resources = true;
  testbed_eyes(&b->eyes, &b->lab);
  trigger_open(&b->trigger, &b->lab, strike, b);
  uv_timer_init(&b->lab.loop, &b->thaw);
  b->thaw.data = b;
  *state = b;
  plan_free(fleet_apply(&b->lab, &b->now));
  return b->lab.outcome.result == TRANSACTION_COMMITTED ? 0 : -1;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (!b)
    return 0;
  testbed("boot mainpc");
  testbed("boot pc2");
  lab_recover(&b->lab);
  testbed_eyes_close(&b->eyes);
  trigger_close(&b->trigger);
  uv_close((uv_handle_t *)&b->thaw, NULL);
  lab_close(&b->lab);
  return 0;
}

static int all_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(daemons_killed),
      cmocka_unit_test(daemons_told_to_end),
      cmocka_unit_test(daemons_frozen),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}

/* An argument: only the tests of that name (with * and ?). */
int main(int argc, char **argv) {
  static const char *const mend[] = {"boot mainpc", "boot pc2", "live-restore mainpc off", "live-restore pc2 off"};
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return testbed_guard(all_tests, mend, COUNT_OF(mend));
}

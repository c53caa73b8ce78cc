/* The journal on a real loop and a real file, its writer killed and its disk full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <uv.h>

#include "api/base/json.h"
#include "controller/state/state.h"
#include "test/unit/scratch.h"

struct fixture {
  struct scratch dir;
  uv_loop_t loop;
  struct state *state;
  struct journal *journal;
  int64_t number;
  int done, failed, next; /* next: the step whose callback has to come now */
  bool in_order;
};

static void open_all(struct fixture *f) {
  CLEANUP_ERR struct err err = ERR_INIT;
  if (state_open(f->dir.dir, STATE_WRITE, "apply", &f->state, &err) < 0 ||
      state_begin(f->state, "p", "apply", "summary", 0, NULL, NULL, &f->number, &err) < 0 ||
      journal_open(f->state, &f->loop, "p", f->number, &f->journal, &err) < 0)
    fail_msg("%s", err_text(&err));
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  *state = f;
  if (!f || scratch_init(&f->dir) < 0 || uv_loop_init(&f->loop) < 0)
    return -1;
  f->in_order = true;
  open_all(f);
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  journal_close(f->journal);
  state_close(f->state);
  int rc = uv_loop_close(&f->loop);
  scratch_release(&f->dir);
  free(f);
  return rc;
}

static void on_done(void *arg, struct err *err) {
  struct fixture *f = arg;
  f->done++;
  f->failed += err != NULL;
  if (err)
    assert_int_equal(err->kind, ERR_IO);
}

static void put(struct fixture *f, int step, enum journal_mark mark, const char *result, const char *error) {
  CLEANUP_JSON cJSON *json = result ? cJSON_Parse(result) : NULL;
  struct journal_entry entry = {.step = step,
                                .mark = mark,
                                .kind = "create",
                                .machine = "pc2",
                                .service = "tts",
                                .object = "tts",
                                .result = json,
                                .error = error};
  journal_write(f->journal, &entry, on_done, f);
}

static void run(struct fixture *f) {
  uv_run(&f->loop, UV_RUN_DEFAULT);
}

static struct journal_rows read_rows(struct fixture *f) {
  struct journal_rows rows = {0};
  assert_int_equal(state_journal(f->state, "p", f->number, &rows, NULL), 0);
  return rows;
}

static void the_newest_mark_and_result_are_told(void **state) {
  struct fixture *f = *state;
  put(f, 4, JOURNAL_INTENT, NULL, NULL);
  put(f, 2, JOURNAL_INTENT, NULL, NULL);
  put(f, 2, JOURNAL_DONE, "{\"id\": \"3f\"}", NULL);
  put(f, 2, JOURNAL_UNDO_INTENT, NULL, NULL);
  put(f, 3, JOURNAL_INTENT, NULL, NULL);
  put(f, 3, JOURNAL_FAILED, NULL, "409: in use");
  put(f, 3, JOURNAL_UNDO_INTENT, NULL, NULL);
  put(f, 3, JOURNAL_UNDONE, NULL, NULL);
  put(f, 5, JOURNAL_FAILED, NULL, "500: first");
  put(f, 5, JOURNAL_INTENT, NULL, NULL);
  put(f, 5, JOURNAL_DONE, NULL, NULL);
  assert_int_equal(f->done, 0); /* never from inside the call */
  run(f);
  assert_int_equal(f->done, 11);
  assert_int_equal(f->failed, 0);
  struct journal_rows rows = read_rows(f);
  assert_int_equal(rows.count, 4);
  assert_int_equal(rows.items[0].step, 2);
  assert_int_equal(rows.items[0].mark, JOURNAL_UNDO_INTENT);
  assert_string_equal(json_str(rows.items[0].result, "id", ""), "3f");
  assert_string_equal(rows.items[0].kind, "create");
  assert_string_equal(rows.items[0].machine, "pc2");
  assert_string_equal(rows.items[0].service, "tts");
  assert_string_equal(rows.items[0].object, "tts");
  assert_int_equal(strlen(rows.items[0].at), 27);
  assert_true(rows.items[0].duration_ms >= 0 && rows.items[0].duration_ms < 1000);
  assert_null(rows.items[0].error);
  assert_int_equal(rows.items[1].mark, JOURNAL_UNDONE);
  assert_string_equal(rows.items[1].error, "409: in use");
  assert_int_equal(rows.items[2].mark, JOURNAL_INTENT);
  assert_int_equal(rows.items[2].duration_ms, -1);
  assert_int_equal(rows.items[3].mark, JOURNAL_DONE);
  assert_null(rows.items[3].error); /* of an attempt before */
  journal_rows_release(&rows);
  journal_rows_release(NULL);
}

static void done_steps_give_a_mean_duration(void **state) {
  struct fixture *f = *state;
  CLEANUP_JSON cJSON *ms = NULL;
  put(f, 1, JOURNAL_INTENT, NULL, NULL);
  put(f, 2, JOURNAL_INTENT, NULL, NULL);
  put(f, 2, JOURNAL_FAILED, NULL, "x");
  run(f);
  assert_int_equal(state_step_ms(f->state, "p", &ms, NULL), 0);
  assert_null(json_get(ms, "create")); /* nothing has come to its end */
  cJSON_Delete(ms);
  put(f, 1, JOURNAL_DONE, NULL, NULL);
  run(f);
  assert_int_equal(state_step_ms(f->state, "p", &ms, NULL), 0);
  assert_in_range(json_int(ms, "create", -1), 0, 10000);
  cJSON_Delete(ms);
  assert_int_equal(state_step_ms(f->state, "another", &ms, NULL), 0);
  assert_null(ms->child);
}

static void outcome(struct fixture *f, enum revision_outcome value, bool cleaned, const char *failure) {
  journal_outcome(f->journal, value, cleaned, failure, on_done, f);
  run(f);
}

static void the_outcome_makes_the_revision_current(void **state) {
  struct fixture *f = *state;
  struct revision r = {0};
  int64_t number = 9;
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 1);
  assert_int_equal(r.number, 1);
  revision_release(&r);
  outcome(f, REVISION_COMMITTED, false, NULL);
  assert_int_equal(state_current(f->state, "p", &number, NULL), 0);
  assert_int_equal(number, 1);
  assert_int_equal(state_current(f->state, "q", &number, NULL), 0);
  assert_int_equal(number, 0);
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 1); /* not cleaned */
  assert_int_equal(r.outcome, REVISION_COMMITTED);
  assert_true(r.duration_ms >= 0);
  CLEANUP_FREE char *ended = strdup(r.ended_at);
  revision_release(&r);
  outcome(f, REVISION_COMMITTED, true, NULL);
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 0);
  assert_int_equal(state_revision(f->state, "p", 1, &r, NULL), 1);
  assert_true(r.cleaned);
  assert_string_equal(r.ended_at, ended);
  revision_release(&r);
}

/* Begins, journals and ends one more revision. */
static void one_more(struct fixture *f, const char *kind, enum revision_outcome value, const char *failure) {
  CLEANUP_JSON cJSON *doc = cJSON_CreateObject();
  journal_close(f->journal);
  f->journal = NULL;
  assert_int_equal(state_begin(f->state, "p", kind, "", 0, doc, doc, &f->number, NULL), 0);
  assert_int_equal(journal_open(f->state, &f->loop, "p", f->number, &f->journal, NULL), 0);
  put(f, 0, JOURNAL_INTENT, NULL, NULL);
  outcome(f, value, value == REVISION_COMMITTED, failure);
}

static void failures_are_kept_and_stuck_is_unfinished(void **state) {
  struct fixture *f = *state;
  struct revision r = {0};
  int64_t number = 9;
  outcome(f, REVISION_PUT_BACK, false, "never healthy");
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 0);
  assert_int_equal(state_revision(f->state, "p", 1, &r, NULL), 1);
  assert_int_equal(r.outcome, REVISION_PUT_BACK);
  assert_string_equal(r.failure, "never healthy");
  revision_release(&r);
  one_more(f, "apply", REVISION_FAILED, "build failed");
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 0);
  one_more(f, "apply", REVISION_STUCK, "pc2 is away");
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 1);
  assert_int_equal(r.outcome, REVISION_STUCK);
  revision_release(&r);
  outcome(f, REVISION_PUT_BACK, false, NULL); /* recover did it */
  assert_int_equal(state_unfinished(f->state, "p", &r, NULL), 0);
  assert_int_equal(state_revision(f->state, "p", 3, &r, NULL), 1);
  assert_string_equal(r.failure, "pc2 is away");
  revision_release(&r);
  assert_int_equal(state_current(f->state, "p", &number, NULL), 0);
  assert_int_equal(number, 0);
}

static void previous_skips_what_cannot_be_gone_back_to(void **state) {
  struct fixture *f = *state;
  int64_t number = 9;
  outcome(f, REVISION_COMMITTED, true, NULL);
  one_more(f, "apply", REVISION_PUT_BACK, "x");
  one_more(f, "down", REVISION_COMMITTED, NULL);
  one_more(f, "apply", REVISION_COMMITTED, NULL);
  assert_int_equal(state_current(f->state, "p", &number, NULL), 0);
  assert_int_equal(number, 4);
  assert_int_equal(state_previous(f->state, "p", 4, &number, NULL), 0);
  assert_int_equal(number, 1);
  assert_int_equal(state_previous(f->state, "p", 1, &number, NULL), 0);
  assert_int_equal(number, 0);
}

static bool is_trimmed(struct fixture *f, int64_t number) {
  struct journal_rows rows = {0};
  struct revision r = {0};
  assert_int_equal(state_revision(f->state, "p", number, &r, NULL), 1);
  assert_int_equal(state_journal(f->state, "p", number, &rows, NULL), 0);
  bool empty = !r.desired && !r.plan && rows.count == 0;
  assert_true(empty || (r.desired && r.plan && rows.count > 0));
  revision_release(&r);
  journal_rows_release(&rows);
  return empty;
}

static void trimming_spares_what_is_needed(void **state) {
  struct fixture *f = *state;
  one_more(f, "apply", REVISION_COMMITTED, NULL); /* 2 */
  one_more(f, "apply", REVISION_STUCK, "x");      /* 3 */
  one_more(f, "apply", REVISION_COMMITTED, NULL); /* 4 */
  one_more(f, "apply", REVISION_PUT_BACK, "x");   /* 5 */
  one_more(f, "apply", REVISION_PUT_BACK, "x");   /* 6 */
  assert_int_equal(state_trim(f->state, "p", 6, NULL), 0);
  assert_true(is_trimmed(f, 2));
  assert_false(is_trimmed(f, 3)); /* recover needs it */
  assert_false(is_trimmed(f, 4)); /* holds now */
  assert_true(is_trimmed(f, 5));
  assert_false(is_trimmed(f, 6));
}

static void on_in_order(void *arg, struct err *err) {
  struct fixture *f = ((void **)arg)[0];
  int step = (int)(intptr_t)((void **)arg)[1];
  f->in_order = f->in_order && !err && step == f->next;
  f->next++;
  f->done++;
  free(arg);
  if (f->done < 2000 && f->done % 3 == 0) { /* callbacks write too */
    struct journal_entry entry = {.step = 100000 + f->done, .kind = "start", .machine = "pc2", .object = "x"};
    journal_write(f->journal, &entry, on_done, f);
  }
}

static void order_is_kept_while_writes_keep_coming(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 300; i++) {
    void **arg = malloc(2 * sizeof(void *));
    arg[0] = f;
    arg[1] = (void *)(intptr_t)i;
    struct journal_entry entry = {.step = i, .kind = "start", .machine = "pc2", .object = "x"};
    journal_write(f->journal, &entry, on_in_order, arg);
    if (i % 10 == 0)
      uv_run(&f->loop, UV_RUN_NOWAIT);
  }
  run(f);
  assert_true(f->in_order);
  assert_int_equal(f->next, 300);
  struct journal_rows rows = read_rows(f);
  assert_int_equal(rows.count, f->done);
  journal_rows_release(&rows);
}

/* The file system refuses from here on, as a full disk does: a write's bytes do not go in. */
static void limit_files(rlim_t bytes) {
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

static void after_a_failure_nothing_is_written(void **state) {
  struct fixture *f = *state;
  struct stat st;
  put(f, 1, JOURNAL_INTENT, NULL, NULL);
  run(f);
  assert_int_equal(f->failed, 0);
  assert_int_equal(stat(scratch_path(&f->dir, "state.db-wal"), &st), 0);
  limit_files((rlim_t)st.st_size);
  put(f, 2, JOURNAL_INTENT, NULL, NULL);
  put(f, 3, JOURNAL_INTENT, NULL, NULL);
  run(f);
  limit_files(RLIM_INFINITY);
  assert_int_equal(f->failed, 2);
  put(f, 4, JOURNAL_INTENT, NULL, NULL); /* there is room again; too late */
  journal_outcome(f->journal, REVISION_COMMITTED, true, NULL, on_done, f);
  assert_int_equal(f->done, 3);
  run(f);
  assert_int_equal(f->done, 5);
  assert_int_equal(f->failed, 4);
  struct journal_rows rows = read_rows(f);
  assert_int_equal(rows.count, 1);
  assert_int_equal(rows.items[0].step, 1);
  journal_rows_release(&rows);
  int64_t number = 9;
  assert_int_equal(state_current(f->state, "p", &number, NULL), 0);
  assert_int_equal(number, 0);

  journal_close(f->journal); /* a new journal goes on where that one stopped */
  assert_int_equal(journal_open(f->state, &f->loop, "p", f->number, &f->journal, NULL), 0);
  put(f, 1, JOURNAL_DONE, NULL, NULL);
  outcome(f, REVISION_COMMITTED, true, NULL);
  assert_int_equal(f->failed, 4);
  assert_int_equal(state_current(f->state, "p", &number, NULL), 0);
  assert_int_equal(number, 1);
}

static void on_last(void *arg, struct err *err) {
  struct fixture *f = arg;
  assert_null(err);
  journal_close(f->journal);
  f->journal = NULL;
}

static void it_may_be_closed_from_the_last_callback(void **state) {
  struct fixture *f = *state;
  put(f, 1, JOURNAL_INTENT, NULL, NULL);
  journal_outcome(f->journal, REVISION_COMMITTED, true, NULL, on_last, f);
  run(f);
  assert_null(f->journal);
}

static void a_journal_needs_its_revision(void **state) {
  struct fixture *f = *state;
  CLEANUP_ERR struct err err = ERR_INIT;
  struct journal *journal = NULL;
  assert_int_equal(journal_open(f->state, &f->loop, "p", 99, &journal, &err), -1);
  assert_int_equal(err.kind, ERR_INTERNAL);
  struct state *reader = NULL;
  assert_int_equal(state_open(f->dir.dir, STATE_READ, "x", &reader, NULL), 0);
  assert_int_equal(journal_open(reader, &f->loop, "p", 1, &journal, &err), -1);
  state_close(reader);
}

struct busy_writer {
  struct fixture f;
  int pipe; /* each acknowledged step goes here */
  int step;
};

struct acknowledgement {
  struct busy_writer *writer;
  int step;
};

static void keep_writing(struct busy_writer *w);

static void on_acknowledged(void *arg, struct err *err) {
  struct acknowledgement *a = arg;
  if (err || write(a->writer->pipe, &a->step, sizeof(a->step)) != sizeof(a->step))
    _exit(1);
  keep_writing(a->writer);
  free(a);
}

static void keep_writing(struct busy_writer *w) {
  struct acknowledgement *a = malloc(sizeof(*a));
  *a = (struct acknowledgement){w, w->step++};
  struct journal_entry entry = {.step = a->step, .kind = "create", .machine = "pc2", .object = "some object's name"};
  journal_write(w->f.journal, &entry, on_acknowledged, a);
}

/* Never returns: it writes, eight at a time, until it is killed. */
static void write_until_killed(const char *dir, int out) {
  struct busy_writer w = {.pipe = out};
  snprintf(w.f.dir.dir, sizeof(w.f.dir.dir), "%s", dir);
  uv_loop_init(&w.f.loop);
  open_all(&w.f);
  for (int i = 0; i < 8; i++)
    keep_writing(&w);
  uv_run(&w.f.loop, UV_RUN_DEFAULT);
  _exit(1);
}

static void kill_after(const char *dir, int acknowledgements) {
  int ends[2], step, count = 0, status = 0, highest = -1;
  assert_int_equal(pipe(ends), 0);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    write_until_killed(dir, ends[1]);
  }
  close(ends[1]);
  while (read(ends[0], &step, sizeof(step)) == sizeof(step)) {
    highest = step > highest ? step : highest;
    if (++count == acknowledgements)
      kill(pid, SIGKILL); /* and read what was acknowledged until then */
  }
  close(ends[0]);
  waitpid(pid, &status, 0);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  struct state *s = NULL;
  struct revision r = {0};
  struct journal_rows rows = {0};
  assert_int_equal(state_open(dir, STATE_WRITE, "recover", &s, NULL), 0);
  assert_int_equal(state_unfinished(s, "p", &r, NULL), 1);
  assert_int_equal(state_journal(s, "p", r.number, &rows, NULL), 0);
  assert_true((int)rows.count > highest); /* all that was acknowledged, */
  for (size_t i = 0; i < rows.count; i++)
    assert_int_equal(rows.items[i].step, i); /* and no gap after it */
  revision_release(&r);
  journal_rows_release(&rows);
  state_close(s);
}

static void what_was_acknowledged_survives_kill_9(void **state) {
  struct scratch dir;
  (void)state;
  assert_int_equal(scratch_init(&dir), 0);
  for (int acknowledgements = 1; acknowledgements < 2000; acknowledgements += acknowledgements / 3 + 7)
    kill_after(dir.dir, acknowledgements);
  scratch_release(&dir);
}

static void readers_and_the_loop_do_not_wait_for_the_writer(void **state) {
  struct fixture *f = *state;
  struct state *reader = NULL;
  assert_int_equal(state_open(f->dir.dir, STATE_READ, "status", &reader, NULL), 0);
  for (int i = 0; i < 200; i++) {
    struct journal_rows rows = {0};
    put(f, i, JOURNAL_INTENT, NULL, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(state_journal(reader, "p", 1, &rows, NULL), 0);
    assert_true((int)rows.count >= f->done); /* acknowledged: seen by everyone */
    journal_rows_release(&rows);
  }
  CLEANUP_JSON cJSON *doc = cJSON_CreateObject();
  assert_int_equal(state_set_desired(f->state, "p", 1, doc, NULL), 0); /* while a write may be in flight */
  run(f);
  assert_int_equal(f->failed, 0);
  state_close(reader);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(the_newest_mark_and_result_are_told),
      TEST(done_steps_give_a_mean_duration),
      TEST(the_outcome_makes_the_revision_current),
      TEST(failures_are_kept_and_stuck_is_unfinished),
      TEST(previous_skips_what_cannot_be_gone_back_to),
      TEST(trimming_spares_what_is_needed),
      TEST(order_is_kept_while_writes_keep_coming),
      TEST(after_a_failure_nothing_is_written),
      TEST(it_may_be_closed_from_the_last_callback),
      TEST(a_journal_needs_its_revision),
      cmocka_unit_test(what_was_acknowledged_survives_kill_9),
      TEST(readers_and_the_loop_do_not_wait_for_the_writer),
  };
  return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "api/base/json.h"
#include "controller/state/state.h"
#include "test/unit/scratch.h"

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

static struct state *open_state(const char *dir, enum state_access access) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct state *s = NULL;
  if (state_open(dir, access, "test", &s, &err) < 0)
    fail_msg("%s", err_text(&err));
  return s;
}

static int64_t begin(struct state *s, const char *project, const char *kind, int64_t base) {
  CLEANUP_JSON cJSON *doc = cJSON_CreateObject();
  int64_t number = 0;
  json_put_str(doc, "kind", kind);
  assert_int_equal(state_begin(s, project, kind, "a summary", base, doc, doc, &number, NULL), 0);
  return number;
}

static void reads_of_nothing_are_empty(void **state) {
  struct scratch *dir = *state;
  struct revision_list list = {.count = 9};
  struct journal_rows rows = {.count = 9};
  struct revision r = {0};
  int64_t number = 9;
  struct state *s = open_state(scratch_path(dir, "not/there"), STATE_READ);
  assert_int_equal(access(dir->path, F_OK), -1);
  assert_int_equal(state_revisions(s, "p", &list, NULL), 0);
  assert_int_equal(list.count, 0);
  assert_int_equal(state_journal(s, "p", 1, &rows, NULL), 0);
  assert_int_equal(rows.count, 0);
  assert_int_equal(state_revision(s, "p", 1, &r, NULL), 0);
  assert_int_equal(state_unfinished(s, "p", &r, NULL), 0);
  assert_int_equal(state_current(s, "p", &number, NULL), 0);
  assert_int_equal(number, 0);
  number = 9;
  assert_int_equal(state_previous(s, "p", 5, &number, NULL), 0);
  assert_int_equal(number, 0);

  struct state *writer = open_state(scratch_path(dir, "not/there"), STATE_WRITE);
  begin(writer, "p", "apply", 0);
  assert_int_equal(state_revisions(s, "p", &list, NULL), 0); /* made since then */
  assert_int_equal(list.count, 1);
  revision_list_release(&list);
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(state_begin(s, "p", "apply", "", 0, NULL, NULL, &number, &err), -1);
  assert_int_equal(err.kind, ERR_INTERNAL);
  state_close(writer);
  state_close(s);
  state_close(NULL);
}

static void expect_mode(struct scratch *dir, const char *name, unsigned mode) {
  struct stat st;
  assert_int_equal(stat(scratch_path(dir, name), &st), 0);
  assert_int_equal(st.st_mode & 07777, mode);
}

static void files_are_private(void **state) {
  struct scratch *dir = *state;
  mode_t old = umask(0);
  struct state *s = open_state(scratch_path(dir, "a/b"), STATE_WRITE);
  begin(s, "p", "apply", 0);
  umask(old);
  expect_mode(dir, "a", 0700);
  expect_mode(dir, "a/b", 0700);
  expect_mode(dir, "a/b/state.db", 0600);
  expect_mode(dir, "a/b/state.db-wal", 0600);
  expect_mode(dir, "a/b/lock", 0600);
  state_close(s);
}

static void expect_error(const char *dir, enum state_access access, enum err_kind kind, const char *part) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct state *s = NULL;
  assert_int_equal(state_open(dir, access, "test", &s, &err), -1);
  assert_null(s);
  assert_int_equal(err.kind, kind);
  if (!strstr(err_text(&err), part))
    fail_msg("\"%s\" is not in: %s", part, err_text(&err));
}

static void a_folder_that_cannot_be_is_an_error(void **state) {
  struct scratch *dir = *state;
  assert_int_equal(scratch_write(dir, "file", ""), 0);
  expect_error(scratch_path(dir, "file"), STATE_WRITE, ERR_IO, "Not a directory");
  expect_error(scratch_path(dir, "file/below"), STATE_WRITE, ERR_IO, "Not a directory");
  expect_error("/proc/nowhere", STATE_WRITE, ERR_IO, "/proc/nowhere");
}

/* Writes over the file in place. */
static void poke(const char *path, long from, size_t len, char with) {
  FILE *f = fopen(path, "r+");
  assert_non_null(f);
  fseek(f, from, SEEK_SET);
  for (size_t i = 0; i < len; i++)
    fputc(with, f);
  fclose(f);
}

static void a_damaged_database_is_named(void **state) {
  struct scratch *dir = *state;
  char db[8192];
  struct state *s = open_state(dir->dir, STATE_WRITE);
  for (int i = 0; i < 50; i++)
    begin(s, "p", "apply", i);
  state_close(s);
  snprintf(db, sizeof(db), "%s", scratch_path(dir, "state.db"));

  poke(db, 4096, 40000, 'x'); /* all pages but the first */
  CLEANUP_ERR struct err err = ERR_INIT;
  struct revision_list list = {0};
  s = open_state(dir->dir, STATE_READ);
  assert_int_equal(state_revisions(s, "p", &list, &err), -1);
  assert_int_equal(err.kind, ERR_IO);
  assert_non_null(strstr(err_text(&err), db));
  assert_non_null(strstr(err_text(&err), "is damaged"));
  state_close(s);

  poke(db, 0, 4096, 'x');
  expect_error(dir->dir, STATE_READ, ERR_IO, "is damaged");
  expect_error(dir->dir, STATE_WRITE, ERR_IO, db);
  assert_int_equal(truncate(db, 0), 0); /* as a crash right after its making leaves it */
  s = open_state(dir->dir, STATE_WRITE);
  assert_int_equal(begin(s, "p", "apply", 0), 1);
  state_close(s);
}

static void a_newer_format_is_refused(void **state) {
  struct scratch *dir = *state;
  struct state *s = open_state(dir->dir, STATE_WRITE);
  begin(s, "p", "apply", 0);
  state_close(s);
  poke(scratch_path(dir, "state.db"), 60 + 3, 1, 7); /* user_version is big-endian at 60 in the header */
  expect_error(dir->dir, STATE_READ, ERR_VERSION, "has format 7");
  expect_error(dir->dir, STATE_WRITE, ERR_VERSION, "a newer tandem wrote it");
}

static void revisions_are_numbered_by_project(void **state) {
  struct scratch *dir = *state;
  struct state *s = open_state(dir->dir, STATE_WRITE);
  assert_int_equal(begin(s, "p", "apply", 0), 1);
  assert_int_equal(begin(s, "p", "relocate", 1), 2);
  assert_int_equal(begin(s, "q", "apply", 0), 1);
  struct revision_list list = {0};
  assert_int_equal(state_revisions(s, "p", &list, NULL), 0);
  assert_int_equal(list.count, 2);
  assert_int_equal(list.items[0].number, 2);
  assert_int_equal(list.items[0].base, 1);
  assert_string_equal(list.items[0].kind, "relocate");
  assert_string_equal(list.items[0].summary, "a summary");
  assert_int_equal(list.items[0].outcome, REVISION_RUNNING);
  assert_false(list.items[0].cleaned);
  assert_int_equal(list.items[0].duration_ms, -1);
  assert_null(list.items[0].ended_at);
  assert_null(list.items[0].failure);
  assert_null(list.items[0].desired);
  assert_int_equal(strlen(list.items[0].started_at), 27);
  revision_list_release(&list);
  state_close(s);
}

static void documents_are_kept_and_replaced(void **state) {
  struct scratch *dir = *state;
  CLEANUP_JSON cJSON *doc = cJSON_Parse("{\"b\": 1, \"a\": [1.5, \"\xc3\xbc\", null]}");
  CLEANUP_JSON cJSON *other = cJSON_Parse("{\"image\": \"sha256:1\"}");
  struct revision r = {0};
  int64_t number = 0;
  struct state *s = open_state(dir->dir, STATE_WRITE);
  assert_int_equal(state_begin(s, "p", "apply", NULL, 0, doc, other, &number, NULL), 0);
  assert_int_equal(state_revision(s, "p", number, &r, NULL), 1);
  assert_true(json_equal(r.desired, doc));
  assert_true(json_equal(r.plan, other));
  revision_release(&r);
  assert_int_equal(state_set_desired(s, "p", number, other, NULL), 0);
  assert_int_equal(state_set_desired(s, "p", 77, other, NULL), -1);
  assert_int_equal(state_revision(s, "p", number, &r, NULL), 1);
  assert_true(json_equal(r.desired, other));
  revision_release(&r);
  assert_int_equal(state_revision(s, "q", number, &r, NULL), 0);
  assert_int_equal(state_begin(s, "p", "down", "", 1, NULL, NULL, &number, NULL), 0);
  assert_int_equal(state_revision(s, "p", number, &r, NULL), 1);
  assert_null(r.desired);
  assert_null(r.plan);
  revision_release(&r);
  revision_release(NULL);
  state_close(s);
}

static void read_only_state_outlives_a_writer(void **state) {
  struct scratch *dir = *state;
  struct state *writer = open_state(dir->dir, STATE_WRITE);
  begin(writer, "p", "apply", 0);
  struct state *reader = open_state(dir->dir, STATE_READ);
  for (int i = 2; i < 20; i++) {
    struct revision_list list = {0};
    begin(writer, "p", "apply", 0);
    assert_int_equal(state_revisions(reader, "p", &list, NULL), 0);
    assert_int_equal(list.count, i);
    revision_list_release(&list);
  }
  state_close(writer);
  struct revision_list list = {0};
  assert_int_equal(state_revisions(reader, "p", &list, NULL), 0);
  assert_int_equal(list.count, 19);
  revision_list_release(&list);
  state_close(reader);
}

/* Runs in a child, as a user for whom the folder is read-only. */
static int read_as_nobody(const char *dir) {
  struct revision_list list = {0};
  struct state *s = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
    return 100;
  if (state_open(dir, STATE_READ, "test", &s, &err) < 0 || state_revisions(s, "p", &list, &err) < 0) {
    fprintf(stderr, "%s\n", err_text(&err));
    state_close(s);
    return 101;
  }
  int count = (int)list.count;
  revision_list_release(&list);
  state_close(s);
  return count;
}

static int in_child(int (*run)(const char *), const char *dir) {
  int status = 0;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0)
    _exit(run(dir));
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int write_two_and_die(const char *dir) {
  struct state *s = open_state(dir, STATE_WRITE);
  begin(s, "p", "apply", 0);
  begin(s, "p", "apply", 0);
  return kill(getpid(), SIGKILL);
}

static void give_away(struct scratch *dir, const char *name, mode_t mode) {
  const char *path = scratch_path(dir, name);
  if (access(path, F_OK) == 0) {
    assert_int_equal(chmod(path, mode), 0);
    if (getuid() == 0)
      assert_int_equal(chown(path, 65534, 65534), 0);
  }
}

static void a_read_only_folder_can_be_read(void **state) {
  struct scratch *dir = *state;
  struct state *s = open_state(scratch_path(dir, "s"), STATE_WRITE);
  begin(s, "p", "apply", 0);
  state_close(s);
  assert_int_equal(chmod(dir->dir, 0755), 0);
  give_away(dir, "s/state.db", 0400);
  give_away(dir, "s", 0500);
  assert_int_equal(in_child(read_as_nobody, scratch_path(dir, "s")), 1);
  if (getuid() != 0)
    chmod(scratch_path(dir, "s"), 0700);
}

static void a_read_only_folder_of_a_killed_writer_too(void **state) {
  struct scratch *dir = *state;
  if (getuid() != 0)
    skip();
  assert_int_equal(in_child(write_two_and_die, scratch_path(dir, "s")), -SIGKILL);
  assert_int_equal(access(scratch_path(dir, "s/state.db-wal"), F_OK), 0);
  assert_int_equal(chmod(dir->dir, 0755), 0);
  give_away(dir, "s/state.db", 0400);
  give_away(dir, "s/state.db-wal", 0400);
  give_away(dir, "s/state.db-shm", 0400);
  give_away(dir, "s", 0500);
  assert_int_equal(in_child(read_as_nobody, scratch_path(dir, "s")), 2);
}

static void killed_while_idle_nothing_is_lost(void **state) {
  struct scratch *dir = *state;
  assert_int_equal(in_child(write_two_and_die, dir->dir), -SIGKILL);
  struct state *s = open_state(dir->dir, STATE_WRITE); /* the lock died too */
  assert_int_equal(begin(s, "p", "apply", 0), 3);
  state_close(s);
}

static void what_the_engines_told_is_adopted(void **state) {
  struct scratch *dir = *state;
  struct state *s = open_state(dir->dir, STATE_WRITE);
  struct revision_list list = {0};
  int64_t number = 0;
  assert_int_equal(state_adopt(s, "p", 7, 0, "adopt", REVISION_COMMITTED, "found", NULL), 0);
  assert_int_equal(state_adopt(s, "p", 8, 7, "apply", REVISION_PUT_BACK, "undone", NULL), 0);
  assert_int_equal(state_adopt(s, "p", 8, 7, "apply", REVISION_COMMITTED, "again", NULL), 0); /* keeps the row */
  assert_int_equal(state_revisions(s, "p", &list, NULL), 0);
  assert_int_equal(list.count, 2);
  assert_int_equal(list.items[0].outcome, REVISION_PUT_BACK);
  assert_true(list.items[1].cleaned);
  revision_list_release(&list);
  assert_int_equal(begin(s, "p", "apply", 8), 9); /* numbers go on */
  assert_int_equal(state_current(s, "p", &number, NULL), 0);
  assert_int_equal(number, 7);
  assert_int_equal(state_current(s, "other", &number, NULL), 0);
  assert_int_equal(number, 0);
  state_close(s);
}

static void epochs_only_grow(void **state) {
  struct scratch *dir = *state;
  int64_t last = 0, epoch;
  for (int i = 0; i < 3; i++) {
    struct state *s = open_state(dir->dir, STATE_WRITE);
    for (int k = 0; k < 2; k++) {
      assert_int_equal(state_next_epoch(s, "p", &epoch, NULL), 0);
      assert_true(epoch > last);
      last = epoch;
    }
    state_close(s);
  }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)
  const struct CMUnitTest tests[] = {
      TEST(reads_of_nothing_are_empty),
      TEST(files_are_private),
      TEST(a_folder_that_cannot_be_is_an_error),
      TEST(a_damaged_database_is_named),
      TEST(a_newer_format_is_refused),
      TEST(revisions_are_numbered_by_project),
      TEST(documents_are_kept_and_replaced),
      TEST(read_only_state_outlives_a_writer),
      TEST(a_read_only_folder_can_be_read),
      TEST(a_read_only_folder_of_a_killed_writer_too),
      TEST(killed_while_idle_nothing_is_lost),
      TEST(what_the_engines_told_is_adopted),
      TEST(epochs_only_grow),
  };
  return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}

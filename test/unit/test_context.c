#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utime.h>
#include <uv.h>

#include "api/base/buf.h"
#include "api/base/sha256.h"
#include "controller/deploy/context.h"
#include "test/unit/scratch.h"

/* dir/c is the context, dir/t.tar the tar. */
static int set_up(void **state) {
  struct scratch *s = malloc(sizeof(*s));
  *state = s;
  umask(022);
  return s && scratch_init(s) == 0 && scratch_write(s, "c/Dockerfile", "FROM scratch\n") == 0 ? 0 : -1;
}

static int tear_down(void **state) {
  scratch_release(*state);
  free(*state);
  return 0;
}

static void put(struct scratch *s, const char *name, const char *text) {
  assert_int_equal(scratch_write(s, name, text), 0);
}

/* The context's folder; good for the whole test. */
static const char *folder(struct scratch *s) {
  static char path[128];
  snprintf(path, sizeof(path), "%s/c", s->dir);
  return path;
}

/* `NAME TYPE MODE SIZE` and ` -> TARGET` of each entry, a line each. */
static char *list_tar(const char *path) {
  struct archive *a = archive_read_new();
  struct archive_entry *e;
  struct buf out = BUF_INIT(0);
  archive_read_support_format_tar(a);
  assert_int_equal(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
  while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
    unsigned type = archive_entry_filetype(e);
    buf_printf(&out, NULL, "%s %c %o %d", archive_entry_pathname(e),
               type == AE_IFREG   ? 'f'
               : type == AE_IFDIR ? 'd'
                                  : 'l',
               (unsigned)archive_entry_perm(e), (int)archive_entry_size(e));
    if (type == AE_IFLNK)
      buf_printf(&out, NULL, " -> %s", archive_entry_symlink(e));
    buf_puts(&out, "\n", NULL);
    assert_int_equal(archive_entry_uid(e), 0);
    assert_int_equal(archive_entry_gid(e), 0);
    assert_int_equal(archive_entry_mtime(e), 315619200);
  }
  archive_read_free(a);
  return buf_steal(&out);
}

/* The content of one entry; NULL when it is not there. */
static char *tar_content(const char *path, const char *name) {
  struct archive *a = archive_read_new();
  struct archive_entry *e;
  char *text = NULL;
  archive_read_support_format_tar(a);
  assert_int_equal(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
  while (!text && archive_read_next_header(a, &e) == ARCHIVE_OK) {
    if (strcmp(archive_entry_pathname(e), name) == 0) {
      text = calloc(1, (size_t)archive_entry_size(e) + 1);
      archive_read_data(a, text, (size_t)archive_entry_size(e));
    }
  }
  archive_read_free(a);
  return text;
}

static char *make_tar(struct scratch *s, const char *dockerfile, const char *inline_dockerfile, char **ret_name) {
  CLEANUP_ERR struct err err = ERR_INIT;
  char *name = NULL;
  uint64_t bytes = 0;
  struct stat st;
  const char *tar = scratch_path(s, "t.tar");
  if (context_tar(folder(s), dockerfile, inline_dockerfile, tar, &name, &bytes, &err) < 0)
    fail_msg("%s", err_text(&err));
  assert_int_equal(stat(tar, &st), 0);
  assert_int_equal(st.st_size, bytes);
  assert_int_equal(st.st_mode & 0777, 0600);
  if (ret_name)
    *ret_name = name;
  else
    free(name);
  return list_tar(tar);
}

static void expect_tar(struct scratch *s, const char *want) {
  CLEANUP_FREE char *list = make_tar(s, "Dockerfile", NULL, NULL);
  assert_string_equal(list, want);
}

static void the_tar_holds_files_folders_and_links(void **state) {
  struct scratch *s = *state;
  put(s, "c/b/run", "#!/bin/sh\n");
  chmod(scratch_path(s, "c/b/run"), 0755);
  put(s, "c/a.txt", "");
  put(s, "c/b-x", "x");
  assert_int_equal(symlink("/etc/passwd", scratch_path(s, "c/link")), 0);
  assert_int_equal(symlink("b", scratch_path(s, "c/to-folder")), 0);
  mkdir(scratch_path(s, "c/empty"), 0700);
  expect_tar(s, "Dockerfile f 644 13\na.txt f 644 0\nb/ d 755 0\nb/run f 755 10\nb-x f 644 1\nempty/ d 700 0\n"
                "link l 777 0 -> /etc/passwd\nto-folder l 777 0 -> b\n");
  CLEANUP_FREE char *text = tar_content(scratch_path(s, "t.tar"), "b/run");
  assert_string_equal(text, "#!/bin/sh\n");
}

static void names_may_be_long_and_any_bytes(void **state) {
  struct scratch *s = *state;
  char name[400] = "c/", want[1000];
  for (int i = 0; i < 3; i++) {
    memset(name + strlen(name), 'n', 90);
    strcat(name, "/");
  }
  strcat(name, "\xc3\xbc\xff x");
  put(s, name, "deep");
  char target[301];
  memset(target, 't', 300);
  target[300] = '\0';
  assert_int_equal(symlink(target, scratch_path(s, "c/zlink")), 0);
  CLEANUP_FREE char *list = make_tar(s, "Dockerfile", NULL, NULL);
  snprintf(want, sizeof(want), "%s f 644 4\nzlink l 777 0 -> %s\n", name + 2, target);
  assert_non_null(strstr(list, want));
}

static void ignored_files_stay_out(void **state) {
  struct scratch *s = *state;
  put(s, "c/.dockerignore", "*\n!src/**/*.py\n");
  put(s, "c/src/a/x.py", "");
  put(s, "c/src/a/x.pyc", "");
  put(s, "c/src/b/x.c", "");
  put(s, "c/secret", "");
  expect_tar(s, ".dockerignore f 644 15\nDockerfile f 644 13\nsrc/ d 755 0\nsrc/a/ d 755 0\nsrc/a/x.py f 644 0\n");
}

static void own_files_are_sent_from_ignored_folders(void **state) {
  struct scratch *s = *state;
  put(s, "c/.dockerignore", "big\n");
  put(s, "c/d/x.Dockerfile", "FROM x\n");
  put(s, "c/d/x.Dockerfile.dockerignore", "d\nDockerfile\n.dockerignore\n");
  put(s, "c/d/other", "");
  put(s, "c/big", "");
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *list = make_tar(s, "d/x.Dockerfile", NULL, &name);
  assert_string_equal(name, "d/x.Dockerfile");
  assert_string_equal(list, ".dockerignore f 644 4\nbig f 644 0\nd/ d 755 0\nd/x.Dockerfile f 644 7\n"
                            "d/x.Dockerfile.dockerignore f 644 27\n");
}

static void an_inline_dockerfile_is_put_in(void **state) {
  struct scratch *s = *state;
  char ignore_name[100];
  put(s, "c/.dockerignore", "secret");
  put(s, "c/secret", "");
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *list = make_tar(s, "Dockerfile", "FROM inline\n", &name);
  assert_null(strstr(list, "secret"));
  assert_int_equal(strncmp(name, ".tandem-dockerfile.", 19), 0);
  CLEANUP_FREE char *text = tar_content(scratch_path(s, "t.tar"), name);
  assert_string_equal(text, "FROM inline\n");
  snprintf(ignore_name, sizeof(ignore_name), "%s.dockerignore", name);
  CLEANUP_FREE char *ignore_text = tar_content(scratch_path(s, "t.tar"), ignore_name);
  char want[300];
  snprintf(want, sizeof(want), "secret\n%s\n%s\n", name, ignore_name);
  assert_string_equal(ignore_text, want);
}

static void a_dockerfile_from_outside_is_put_in(void **state) {
  struct scratch *s = *state;
  char a[65], b[65];
  put(s, "out.Dockerfile", "FROM outside\n");
  put(s, "out.Dockerfile.dockerignore", "x*\n");
  put(s, "c/x1", "");
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *list = make_tar(s, "../out.Dockerfile", NULL, &name);
  assert_null(strstr(list, "x1"));
  CLEANUP_FREE char *text = tar_content(scratch_path(s, "t.tar"), name);
  assert_string_equal(text, "FROM outside\n");

  CLEANUP_FREE char *absolute = strdup(scratch_path(s, "out.Dockerfile"));
  CLEANUP_FREE char *same = NULL;
  CLEANUP_FREE char *list2 = make_tar(s, absolute, NULL, &same);
  assert_string_equal(same, name);
  assert_int_equal(context_digest(folder(s), absolute, a, NULL), 0);
  put(s, "out.Dockerfile", "FROM another\n");
  assert_int_equal(context_digest(folder(s), absolute, b, NULL), 0);
  assert_string_not_equal(a, b);

  CLEANUP_FREE char *within = strdup(scratch_path(s, "c/Dockerfile")); /* absolute, but inside */
  CLEANUP_FREE char *inside = NULL;
  CLEANUP_FREE char *list3 = make_tar(s, within, NULL, &inside);
  assert_string_equal(inside, "Dockerfile");
}

static void a_linked_dockerfile_is_put_in(void **state) {
  struct scratch *s = *state;
  put(s, "real", "FROM linked\n");
  assert_int_equal(symlink("../real", scratch_path(s, "c/L")), 0);
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *list = make_tar(s, "L", NULL, &name);
  assert_non_null(strstr(list, "L l 777 0 -> ../real\n"));
  CLEANUP_FREE char *text = tar_content(scratch_path(s, "t.tar"), name);
  assert_string_equal(text, "FROM linked\n");
}

static void digest(struct scratch *s, char ret_hex[65]) {
  CLEANUP_ERR struct err err = ERR_INIT;
  if (context_digest(folder(s), "Dockerfile", ret_hex, &err) < 0)
    fail_msg("%s", err_text(&err));
  assert_int_equal(strlen(ret_hex), 64);
}

static void the_digest_follows_what_is_sent(void **state) {
  struct scratch *s = *state;
  char was[65], now[65];
  put(s, "c/.dockerignore", "ignored\n");
  put(s, "c/a", "1");
  digest(s, was);
#define EXPECT_CHANGE(changes)                                                                                         \
  do {                                                                                                                 \
    digest(s, now);                                                                                                    \
    assert_int_equal(strcmp(was, now) != 0, changes);                                                                  \
    strcpy(was, now);                                                                                                  \
  } while (0)
  utime(scratch_path(s, "c/a"), &(struct utimbuf){1, 1});
  EXPECT_CHANGE(false);
  put(s, "c/ignored", "x");
  EXPECT_CHANGE(false);
  put(s, "c/a", "2");
  EXPECT_CHANGE(true);
  chmod(scratch_path(s, "c/a"), 0755);
  EXPECT_CHANGE(true);
  rename(scratch_path(s, "c/a"), strcat(strcpy((char[200]){0}, folder(s)), "/b"));
  EXPECT_CHANGE(true);
  put(s, "c/d/e", "");
  EXPECT_CHANGE(true);
  chmod(scratch_path(s, "c/d"), 0700);
  EXPECT_CHANGE(true);
  assert_int_equal(symlink("a", scratch_path(s, "c/link")), 0);
  EXPECT_CHANGE(true);
  unlink(scratch_path(s, "c/link"));
  assert_int_equal(symlink("b", scratch_path(s, "c/link")), 0);
  EXPECT_CHANGE(true);
  put(s, "c/Dockerfile", "FROM other\n");
  EXPECT_CHANGE(true);
  assert_int_equal(context_digest(folder(s), NULL, now, NULL), 0); /* inline: only the folder */
}

/* The tar's own digest. */
static void tar_digest(struct scratch *s, char ret_hex[65]) {
  char chunk[4096];
  size_t n;
  free(make_tar(s, "Dockerfile", NULL, NULL));
  struct sha256 *sha = sha256_new();
  FILE *f = fopen(scratch_path(s, "t.tar"), "r");
  while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
    sha256_update(sha, chunk, n);
  fclose(f);
  assert_int_equal(sha256_finish(sha, ret_hex, NULL), 0);
}

/* Whenever and in whatever order the files were made. */
static void equal_content_is_an_equal_tar(void **state) {
  struct scratch *s = *state;
  char was[2][65], now[2][65];
  put(s, "c/x", "1");
  put(s, "c/y", "2");
  utime(scratch_path(s, "c/x"), &(struct utimbuf){1, 1});
  digest(s, was[0]);
  tar_digest(s, was[1]);
  unlink(scratch_path(s, "c/x"));
  unlink(scratch_path(s, "c/y"));
  put(s, "c/y", "2");
  put(s, "c/x", "1");
  digest(s, now[0]);
  tar_digest(s, now[1]);
  assert_string_equal(was[0], now[0]);
  assert_string_equal(was[1], now[1]);
  put(s, "c/x", "2");
  put(s, "c/y", "1");
  digest(s, now[0]);
  tar_digest(s, now[1]);
  assert_string_not_equal(was[0], now[0]);
  assert_string_not_equal(was[1], now[1]);
}

static void expect_failure(struct scratch *s, const char *dockerfile, enum err_kind kind, const char *part) {
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_FREE char *name = NULL;
  char hex[65];
  uint64_t bytes = 0;
  assert_int_equal(context_digest(folder(s), dockerfile, hex, &err), -1);
  assert_int_equal(err.kind, kind);
  if (!strstr(err_text(&err), part))
    fail_msg("\"%s\" is not in: %s", part, err_text(&err));
  assert_int_equal(context_tar(folder(s), dockerfile, NULL, scratch_path(s, "t.tar"), &name, &bytes, &err), -1);
  assert_int_equal(err.kind, kind);
  assert_int_equal(access(s->path, F_OK), -1); /* no half tar is left */
}

static void bad_contexts_are_told(void **state) {
  struct scratch *s = *state;
  expect_failure(s, "no/such", ERR_INPUT, "Dockerfile no/such: No such file");
  put(s, "c/.dockerignore", "ok\n[bad\n");
  expect_failure(s, "Dockerfile", ERR_INPUT, "c/.dockerignore:2: [ without ]");
  put(s, "c/.dockerignore", "fifo\n");
  assert_int_equal(mkfifo(scratch_path(s, "c/fifo"), 0600), 0);
  char hex[65];
  digest(s, hex); /* ignored: no matter */
  put(s, "c/.dockerignore", "\n");
  expect_failure(s, "Dockerfile", ERR_INPUT, "c/fifo is no file, folder or link");
  unlink(scratch_path(s, "c/fifo"));
  rename(folder(s), scratch_path(s, "gone"));
  expect_failure(s, "Dockerfile", ERR_INPUT, "there is no such folder");
}

static void sockets_are_left_out(void **state) {
  struct scratch *s = *state;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/c/sock", s->dir);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  expect_tar(s, "Dockerfile f 644 13\n");
  close(fd);
}

static void the_tar_is_not_in_itself(void **state) {
  struct scratch *s = *state;
  CLEANUP_FREE char *name = NULL;
  uint64_t bytes = 0;
  assert_int_equal(context_tar(folder(s), "Dockerfile", NULL, scratch_path(s, "c/t.tar"), &name, &bytes, NULL), 0);
  CLEANUP_FREE char *list = list_tar(scratch_path(s, "c/t.tar"));
  assert_string_equal(list, "Dockerfile f 644 13\n");
}

/* The file system takes no more than so many bytes of a file. */
static void limit_files(rlim_t bytes) {
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_full_disk_is_told(void **state) {
  struct scratch *s = *state;
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_FREE char *name = NULL;
  uint64_t bytes = 0;
  CLEANUP_FREE char *big = calloc(1, 1024 * 1024);
  memset(big, 'y', 1024 * 1024 - 1);
  put(s, "c/big", big);
  limit_files(300 * 1024);
  int rc = context_tar(folder(s), "Dockerfile", NULL, scratch_path(s, "t.tar"), &name, &bytes, &err);
  limit_files(RLIM_INFINITY);
  assert_int_equal(rc, -1);
  assert_int_equal(err.kind, ERR_IO);
  assert_int_equal(err.sys_errno, EFBIG);
  assert_int_equal(access(s->path, F_OK), -1);
}

struct changer {
  char path[160];
  volatile bool stop;
};

static void change_file(void *arg) {
  struct changer *c = arg;
  while (!c->stop) {
    FILE *f = fopen(c->path, "a");
    fputc('x', f);
    fclose(f);
  }
}

/* A file that is written to all the time: each digest is an error that says so, and none hangs. */
static void a_changing_file_is_an_error(void **state) {
  struct scratch *s = *state;
  struct changer c = {.stop = false};
  uv_thread_t thread;
  int changed = 0;
  CLEANUP_FREE char *big = malloc(8 * 1024 * 1024);
  memset(big, 'y', 8 * 1024 * 1024 - 1);
  big[8 * 1024 * 1024 - 1] = '\0';
  put(s, "c/growing", big);
  snprintf(c.path, sizeof(c.path), "%s/growing", folder(s));
  assert_int_equal(uv_thread_create(&thread, change_file, &c), 0);
  for (int i = 0; i < 20 && !changed; i++) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char hex[65];
    if (context_digest(folder(s), "Dockerfile", hex, &err) < 0) {
      assert_int_equal(err.kind, ERR_CONFLICT);
      assert_true(err.retryable);
      assert_non_null(strstr(err_text(&err), "c/growing changed while it was read"));
      changed++;
    }
  }
  c.stop = true;
  uv_thread_join(&thread);
  assert_true(changed > 0);
}

static void on_tar(void *arg, const char *dockerfile, uint64_t bytes, struct err *err) {
  int *calls = arg;
  (*calls)++;
  if (err) {
    assert_null(dockerfile);
    assert_int_equal(err->kind, ERR_INPUT);
    *calls += 10;
  } else {
    assert_string_equal(dockerfile, "Dockerfile");
    assert_true(bytes > 0);
  }
}

static void the_tar_is_made_off_the_loop(void **state) {
  struct scratch *s = *state;
  uv_loop_t loop;
  int calls = 0;
  assert_int_equal(uv_loop_init(&loop), 0);
  const char *tar = scratch_path(s, "t.tar");
  assert_int_equal(context_tar_async(&loop, folder(s), "Dockerfile", NULL, tar, on_tar, &calls, NULL), 0);
  assert_int_equal(calls, 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(calls, 1);
  assert_int_equal(context_tar_async(&loop, folder(s), "none", NULL, tar, on_tar, &calls, NULL), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(calls, 12);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(the_tar_holds_files_folders_and_links),
      TEST(names_may_be_long_and_any_bytes),
      TEST(ignored_files_stay_out),
      TEST(own_files_are_sent_from_ignored_folders),
      TEST(an_inline_dockerfile_is_put_in),
      TEST(a_dockerfile_from_outside_is_put_in),
      TEST(a_linked_dockerfile_is_put_in),
      TEST(the_digest_follows_what_is_sent),
      TEST(equal_content_is_an_equal_tar),
      TEST(bad_contexts_are_told),
      TEST(sockets_are_left_out),
      TEST(the_tar_is_not_in_itself),
      TEST(a_full_disk_is_told),
      TEST(a_changing_file_is_an_error),
      TEST(the_tar_is_made_off_the_loop),
  };
  return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}

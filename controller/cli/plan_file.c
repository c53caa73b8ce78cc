#include "controller/cli/plan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/base/strv.h"
#include "controller/plan/basis.h"

enum { PLAN_FILE_LIMIT = 64 << 20, NAMED_CHANGES = 6 };

static int read_all(const char *path, struct buf *b, struct err *err) {
  CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  char piece[16384];
  ssize_t n;

  if (fd < 0)
    return err_set_errno(err, errno, "%s", path);
  while ((n = read(fd, piece, sizeof piece)) > 0)
    if (buf_append(b, piece, (size_t)n, err) < 0)
      return err_wrap(err, "%s", path);
  return n < 0 ? err_set_errno(err, errno, "%s", path) : 0;
}

int plan_file_read(const char *path, cJSON **ret_plan, struct err *err) {
  CLEANUP_BUF struct buf text = BUF_INIT(PLAN_FILE_LIMIT);
  CLEANUP_JSON cJSON *plan = NULL;
  CLEANUP_ERR struct err why = ERR_INIT;

  if (read_all(path, &text, err) < 0)
    return -1;
  if (json_parse(buf_text(&text), text.len, &plan, &why) < 0)
    return err_set(err, ERR_INPUT, "%s: is no saved plan: %s", path, err_text(&why));
  if (!json_str(plan, "fingerprint", NULL) || !json_str(plan, "project", NULL))
    return err_set(err, ERR_INPUT, "%s: is no saved plan: `tandem plan -o FILE` makes one", path);
  *ret_plan = STEAL(plan);
  return 0;
}

bool plan_file_is(const char *path) {
  CLEANUP_JSON cJSON *plan = NULL;
  size_t len = strlen(path);
  struct stat st;

  if (len > 5 && strcmp(path + len - 5, ".json") == 0)
    return true;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode) && plan_file_read(path, &plan, NULL) == 0;
}

static int write_all(int fd, const char *text, size_t len, struct err *err) {
  while (len > 0) {
    ssize_t n = write(fd, text, len);

    if (n < 0 && errno != EINTR)
      return err_set_errno(err, errno, "writing");
    if (n > 0) {
      text += n;
      len -= (size_t)n;
    }
  }
  return fsync(fd) < 0 && errno != EINVAL ? err_set_errno(err, errno, "writing") : 0;
}

static int write_beside(const char *path, char *made, const char *text, struct err *err) {
  CLEANUP_CLOSE int fd = mkostemp(made, O_CLOEXEC); /* 0600 */

  if (fd < 0)
    return err_set_errno(err, errno, "%s", path);
  if (write_all(fd, text, strlen(text), err) < 0 || rename(made, path) < 0) {
    int rc = err && err->kind ? err_wrap(err, "%s", path) : err_set_errno(err, errno, "%s", path);

    unlink(made);
    return rc;
  }
  return 0;
}

int plan_file_write(const char *path, const cJSON *plan, struct err *err) {
  CLEANUP_FREE char *text = cJSON_Print(plan);
  CLEANUP_FREE char *made = NULL;

  if (!text || asprintf(&made, "%s.XXXXXX", path) < 0)
    return err_no_memory(err);
  return write_beside(path, made, text, err);
}

/* Its fingerprint is over all the rest, so that nothing in it can be changed by hand. */
static int check_whole(const cJSON *saved, struct err *err) {
  CLEANUP_JSON cJSON *rest = cJSON_Duplicate(saved, true);
  char hex[65];

  if (!rest)
    return err_no_memory(err);
  cJSON_DeleteItemFromObjectCaseSensitive(rest, "fingerprint");
  if (json_hash(rest, hex, err) < 0)
    return -1;
  if (strcmp(hex, json_str(saved, "fingerprint", "")) == 0)
    return 0;
  return err_set(err, ERR_CONFLICT, "the saved plan was changed after it was saved; make a new plan");
}

static int refuse(const struct strv *lines, struct err *err) {
  CLEANUP_BUF struct buf what = BUF_INIT(0);

  for (size_t i = 0; i < lines->count && i < NAMED_CHANGES; i++)
    if (buf_printf(&what, err, "%s%s", i ? "; " : "", lines->items[i]) < 0)
      return -1;
  if (lines->count > NAMED_CHANGES && buf_printf(&what, err, "; and %zu more", lines->count - NAMED_CHANGES) < 0)
    return -1;
  return err_set(err, ERR_CONFLICT, "changed since the plan was saved: %s; make a new plan", buf_text(&what));
}

int plan_file_check(const cJSON *saved, const cJSON *now, struct err *err) {
  CLEANUP_STRV struct strv lines = STRV_INIT;
  const char *project = json_str(saved, "project", ""), *new_project = json_str(now, "project", "");

  if (json_int(saved, "format", 0) != json_int(now, "format", 0))
    return err_set(err, ERR_CONFLICT, "the saved plan is of another tandem (format %lld); make a new plan",
                   (long long)json_int(saved, "format", 0));
  if (check_whole(saved, err) < 0)
    return -1;
  if (strcmp(project, new_project) != 0)
    return err_set(err, ERR_CONFLICT, "the saved plan is of project %s, not of %s", project, new_project);
  if (basis_diff(json_get(saved, "basis"), json_get(now, "basis"), &lines, err) < 0)
    return -1;
  if (lines.count)
    return refuse(&lines, err);
  if (json_equal(json_get(saved, "steps"), json_get(now, "steps")))
    return 0;
  return err_set(err, ERR_CONFLICT, "from the same files and engines this tandem makes other steps than are saved; "
                                    "make a new plan");
}

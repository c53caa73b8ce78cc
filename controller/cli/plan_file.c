#include "controller/cli/plan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/buf.h"
#include "api/base/json.h"

enum { PLAN_FILE_LIMIT = 64 << 20, NAMED_SERVICES = 6 };

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

static const cJSON *named(const cJSON *array, const char *key, const char *name) {
  const cJSON *item;

  cJSON_ArrayForEach(item, array) {
    const char *have = json_str(item, key, NULL);

    if (have && strcmp(have, name) == 0)
      return item;
  }
  return NULL;
}

/* " (image, environment.LOG_LEVEL)": the fields that `one` changes and `other` does not, or not to the same;
 * only_missing: those that `other` does not change at all. */
static int add_fields(struct buf *b, const cJSON *one, const cJSON *other, bool only_missing, size_t *put,
                      struct err *err) {
  const cJSON *change;

  cJSON_ArrayForEach(change, json_get(one, "changes")) {
    const char *field = json_str(change, "field", "?");
    const cJSON *there = named(json_get(other, "changes"), "field", field);

    if (there && (only_missing || json_equal(there, change)))
      continue;
    if (buf_printf(b, err, "%s%s", (*put)++ ? ", " : " (", field) < 0)
      return -1;
  }
  return 0;
}

static int add_service(struct buf *b, const char *name, const cJSON *was, const cJSON *is, struct err *err) {
  size_t put = 0;

  if (buf_printf(b, err, "%s%s", b->len ? ", " : "", name) < 0)
    return -1;
  if (!was || !is)
    return buf_printf(b, err, " (%s)", was ? "no longer there" : "new");
  if (add_fields(b, is, was, false, &put, err) < 0 || add_fields(b, was, is, true, &put, err) < 0)
    return -1;
  if (put)
    return buf_puts(b, ")", err);
  return buf_printf(b, err, " (%s, now %s)", json_str(was, "action", "?"), json_str(is, "action", "?"));
}

/* The services of `from` whose entry in `other` is another one; only_missing: those that `other` lacks. */
static int add_services(struct buf *b, const cJSON *from, const cJSON *other, bool only_missing, size_t *count,
                        struct err *err) {
  const cJSON *item;

  cJSON_ArrayForEach(item, from) {
    const char *name = json_str(item, "service", "?");
    const cJSON *there = named(other, "service", name);

    if (there && (only_missing || json_equal(there, item)))
      continue;
    if ((*count)++ < NAMED_SERVICES &&
        add_service(b, name, only_missing ? NULL : item, only_missing ? item : there, err) < 0)
      return -1;
  }
  return 0;
}

int plan_file_check(const cJSON *saved, const cJSON *now, struct err *err) {
  CLEANUP_BUF struct buf what = BUF_INIT(0);
  const cJSON *old_services = json_get(saved, "services"), *new_services = json_get(now, "services");
  const char *project = json_str(saved, "project", ""), *new_project = json_str(now, "project", "");
  size_t count = 0;

  if (strcmp(json_str(saved, "fingerprint", ""), json_str(now, "fingerprint", "?")) == 0)
    return 0;
  if (strcmp(project, new_project) != 0)
    return err_set(err, ERR_CONFLICT, "the saved plan is of project %s, not of %s", project, new_project);
  if (add_services(&what, old_services, new_services, false, &count, err) < 0 ||
      add_services(&what, new_services, old_services, true, &count, err) < 0)
    return -1;
  if (count == 0)
    return err_set(err, ERR_CONFLICT,
                   "the engines or the files have changed since the plan was saved: containers, "
                   "images or details of the files are others; make a new plan");
  if (count > NAMED_SERVICES && buf_printf(&what, err, " and %zu more", count - NAMED_SERVICES) < 0)
    return -1;
  return err_set(err, ERR_CONFLICT,
                 "the engines or the files have changed since the plan was saved: %s; make a new plan",
                 buf_text(&what));
}

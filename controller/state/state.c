#include "controller/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/state/db.h"
#include "controller/state/lock.h"

/* mkdir -p, everything that is made 0700. */
static int make_folder(const char *dir, struct err *err) {
  CLEANUP_FREE char *path = strdup(dir);
  if (!path)
    return err_no_memory(err);
  struct stat st;
  if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
    return 0;
  for (char *p = path + 1; *p; p++) {
    if (*p != '/')
      continue;
    *p = '\0';
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
      return err_set_errno(err, errno, "state folder %s", path);
    *p = '/';
  }
  if (mkdir(path, 0700) == 0)
    return 0;
  int code = errno;
  if (code == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
    return 0;
  return err_set_errno(err, code == EEXIST ? ENOTDIR : code, "state folder %s", dir);
}

/* The new database's name must outlive a power cut too. */
static int sync_folder(const char *dir, struct err *err) {
  CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) < 0)
    return err_set_errno(err, errno, "state folder %s", dir);
  return 0;
}

static int open_write(struct state *s, const char *command, struct err *err) {
  if (make_folder(s->dir, err) < 0 || lock_take(s->dir, command, &s->lock_fd, err) < 0)
    return -1;
  bool is_new = access(s->path, F_OK) < 0;
  if (db_open_write(s->path, &s->db, err) < 0)
    return -1;
  return is_new ? sync_folder(s->dir, err) : 0;
}

int state_open(const char *dir, enum state_access access, const char *command, struct state **ret_state,
               struct err *err) {
  struct state *s = calloc(1, sizeof(*s));
  if (!s)
    return err_no_memory(err);
  s->access = access;
  s->lock_fd = -1;
  s->dir = strdup(dir);
  if (asprintf(&s->path, "%s/state.db", dir) < 0)
    s->path = NULL;
  int rc = s->dir && s->path ? 0 : err_no_memory(err);
  if (rc == 0)
    rc = access == STATE_WRITE ? open_write(s, command, err) : db_open_read(s->path, &s->db, err);
  if (rc < 0) {
    state_close(s);
    return -1;
  }
  *ret_state = s;
  return 0;
}

void state_close(struct state *s) {
  if (!s)
    return;
  db_close(s->db);
  lock_drop(s->lock_fd);
  free(s->dir);
  free(s->path);
  free(s);
}

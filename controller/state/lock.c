#include "controller/state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/base/json.h"
#include "controller/state/holder.h"

enum { LINE_BYTES = 2048 };

/* The file holds one line, the holder's JSON. */
static int write_holder(int fd, const char *dir, const char *command, struct err *err) {
  struct holder self;
  holder_self(command, dir, &self);
  CLEANUP_JSON cJSON *json = holder_json(&self);
  CLEANUP_FREE char *text = json ? json_text(json) : NULL;
  char line[LINE_BYTES];
  int len = text ? snprintf(line, sizeof(line), "%s\n", text) : -1;
  if (len < 0)
    return err_no_memory(err);
  if (len >= LINE_BYTES)
    return err_set(err, ERR_INTERNAL, "state lock: a holder's line of %d bytes", len);
  if (pwrite(fd, line, (size_t)len, 0) != len || ftruncate(fd, len) < 0)
    return err_set_errno(err, errno ? errno : ENOSPC, "state lock");
  return 0;
}

/* False when the line is not there (yet), or is of a holder that has died since. */
static bool read_holder(int fd, struct holder *ret) {
  CLEANUP_JSON cJSON *json = NULL;
  char line[LINE_BYTES];
  ssize_t n = pread(fd, line, sizeof(line), 0);
  return n > 1 && json_parse(line, (size_t)n - 1, &json, NULL) == 0 && holder_parse(json, ret) && holder_life(ret) != HOLDER_ENDED;
}

static int locked_by(int fd, struct err *err) {
  struct holder holder = {0};
  char text[300];
  if (!read_holder(fd, &holder))
    return err_set(err, ERR_LOCKED, "locked by another tandem that has just started");
  holder_text(&holder, text, sizeof(text));
  return err_set(err, ERR_LOCKED, "locked by %s", text);
}

int lock_take(const char *dir, const char *command, int *ret_fd, struct err *err) {
  CLEANUP_FREE char *path = NULL;
  if (asprintf(&path, "%s/lock", dir) < 0) {
    path = NULL;
    return err_no_memory(err);
  }
  CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return err_set_errno(err, errno, "state lock %s", path);
  while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK)
      return locked_by(fd, err);
    if (errno != EINTR)
      return err_set_errno(err, errno, "state lock %s", path);
  }
  if (write_holder(fd, dir, command, err) < 0)
    return err_wrap(err, "%s", path);
  *ret_fd = fd;
  fd = -1;
  return 0;
}

void lock_drop(int fd) {
  if (fd < 0)
    return;
  if (ftruncate(fd, 0) < 0) {
    /* the line stays; nobody reads it while the lock is free */
  }
  close(fd);
}

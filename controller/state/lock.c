#include "controller/state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* What the file's line holds: `PID SINCE HOST COMMAND`, SINCE in seconds since 1970. */
struct holder {
  long pid;
  long long since;
  char host[65];
  char command[128];
};

static void own_host(char ret_host[65]) {
  if (gethostname(ret_host, 65) < 0 || !*ret_host || strpbrk(ret_host, " \t\n"))
    strcpy(ret_host, "localhost");
  ret_host[64] = '\0';
}

static int write_holder(int fd, const char *command, struct err *err) {
  char host[65], line[256];
  own_host(host);
  int len = snprintf(line, sizeof(line), "%ld %lld %s %.120s\n", (long)getpid(), (long long)time(NULL), host, command);
  if (pwrite(fd, line, (size_t)len, 0) != len || ftruncate(fd, len) < 0)
    return err_set_errno(err, errno ? errno : ENOSPC, "state lock");
  return 0;
}

/* False when the line is not there (yet), or is of a holder that has died since. */
static bool read_holder(int fd, struct holder *ret) {
  char line[256], host[65];
  ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
  if (n <= 0)
    return false;
  line[n] = '\0';
  line[strcspn(line, "\n")] = '\0';
  if (sscanf(line, "%ld %lld %64s %127[^\n]", &ret->pid, &ret->since, ret->host, ret->command) != 4)
    return false;
  own_host(host);
  return strcmp(host, ret->host) != 0 || kill((pid_t)ret->pid, 0) == 0 || errno != ESRCH;
}

/* 12:00:03, with the date in front when it was another day. */
static void since_text(long long since, char *ret_text, size_t size) {
  time_t then = (time_t)since, now = time(NULL);
  struct tm a = {0}, b = {0};
  localtime_r(&then, &a);
  localtime_r(&now, &b);
  bool today = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
  strftime(ret_text, size, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &a);
}

static int locked_by(int fd, struct err *err) {
  struct holder holder = {0};
  char since[32], host[65];
  if (!read_holder(fd, &holder))
    return err_set(err, ERR_LOCKED, "locked by another tandem that has just started");
  since_text(holder.since, since, sizeof(since));
  own_host(host);
  bool here = strcmp(host, holder.host) == 0;
  return err_set(err, ERR_LOCKED, "locked by tandem %s (pid %ld%s%s) since %s", holder.command, holder.pid,
                 here ? "" : " on ", here ? "" : holder.host, since);
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
  if (write_holder(fd, command, err) < 0)
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

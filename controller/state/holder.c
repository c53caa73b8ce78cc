#include "controller/state/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/base/json.h"

static void own_host(char ret_host[65]) {
  if (gethostname(ret_host, 65) < 0 || !*ret_host)
    strcpy(ret_host, "localhost");
  ret_host[64] = '\0';
}

/* The file's first bytes; "" when it cannot be read. */
static void read_text(const char *path, char *ret, size_t size) {
  CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
  ret[n > 0 ? n : 0] = '\0';
}

static void own_boot(char ret_boot[40]) {
  read_text("/proc/sys/kernel/random/boot_id", ret_boot, 40);
  ret_boot[strcspn(ret_boot, "\n")] = '\0';
}

static int64_t own_namespace(void) {
  struct stat st;
  return stat("/proc/self/ns/pid", &st) == 0 ? (int64_t)st.st_ino : 0;
}

/* A process's state letter and start, fields 3 and 22 of /proc/PID/stat (proc(5)). 0 when there is no such process.
 * The name before them may hold anything. */
static int64_t start_of(int64_t pid, char *ret_state) {
  char path[40], text[1024];
  snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
  read_text(path, text, sizeof(text));
  char *p = strrchr(text, ')');
  *ret_state = p && p[1] == ' ' ? p[2] : '?';
  for (int field = 2; p && field < 22; field++)
    p = strchr(p + 1, ' ');
  return p ? strtoll(p + 1, NULL, 10) : 0;
}

void holder_self(const char *command, const char *state_dir, struct holder *ret) {
  char state;
  *ret = (struct holder){
      .pid = getpid(), .started = start_of(getpid(), &state), .namespace = own_namespace(), .since_s = time(NULL)};
  own_host(ret->host);
  own_boot(ret->boot);
  snprintf(ret->command, sizeof(ret->command), "%s", command ? command : "");
  CLEANUP_FREE char *path = state_dir ? realpath(state_dir, NULL) : NULL;
  snprintf(ret->state_dir, sizeof(ret->state_dir), "%s", path ? path : state_dir ? state_dir : "");
}

cJSON *holder_json(const struct holder *h) {
  cJSON *json = cJSON_CreateObject();
  if (json && json_put_int(json, "pid", h->pid) && json_put_int(json, "started", h->started) &&
      json_put_int(json, "namespace", h->namespace) && json_put_int(json, "since", h->since_s) &&
      json_put_str(json, "host", h->host) && json_put_str(json, "boot", h->boot) &&
      json_put_str(json, "command", h->command) && json_put_str(json, "state", h->state_dir))
    return json;
  cJSON_Delete(json);
  return NULL;
}

bool holder_parse(const cJSON *json, struct holder *ret) {
  struct holder h = {.pid = json_int(json, "pid", 0),
                     .started = json_int(json, "started", 0),
                     .namespace = json_int(json, "namespace", 0),
                     .since_s = json_int(json, "since", 0)};
  if (h.pid <= 0)
    return false;
  snprintf(h.host, sizeof(h.host), "%s", json_str(json, "host", "?"));
  snprintf(h.boot, sizeof(h.boot), "%s", json_str(json, "boot", ""));
  snprintf(h.command, sizeof(h.command), "%s", json_str(json, "command", "?"));
  snprintf(h.state_dir, sizeof(h.state_dir), "%s", json_str(json, "state", ""));
  *ret = h;
  return true;
}

enum holder_life holder_life(const struct holder *h) {
  char boot[40], state;
  own_boot(boot);
  if (!*boot || strcmp(boot, h->boot) != 0 || h->namespace != own_namespace())
    return HOLDER_UNSURE;
  if (kill((pid_t)h->pid, 0) < 0 && errno == ESRCH)
    return HOLDER_ENDED;
  int64_t started = start_of(h->pid, &state);
  if (started && h->started && started != h->started)
    return HOLDER_ENDED;
  if (!started || !h->started)
    return HOLDER_UNSURE;
  return state == 'Z' || state == 'X' ? HOLDER_ENDED : strchr("Tt", state) ? HOLDER_UNSURE : HOLDER_RUNS;
}

bool holder_is_self(const struct holder *h) {
  return h->pid == getpid() && holder_life(h) == HOLDER_RUNS;
}

/* 12:00:03, with the date in front when it was another day. */
static void since_text(int64_t since_s, char *out, size_t size) {
  time_t then = (time_t)since_s, now = time(NULL);
  struct tm a = {0}, b = {0};
  localtime_r(&then, &a);
  localtime_r(&now, &b);
  bool today = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
  strftime(out, size, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &a);
}

void holder_text(const struct holder *h, char *out, size_t size) {
  char since[32], host[65];
  own_host(host);
  bool here = strcmp(host, h->host) == 0;
  since_text(h->since_s, since, sizeof(since));
  snprintf(out, size, "tandem %s (pid %lld%s%s) since %s", h->command, (long long)h->pid, here ? "" : " on ",
           here ? "" : h->host, since);
}

/* A scripted engine for faults that a real one cannot be made to show: a thread that listens on a Unix socket and,
 * for each request, lets the script write what it wants to the connection. */
#ifndef TANDEM_TEST_FAKE_ENGINE_H
#define TANDEM_TEST_FAKE_ENGINE_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fake;
/* One request; its body has been read unless the script said keep_body. nth counts requests of the fake from 1.
 * Returns true to keep the connection open for another request. */
typedef bool fake_script(struct fake *fake, int fd, const char *method, const char *path, int nth);

struct fake {
  char dir[64];
  char endpoint[128];
  int listener;
  pthread_t thread;
  fake_script *script;
  bool keep_body; /* the script reads the body by itself */
  atomic_int requests, posts, connections, busy, most_busy;
  atomic_ulong body_bytes;
  atomic_bool stop;
  atomic_int live; /* connection threads */
  atomic_int gate; /* for scripts that wait for the test: see fake_await() */
};

struct fake_connection {
  struct fake *fake;
  int fd;
};

static inline void fake_write(int fd, const char *text, size_t len) {
  while (len) {
    ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
    if (n <= 0)
      return;
    text += n;
    len -= (size_t)n;
  }
}

static inline void fake_say(int fd, const char *text) {
  fake_write(fd, text, strlen(text));
}

static inline void fake_reply(int fd, int status, const char *type, const char *body) {
  char head[300];
  snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nApi-Version: 1.41\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
           status, type, strlen(body));
  fake_say(fd, head);
  fake_say(fd, body);
}

/* Answers what engine_open() asks. True when it was one of these. */
static inline bool fake_open(int fd, const char *path) {
  if (strcmp(path, "/_ping") == 0)
    fake_reply(fd, 200, "text/plain", "OK");
  else if (strcmp(path, "/version") == 0)
    fake_reply(fd, 200, "application/json",
               "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}");
  else if (strcmp(path, "/v1.41/info") == 0)
    fake_reply(fd, 200, "application/json", "{\"NCPU\":2,\"ID\":\"fake\"}");
  else
    return false;
  return true;
}

/* Waits until the test raises the gate to n, the fake stops, or the client hangs up (false). */
static inline bool fake_await(struct fake *fake, int fd, int n) {
  while (atomic_load(&fake->gate) < n) {
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    if (atomic_load(&fake->stop) || (poll(&p, 1, 1) == 1 && p.revents & (POLLRDHUP | POLLHUP)))
      return false;
  }
  return true;
}

/* Reads a head into buf; bytes after it stay counted in *ret_extra. False at the end of the connection. */
static inline bool fake_read_head(int fd, char *buf, size_t size, size_t *ret_len, size_t *ret_extra) {
  size_t len = 0;
  char *end;
  do {
    ssize_t n = len + 1 < size ? recv(fd, buf + len, size - 1 - len, 0) : 0;
    if (n <= 0)
      return false;
    len += (size_t)n;
    buf[len] = '\0';
  } while (!(end = strstr(buf, "\r\n\r\n")));
  *ret_len = (size_t)(end + 4 - buf);
  *ret_extra = len - *ret_len;
  return true;
}

static inline void fake_read_body(struct fake *fake, int fd, const char *head, size_t head_len, size_t extra) {
  char piece[65536];
  const char *length = strstr(head, "Content-Length: ");
  bool chunked = strstr(head, "Transfer-Encoding: chunked") != NULL;
  size_t left = length ? strtoul(length + 16, NULL, 10) : 0;
  char last[5] = "";
  if (extra >= 5)
    memcpy(last, head + head_len + extra - 5, 5);
  atomic_fetch_add(&fake->body_bytes, extra);
  left -= extra < left ? extra : left;
  while (left || (chunked && memcmp(last, "0\r\n\r\n", 5) != 0)) {
    ssize_t n = recv(fd, piece, sizeof(piece), 0);
    if (n <= 0)
      return;
    atomic_fetch_add(&fake->body_bytes, (unsigned long)n);
    left -= (size_t)n < left ? (size_t)n : left;
    size_t keep = n >= 5 ? 0 : 5 - (size_t)n;
    memmove(last, last + 5 - keep, keep);
    memcpy(last + keep, piece + ((size_t)n - (5 - keep)), 5 - keep);
  }
}

static inline bool fake_one(struct fake *fake, int fd) {
  char head[16384], method[16] = "", path[8192] = "";
  size_t head_len, extra;
  if (!fake_read_head(fd, head, sizeof(head), &head_len, &extra))
    return false;
  sscanf(head, "%15s %8191s", method, path);
  int nth = atomic_fetch_add(&fake->requests, 1) + 1;
  if (strcmp(method, "GET") != 0)
    atomic_fetch_add(&fake->posts, 1);
  if (!fake->keep_body)
    fake_read_body(fake, fd, head, head_len, extra);
  int busy = atomic_fetch_add(&fake->busy, 1) + 1;
  for (int most = atomic_load(&fake->most_busy); busy > most;)
    if (atomic_compare_exchange_weak(&fake->most_busy, &most, busy))
      break;
  bool keep = fake->script(fake, fd, method, path, nth);
  atomic_fetch_sub(&fake->busy, 1);
  return keep;
}

static inline void *fake_serve(void *arg) {
  struct fake_connection *c = arg;
  struct fake *fake = c->fake;
  while (!atomic_load(&fake->stop) && fake_one(fake, c->fd))
    continue;
  close(c->fd);
  free(c);
  atomic_fetch_sub(&fake->live, 1);
  return NULL;
}

static inline void *fake_accept(void *arg) {
  struct fake *fake = arg;
  int fd;
  while ((fd = accept(fake->listener, NULL, NULL)) >= 0 && !atomic_load(&fake->stop)) {
    struct fake_connection *c = malloc(sizeof(*c));
    struct timeval limit = {.tv_sec = 5};
    pthread_t thread;
    *c = (struct fake_connection){fake, fd};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    atomic_fetch_add(&fake->connections, 1);
    atomic_fetch_add(&fake->live, 1);
    pthread_create(&thread, NULL, fake_serve, c);
    pthread_detach(thread);
  }
  if (fd >= 0)
    close(fd);
  return NULL;
}

static inline void fake_start(struct fake *fake, fake_script *script) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  memset(fake, 0, sizeof(*fake));
  fake->script = script;
  strcpy(fake->dir, "/tmp/tandem-fake-XXXXXX");
  if (!mkdtemp(fake->dir))
    abort();
  snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", fake->dir);
  snprintf(fake->endpoint, sizeof(fake->endpoint), "unix://%s", addr.sun_path);
  fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(fake->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fake->listener, 64) < 0)
    abort();
  pthread_create(&fake->thread, NULL, fake_accept, fake);
}

/* After the client has closed its connections. */
static inline void fake_stop(struct fake *fake) {
  char path[80];
  atomic_store(&fake->stop, true);
  shutdown(fake->listener, SHUT_RDWR);
  pthread_join(fake->thread, NULL);
  close(fake->listener);
  while (atomic_load(&fake->live))
    poll(NULL, 0, 1);
  snprintf(path, sizeof(path), "%s/s", fake->dir);
  unlink(path);
  rmdir(fake->dir);
}

#endif

/* A proxy in front of one engine's Unix socket that fails one changing call in a chosen way. One thread per connection;
 * a client of api/http sends each changing call on a connection of its own, first. */
#ifndef TANDEM_TEST_FAULT_PROXY_H
#define TANDEM_TEST_FAULT_PROXY_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* X(identifier, what it is called) */
#define PROXY_WAYS(X) \
  X(REFUSED, "hung up unread, then refused for 300 ms") \
  X(RESET, "reset before it was forwarded") \
  X(REPLY_LOST, "applied, the reply lost") \
  X(ERROR_500, "answered 500") \
  X(TRUNCATED, "applied, the reply cut short") \
  X(BYTE_BY_BYTE, "the reply byte by byte") \
  X(HANGING, "no answer") \
  X(HANGING_APPLIED, "applied, no answer") \
  X(LATE, "no answer, applied after all later") \
  X(STREAM_ERROR, "200 with errorDetail")

enum proxy_way {
#define PROXY_ENUM(id, text) PROXY_##id,
  PROXY_WAYS(PROXY_ENUM)
#undef PROXY_ENUM
      PROXY_WAY_COUNT
};

enum { PROXY_HEAD = 16384, PROXY_REFUSE_MS = 300, PROXY_TICK_MS = 50, PROXY_HANG_MS = 7000, PROXY_LATE_MS = 400 };

struct proxy {
  char dir[64], path[100], upstream[100];
  int listener;
  pthread_t thread;
  atomic_int live; /* connections */
  atomic_bool stop, refuse;
  atomic_int at; /* the changing call to fail, from 1; 0 none */
  atomic_int way, seen;
  atomic_bool hit;
  const char *only; /* counts calls whose path has this; NULL: all. Set when nothing is under way */
  char note[200]; /* of the call that was failed; read when nothing is under way */
};

struct proxy_connection {
  struct proxy *proxy;
  int client, engine;
};

/* One message: its head, and what of the body came with it or was read later. */
struct proxy_message {
  char *data;
  size_t len, head_len;
};

static inline const char *proxy_way_name(enum proxy_way way) {
  static const char *const names[] = {
#define PROXY_NAME(id, text) text,
      PROXY_WAYS(PROXY_NAME)
#undef PROXY_NAME
  };
  return names[way];
}

static inline bool proxy_send(int fd, const char *data, size_t len) {
  while (len) {
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    data += n;
    len -= (size_t)n;
  }
  return true;
}

static inline int proxy_connect(const char *path) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
    return fd;
  close(fd);
  return -1;
}

static inline bool proxy_readable(struct proxy *p, int fd) {
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  while (!atomic_load(&p->stop))
    if (poll(&poller, 1, PROXY_TICK_MS) > 0)
      return true;
  return false;
}

static inline bool proxy_more(struct proxy *p, int fd, struct proxy_message *m) {
  char *data = realloc(m->data, m->len + 65536 + 1);
  if (!data || !(m->data = data) || !proxy_readable(p, fd))
    return false;
  ssize_t n = recv(fd, m->data + m->len, 65536, 0);
  if (n <= 0)
    return false;
  m->len += (size_t)n;
  m->data[m->len] = '\0';
  return true;
}

static inline bool proxy_read_head(struct proxy *p, int fd, struct proxy_message *m) {
  char *end = NULL;
  while (!m->data || !(end = strstr(m->data, "\r\n\r\n")))
    if (m->len > PROXY_HEAD || !proxy_more(p, fd, m))
      return false;
  m->head_len = (size_t)(end + 4 - m->data);
  return true;
}

/* The rest of a message whose head is there. */
static inline bool proxy_read_body(struct proxy *p, int fd, struct proxy_message *m) {
  char *length = strcasestr(m->data, "\r\nContent-Length: ");
  bool chunked = strcasestr(m->data, "\r\nTransfer-Encoding: chunked") != NULL;
  if (chunked) {
    while (m->len - m->head_len < 5 || memcmp(m->data + m->len - 5, "0\r\n\r\n", 5) != 0)
      if (!proxy_more(p, fd, m))
        return false;
    return true;
  }
  size_t want = m->head_len + (length && length < m->data + m->head_len ? strtoul(length + 18, NULL, 10) : 0);
  while (m->len < want)
    if (!proxy_more(p, fd, m))
      return false;
  return true;
}

/* Bytes both ways until either side ends. */
static inline void proxy_pipe(struct proxy *p, int a, int b) {
  char piece[65536];
  struct pollfd fds[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
  while (!atomic_load(&p->stop)) {
    if (poll(fds, 2, PROXY_TICK_MS) <= 0)
      continue;
    for (int i = 0; i < 2; i++) {
      if (!fds[i].revents)
        continue;
      ssize_t n = recv(fds[i].fd, piece, sizeof(piece), 0);
      if (n <= 0 || !proxy_send(fds[1 - i].fd, piece, (size_t)n))
        return;
    }
  }
}

/* Until the client hangs up, or long enough. */
static inline void proxy_hang(struct proxy *p, int client) {
  struct pollfd poller = {.fd = client, .events = POLLRDHUP};
  for (int ms = 0; ms < PROXY_HANG_MS && !atomic_load(&p->stop); ms += PROXY_TICK_MS)
    if (poll(&poller, 1, PROXY_TICK_MS) > 0)
      return;
}

static inline bool proxy_is_stream(const char *head) {
  return strstr(head, "/build") || strstr(head, "/images/create") || strstr(head, "/images/load");
}

static inline void proxy_say(int client, const char *status, const char *body) {
  char text[400];
  snprintf(text, sizeof(text),
           "HTTP/1.1 %s\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
           strlen(body), body);
  proxy_send(client, text, strlen(text));
}

/* The reply's JSON cut in half, its length told truly; without a body the head is cut. */
static inline void proxy_send_half(int client, const struct proxy_message *reply) {
  size_t body = reply->len - reply->head_len;
  char head[200];
  if (body == 0) {
    proxy_send(client, reply->data, reply->head_len / 2);
    return;
  }
  snprintf(head, sizeof(head), "%.*s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
           (int)strcspn(reply->data, "\r"), reply->data, body / 2);
  proxy_send(client, head, strlen(head));
  proxy_send(client, reply->data + reply->head_len, body / 2);
}

/* Fails the call; the connection ends after it, but for a reply that came through byte by byte. */
static inline void proxy_fail(struct proxy_connection *c, enum proxy_way way, struct proxy_message *request) {
  struct proxy *p = c->proxy;
  struct proxy_message reply = {0};
  if (way == PROXY_REFUSED) {
    atomic_store(&p->refuse, true);
    return;
  }
  if (!proxy_read_body(p, c->client, request) || way == PROXY_RESET)
    return;
  if (way == PROXY_ERROR_500)
    proxy_say(c->client, "500 Internal Server Error", "{\"message\":\"the proxy fails this call\"}");
  else if (way == PROXY_STREAM_ERROR)
    proxy_say(c->client, "200 OK",
              "{\"errorDetail\":{\"message\":\"the proxy fails this stream\"},\"error\":\"the proxy fails this stream\"}");
  else if (way == PROXY_HANGING || way == PROXY_LATE)
    proxy_hang(p, c->client);
  if (way == PROXY_LATE) { /* the client is told by now, and has looked */
    shutdown(c->client, SHUT_RDWR);
    poll(NULL, 0, PROXY_LATE_MS);
  }
  if (way == PROXY_ERROR_500 || way == PROXY_STREAM_ERROR || way == PROXY_HANGING)
    return;
  if (proxy_send(c->engine, request->data, request->len) && proxy_read_head(p, c->engine, &reply) &&
      proxy_read_body(p, c->engine, &reply)) {
    if (way == PROXY_TRUNCATED)
      proxy_send_half(c->client, &reply);
    else if (way == PROXY_HANGING_APPLIED)
      proxy_hang(p, c->client);
    for (size_t i = 0; way == PROXY_BYTE_BY_BYTE && i < reply.len; i++)
      if (!proxy_send(c->client, reply.data + i, 1))
        break;
    if (way == PROXY_BYTE_BY_BYTE)
      proxy_pipe(p, c->client, c->engine);
  }
  free(reply.data);
}

/* Is it the call to fail? Health probes by exec are not counted: when they come is chance. */
static inline bool proxy_is_it(struct proxy *p, const char *head, enum proxy_way *ret_way) {
  bool reads = strncmp(head, "GET ", 4) == 0 || strncmp(head, "HEAD ", 5) == 0;
  *ret_way = (enum proxy_way)atomic_load(&p->way);
  if (reads || strstr(head, "/exec") || (p->only && !strstr(head, p->only)) || (*ret_way == PROXY_STREAM_ERROR && !proxy_is_stream(head)) ||
      atomic_fetch_add(&p->seen, 1) + 1 != atomic_load(&p->at))
    return false;
  snprintf(p->note, sizeof(p->note), "%.*s", (int)strcspn(head, "\r"), head);
  atomic_store(&p->hit, true);
  return true;
}

static inline void *proxy_serve(void *arg) {
  struct proxy_connection *c = arg;
  struct proxy *p = c->proxy;
  struct proxy_message request = {0};
  enum proxy_way way;
  c->engine = proxy_connect(p->upstream);
  if (c->engine >= 0 && proxy_read_head(p, c->client, &request)) {
    char *end = strstr(request.data, "\r\n");
    char first[300];
    snprintf(first, sizeof(first), "%.*s\r", (int)(end - request.data), request.data);
    if (proxy_is_it(p, first, &way))
      proxy_fail(c, way, &request);
    else if (proxy_send(c->engine, request.data, request.len))
      proxy_pipe(p, c->client, c->engine);
  }
  free(request.data);
  close(c->client);
  if (c->engine >= 0)
    close(c->engine);
  free(c);
  atomic_fetch_sub(&p->live, 1);
  return NULL;
}

static inline void proxy_listen(struct proxy *p) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  strncpy(addr.sun_path, p->path, sizeof(addr.sun_path) - 1);
  unlink(p->path);
  p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(p->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(p->listener, 64) < 0)
    abort();
}

/* The file of the socket stays, so that connecting is refused and not "no such file". */
static inline void proxy_refuse(struct proxy *p) {
  close(p->listener);
  poll(NULL, 0, PROXY_REFUSE_MS);
  atomic_store(&p->refuse, false);
  proxy_listen(p);
}

static inline void *proxy_accept(void *arg) {
  struct proxy *p = arg;
  while (!atomic_load(&p->stop)) {
    struct pollfd poller = {.fd = p->listener, .events = POLLIN};
    if (atomic_load(&p->refuse))
      proxy_refuse(p);
    else if (poll(&poller, 1, 5) > 0) {
      struct proxy_connection *c = malloc(sizeof(*c));
      pthread_t thread;
      *c = (struct proxy_connection){p, accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), -1};
      atomic_fetch_add(&p->live, 1);
      if (pthread_create(&thread, NULL, proxy_serve, c) != 0)
        abort();
      pthread_detach(thread);
    }
  }
  return NULL;
}

static inline void proxy_start(struct proxy *p, const char *upstream) {
  memset(p, 0, sizeof(*p));
  snprintf(p->upstream, sizeof(p->upstream), "%s", upstream);
  strcpy(p->dir, "/tmp/tandem-proxy-XXXXXX");
  if (!mkdtemp(p->dir))
    abort();
  snprintf(p->path, sizeof(p->path), "%s/s", p->dir);
  proxy_listen(p);
  if (pthread_create(&p->thread, NULL, proxy_accept, p) != 0)
    abort();
}

/* The nth changing call from now on fails. */
static inline void proxy_arm(struct proxy *p, int nth, enum proxy_way way) {
  p->note[0] = '\0';
  atomic_store(&p->hit, false);
  atomic_store(&p->seen, 0);
  atomic_store(&p->way, (int)way);
  atomic_store(&p->at, nth);
}

static inline void proxy_stop(struct proxy *p) {
  atomic_store(&p->stop, true);
  pthread_join(p->thread, NULL);
  close(p->listener);
  while (atomic_load(&p->live))
    poll(NULL, 0, 1);
  unlink(p->path);
  rmdir(p->dir);
}

#endif

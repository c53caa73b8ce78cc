/* A small Docker Engine that only remembers (scripted_calls.h). It runs in a process of its own, so that what it
 * allocates is not the test's, and can go back to a state that it was told to keep. */
#ifndef TANDEM_TEST_FAULT_SCRIPTED_ENGINE_H
#define TANDEM_TEST_FAULT_SCRIPTED_ENGINE_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "test/fault/scripted_calls.h"

/* --- all of it --------------------------------------------------------------------------------------------------- */

static inline void scripted_empty(struct scripted_engine *e) {
  e->now = cJSON_Parse("{\"containers\":[],\"images\":[],\"networks\":[],\"volumes\":[]}");
  scripted_new_image(e, "busy:1", NULL);
}

/* The test's own requests: what is there, keep it, go back to it, begin anew. */
static inline bool scripted_control(struct scripted_call *c) {
  struct scripted_engine *e = c->engine;
  if (strcmp(c->path, "/_all") == 0) {
    scripted_json(c, 200, e->now);
    return true;
  }
  if (strcmp(c->path, "/_keep") == 0) {
    cJSON_Delete(e->kept);
    e->kept = cJSON_Duplicate(e->now, true);
  } else if (strcmp(c->path, "/_back") == 0) {
    cJSON_Delete(e->now);
    e->now = cJSON_Duplicate(e->kept, true);
  } else if (strcmp(c->path, "/_new") == 0) {
    cJSON_Delete(e->now);
    scripted_empty(e);
  } else {
    return false;
  }
  scripted_nothing(c, 200);
  return true;
}

/* True to keep the connection. */
static inline bool scripted_answer(struct scripted_call *c) {
  if (strncmp(c->path, "/exec/", 6) == 0) {
    if (strcmp(c->method, "POST") == 0)
      scripted_nothing(c, 200);
    else
      fake_reply(c->fd, 200, "application/json", "{\"ExitCode\":0,\"Running\":false}");
    return true;
  }
  pthread_mutex_lock(&c->engine->mutex);
  bool known = true;
  if (strcmp(c->path, "/containers/json") == 0)
    scripted_containers(c);
  else if (strcmp(c->path, "/containers/create") == 0)
    scripted_create(c);
  else if (strcmp(c->path, "/build") == 0)
    scripted_build(c);
  else
    known = scripted_control(c) || scripted_container(c) || scripted_images(c) || scripted_resource(c, "networks") ||
            scripted_resource(c, "volumes");
  if (!known)
    scripted_say(c, 501, "message", "the scripted engine does not know this call");
  pthread_mutex_unlock(&c->engine->mutex);
  return true;
}

/* Reads what is left of len bytes after the `have` that came with the head; a chunked body is read to its end and
 * dropped (a tar). */
static inline char *scripted_body(int fd, const char *head, const char *begin, size_t have) {
  const char *length = strcasestr(head, "\r\nContent-Length: ");
  size_t len = length ? strtoul(length + 18, NULL, 10) : 0;
  char *body = len < SCRIPTED_BODY ? calloc(1, len + 1) : NULL;
  if (!body)
    return NULL;
  memcpy(body, begin, have < len ? have : len);
  for (size_t n = have; n < len;) {
    ssize_t got = recv(fd, body + n, len - n, 0);
    if (got <= 0) {
      free(body);
      return NULL;
    }
    n += (size_t)got;
  }
  return body;
}

static inline bool scripted_one(struct scripted_engine *e, int fd) {
  struct scripted_call c = {.engine = e, .fd = fd};
  static const char events[] = "HTTP/1.1 200 X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  char head[16384], target[SCRIPTED_PATH * 3] = "";
  size_t head_len, extra;
  if (!fake_read_head(fd, head, sizeof(head), &head_len, &extra))
    return false;
  char *begin = head + head_len;
  CLEANUP_FREE char *rest = malloc(extra + 1);
  if (!rest)
    return false;
  memcpy(rest, begin, extra);
  *begin = '\0';
  CLEANUP_FREE char *body = scripted_body(fd, head, rest, extra);
  if (!body || sscanf(head, "%7s %12287s", c.method, target) != 2)
    return false;
  if (fake_open(fd, target))
    return true;
  char *query = strchr(target, '?');
  snprintf(c.query, sizeof(c.query), "%.*s", (int)sizeof(c.query) - 1, query ? query + 1 : "");
  if (query)
    *query = '\0';
  snprintf(c.path, sizeof(c.path), "%.*s", (int)sizeof(c.path) - 1, strncmp(target, "/v1.41", 6) ? target : target + 6);
  if (strcmp(c.path, "/events") == 0) { /* silence, until the client hangs up */
    fake_say(fd, events);
    return recv(fd, head, 1, 0) > 0;
  }
  c.body = *body == '{' ? cJSON_Parse(body) : NULL;
  bool keep = scripted_answer(&c);
  cJSON_Delete(c.body);
  return keep;
}

struct scripted_connection {
  struct scripted_engine *engine;
  int fd;
};

static inline void *scripted_serve(void *arg) {
  struct scripted_connection *c = arg;
  while (scripted_one(c->engine, c->fd))
    continue;
  close(c->fd);
  free(c);
  return NULL;
}

static inline void scripted_run(struct scripted_engine *e) {
  int fd;
  scripted_empty(e);
  while ((fd = accept(e->listener, NULL, NULL)) >= 0) {
    struct scripted_connection *c = malloc(sizeof(*c));
    pthread_t thread;
    if (!c)
      _exit(1);
    *c = (struct scripted_connection){e, fd};
    if (pthread_create(&thread, NULL, scripted_serve, c) != 0)
      _exit(1);
    pthread_detach(thread);
  }
  _exit(1);
}

static inline void scripted_begin(struct scripted_engine *e, const char *dir) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  memset(e, 0, sizeof(*e));
  pthread_mutex_init(&e->mutex, NULL);
  snprintf(e->socket, sizeof(e->socket), "%.60s/engine.sock", dir);
  snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", e->socket);
  e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(e->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(e->listener, 64) < 0)
    abort();
  fflush(NULL);
  e->pid = fork();
  if (e->pid < 0)
    abort();
  if (e->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    scripted_run(e);
  }
  close(e->listener);
}

static inline void scripted_end(struct scripted_engine *e) {
  kill(e->pid, SIGKILL);
  waitpid(e->pid, NULL, 0);
}

/* One request of the test; the answer's body, which the caller frees. */
static inline char *scripted_ask(const struct scripted_engine *e, const char *path) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  char head[16384], request[100];
  size_t head_len, extra;
  snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", e->socket);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
    abort();
  snprintf(request, sizeof(request), "GET /v1.41%s HTTP/1.1\r\n\r\n", path);
  fake_say(fd, request);
  if (!fake_read_head(fd, head, sizeof(head), &head_len, &extra))
    abort();
  CLEANUP_FREE char *rest = malloc(extra + 1);
  memcpy(rest, head + head_len, extra);
  head[head_len] = '\0';
  char *body = scripted_body(fd, head, rest, extra);
  close(fd);
  return body;
}

#endif

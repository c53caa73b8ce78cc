/* logs and version: streams and facts over all machines. */
#include <stdio.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/daemon/session_private.h"

enum { LINE_LIMIT = 64 * 1024 };

struct log_stream {
  struct logging *logging;
  const char *machine, *service;
  struct buf part[2]; /* of stdout and stderr: the line that has not ended yet */
  struct engine_call *call;
};

struct logging {
  session_line_cb *line_cb;
  void *arg;
  struct log_stream *streams;
  size_t count, open;
  bool done;
  struct err err;
};

static void give_line(struct log_stream *s, int stream, struct buf *part, size_t length) {
  char *line = part->data;
  char ended = line[length];
  line[length] = '\0';
  if (length && line[length - 1] == '\r')
    line[length - 1] = '\0';
  s->logging->line_cb(s->logging->arg, s->machine, s->service, stream, line);
  line[length] = ended;
}

static void on_output(void *arg, int stream, const char *data, size_t len) {
  struct log_stream *s = arg;
  struct buf *part = &s->part[stream == 2];
  while (len) {
    const char *end = memchr(data, '\n', len);
    size_t n = end ? (size_t)(end - data) : len;
    if (part->len + n > LINE_LIMIT) {
      if (part->len)
        give_line(s, stream, part, part->len);
      buf_clear(part);
    }
    if (n > LINE_LIMIT)
      n = LINE_LIMIT;
    if (buf_append(part, data, n, NULL) < 0)
      return;
    data += n;
    len -= n;
    if (!end || data != end)
      continue;
    give_line(s, stream, part, part->len);
    buf_clear(part);
    data++;
    len--;
  }
}

static void stream_ended(void *arg, const struct engine_reply *reply, struct err *err) {
  struct log_stream *s = arg;
  struct logging *l = s->logging;
  for (int i = 0; i < 2; i++) {
    if (s->part[i].len)
      give_line(s, i + 1, &s->part[i], s->part[i].len);
    buf_release(&s->part[i]);
  }
  if (!reply && !l->err.kind)
    err_move(&l->err, err);
  if (--l->open == 0)
    l->done = true;
}

static bool wanted(const struct observed_container *c, const char *const *services, size_t count) {
  if (c->role != CONTAINER_LIVE)
    return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp(services[i], c->service) == 0)
      return true;
  return count == 0;
}

static size_t count_containers(const struct observed *o) {
  size_t n = 0;
  for (size_t i = 0; i < o->machine_count; i++)
    n += o->machines[i].container_count;
  return n;
}

static void open_stream(struct session *s, struct logging *l, const struct observed_machine *m,
                        const struct observed_container *c, const struct container_logs_options *options) {
  struct log_stream *stream = &l->streams[l->count++];
  *stream = (struct log_stream){.logging = l, .machine = m->name, .service = c->service};
  l->open++;
  bool tty = json_bool(json_get(c->inspect, "Config"), "Tty", false);
  stream->call = container_logs(machines_engine(&s->machines, m->name), c->id, tty, options, on_output, stream_ended,
                                stream);
}

int session_logs(struct session *s, const char *const *services, size_t count, bool follow, int tail,
                 session_line_cb *line_cb, void *arg, struct err *err) {
  const struct observed *o;
  struct container_logs_options options = {.follow = follow, .tail = tail};
  struct logging l = {.line_cb = line_cb, .arg = arg};
  const struct fleet *fleet;
  if (session_fleet(s, &fleet, err) < 0)
    return -1;
  for (size_t i = 0; i < count; i++)
    if (!fleet_service(fleet, services[i]))
      return err_set(err, ERR_INPUT, "there is no service %s in the files", services[i]);
  if (session_observe(s, &o, err) < 0)
    return -1;
  l.streams = calloc(count_containers(o) + 1, sizeof(*l.streams));
  if (!l.streams)
    return err_no_memory(err);
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++)
      if (wanted(&o->machines[i].containers[k], services, count))
        open_stream(s, &l, &o->machines[i], &o->machines[i].containers[k], &options);
  l.done = l.count == 0;
  session_await(s, &l.done);
  free(l.streams);
  return l.err.kind ? err_move(err, &l.err) : 0;
}

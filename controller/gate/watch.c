#include "controller/gate/watch.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/resource.h"

struct watch_subscription {
  struct watch *watch;
  struct watch_subscription *next;
  char id[65];
  bool gone; /* unsubscribed while events are given out */
  watch_cb *cb;
  void *arg;
};

struct stream {
  struct watch *watch;
  struct machine_link *link;
  struct engine_call *call;
  size_t machine;
  int failures; /* in a row */
  bool renewed; /* ended by us, to be opened again */
};

struct watch {
  struct log *log;
  cJSON *filters;
  struct stream *streams;
  size_t stream_count, open;
  struct watch_subscription *subscriptions;
  int giving_out;
  bool closing;
  void (*closed_cb)(void *arg);
  void *closed_arg;
};

static void sweep(struct watch *w) {
  for (struct watch_subscription **at = &w->subscriptions; *at;) {
    struct watch_subscription *s = *at;
    if (!s->gone) {
      at = &s->next;
      continue;
    }
    *at = s->next;
    free(s);
  }
}

static void on_event(void *arg, const cJSON *event) {
  struct stream *stream = arg;
  struct watch *w = stream->watch;
  const char *id = json_str(json_get(event, "Actor"), "ID", json_str(event, "id", ""));
  stream->failures = 0;
  w->giving_out++;
  for (struct watch_subscription *s = w->subscriptions; s; s = s->next)
    if (!s->gone && strcmp(s->id, id) == 0)
      s->cb(s->arg, event);
  if (--w->giving_out == 0)
    sweep(w);
}

static void finish(struct watch *w) {
  void (*cb)(void *arg) = w->closed_cb;
  void *arg = w->closed_arg;
  sweep(w);
  cJSON_Delete(w->filters);
  free(w->streams);
  free(w);
  cb(arg);
}

static void stream_open(struct stream *s);

static void stream_ended(void *arg, const struct engine_reply *reply, struct err *err) {
  struct stream *s = arg;
  struct watch *w = s->watch;
  (void)reply;
  s->call = NULL;
  w->open--;
  if (w->closing) {
    if (w->open == 0)
      finish(w);
    return;
  }
  if (!s->renewed)
    log_emit(w->log, LOG_ENGINE_LOST, LOG_FIELDS(.machine = s->link->name, .err = err), "the event stream ended");
  if (s->renewed || ++s->failures <= 3) /* later on the subscribers' own looking has to do */
    stream_open(s);
}

static void stream_open(struct stream *s) {
  s->renewed = false;
  s->watch->open++;
  s->call = engine_events(s->link->engine, s->watch->filters, NULL, on_event, stream_ended, s);
}

struct watch *watch_open(struct machines *machines, const char *project, struct log *log) {
  static const char *const events[] = {"die", "oom", "start", "stop", "destroy", "health_status"};
  struct watch *w = calloc(1, sizeof(*w));
  char label[300];
  snprintf(label, sizeof(label), "com.docker.compose.project=%s", project);
  const char *labels[] = {label}, *types[] = {"container"};
  if (!w)
    return NULL;
  w->log = log;
  w->filters = cJSON_CreateObject();
  w->streams = calloc(machines->count + 1, sizeof(*w->streams));
  if (!w->filters || !w->streams || !json_put(w->filters, "type", cJSON_CreateStringArray(types, 1)) ||
      !json_put(w->filters, "label", cJSON_CreateStringArray(labels, 1)) ||
      !json_put(w->filters, "event", cJSON_CreateStringArray(events, (int)COUNT_OF(events)))) {
    cJSON_Delete(w->filters);
    free(w->streams);
    free(w);
    return NULL;
  }
  for (size_t i = 0; i < machines->count; i++) {
    if (!machines->items[i].open)
      continue;
    struct stream *s = &w->streams[w->stream_count++];
    *s = (struct stream){.watch = w, .link = &machines->items[i], .machine = i};
    stream_open(s);
  }
  return w;
}

void watch_reopen(struct watch *w, size_t machine) {
  for (size_t i = 0; i < w->stream_count; i++) {
    struct stream *s = &w->streams[i];
    if (s->machine != machine)
      continue;
    s->failures = 0;
    s->renewed = s->call != NULL;
    if (s->call)
      engine_call_cancel(s->call);
    else
      stream_open(s);
  }
}

void watch_close(struct watch *w, void (*closed_cb)(void *arg), void *arg) {
  w->closing = true;
  w->closed_cb = closed_cb;
  w->closed_arg = arg;
  if (w->open == 0) {
    finish(w);
    return;
  }
  for (size_t i = 0; i < w->stream_count; i++)
    if (w->streams[i].call)
      engine_call_cancel(w->streams[i].call);
}

struct watch_subscription *watch_subscribe(struct watch *w, const char *container_id, watch_cb *cb, void *arg) {
  struct watch_subscription *s = calloc(1, sizeof(*s));
  if (!s)
    return NULL;
  snprintf(s->id, sizeof(s->id), "%s", container_id);
  s->watch = w;
  s->cb = cb;
  s->arg = arg;
  s->next = w->subscriptions;
  w->subscriptions = s;
  return s;
}

void watch_unsubscribe(struct watch_subscription *s) {
  if (!s)
    return;
  s->gone = true;
  if (!s->watch->giving_out)
    sweep(s->watch);
}

#include "api/engine/call.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "api/base/json.h"

#define REPLY_LIMIT_BYTES ((size_t)64 << 20)
#define ERROR_LIMIT_BYTES ((size_t)64 << 10)
#define RESERVED 64

struct leg {
  TAILQ_ENTRY(leg) entry;        /* in call->legs */
  TAILQ_ENTRY(leg) engine_entry; /* in engine->legs */
  TAILQ_ENTRY(leg) lane_entry;   /* in the lane's waiting list, while waiting */
  struct engine_call *call;
  struct engine *engine;
  leg_done *done;
  enum lane lane;
  struct leg_list *waits_in; /* NULL when it does not wait */
  bool fenced;               /* a changing request, sent only while the engine's fence is open */
  bool holds_slot;
  bool drop_body;
  bool reserved; /* goes back to engine->spare_legs */
  char *label;
  char *target;
  char *body;
  int64_t body_bytes;
  struct http_spec spec;
  struct http_handlers handlers;
  struct http_request *request; /* NULL while waiting */
  struct buf reply;
  int status;
  void *arg;
  void (*on_head)(void *arg, const struct http_head *head);
  int (*on_data)(void *arg, const void *data, size_t len, struct err *err);
  long (*on_read)(void *arg, void *data, size_t size, struct err *err);
};

int call_fill_reserve(struct engine *e, struct err *err) {
  for (int i = 0; i < RESERVED; i++) {
    struct engine_call *call = calloc(1, sizeof(*call));
    struct leg *leg = calloc(1, sizeof(*leg));
    if (!call || !leg) {
      free(call);
      free(leg);
      return err_no_memory(err);
    }
    call->reserved = leg->reserved = true;
    TAILQ_INSERT_TAIL(&e->spare_calls, call, entry);
    TAILQ_INSERT_TAIL(&e->spare_legs, leg, entry);
  }
  return 0;
}

void call_drop_reserve(struct engine *e) {
  struct engine_call *call;
  struct leg *leg;
  while ((call = TAILQ_FIRST(&e->spare_calls))) {
    TAILQ_REMOVE(&e->spare_calls, call, entry);
    free(call);
  }
  while ((leg = TAILQ_FIRST(&e->spare_legs))) {
    TAILQ_REMOVE(&e->spare_legs, leg, entry);
    free(leg);
  }
}

struct engine_call *call_new(struct engine *e, engine_cb *cb, void *arg) {
  struct engine_call *call = calloc(1, sizeof(*call));
  if (!call) {
    call = TAILQ_FIRST(&e->spare_calls);
    if (!call)
      abort(); /* as in http: the promised callback could never come */
    TAILQ_REMOVE(&e->spare_calls, call, entry);
  }
  call->engine = e;
  call->cb = cb;
  call->arg = arg;
  TAILQ_INIT(&call->legs);
  TAILQ_INSERT_TAIL(&e->calls, call, entry);
  return call;
}

void *call_state(struct engine_call *call, size_t size, void (*state_free)(void *state)) {
  call->state = calloc(1, size);
  call->state_free = call->state ? state_free : NULL;
  return call->state;
}

void call_finish(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct engine *e = call->engine;
  call->cb(call->arg, reply, reply ? NULL : err);
  TAILQ_REMOVE(&e->calls, call, entry);
  if (call->state_free)
    call->state_free(call->state);
  free(call->state);
  if (call->reserved) {
    *call = (struct engine_call){.reserved = true};
    TAILQ_INSERT_TAIL(&e->spare_calls, call, entry);
  } else {
    free(call);
  }
  engine_check_closed(e);
}

static void leg_free(struct leg *leg) {
  free(leg->label);
  free(leg->target);
  free(leg->body);
  buf_release(&leg->reply);
  if (leg->reserved) {
    struct engine *e = leg->engine;
    *leg = (struct leg){.reserved = true};
    TAILQ_INSERT_TAIL(&e->spare_legs, leg, entry);
  } else {
    free(leg);
  }
}

/* What the leg is called in an error. */
static const char *label_of(const struct leg *leg) {
  return leg->label ? leg->label : "";
}

static bool is_success(int status) {
  return status / 100 == 2 || status == 304;
}

/* Fills *ret_json (NULL for an empty body). */
static int parse_reply(const struct leg *leg, cJSON **ret_json, struct err *err) {
  if (leg->on_data || leg->drop_body || leg->reply.len == 0)
    return 0;
  if (json_parse(leg->reply.data, leg->reply.len, ret_json, err) < 0)
    return err_wrap(err, "%s %s on %s", leg->spec.method, label_of(leg), leg->engine->name);
  return 0;
}

static void leg_finish(struct leg *leg, const struct engine_reply *reply, struct err *err) {
  struct engine_call *call = leg->call;
  struct engine *e = leg->engine;
  leg_done *done = leg->done;
  TAILQ_REMOVE(&call->legs, leg, entry);
  TAILQ_REMOVE(&e->legs, leg, engine_entry);
  if (leg->holds_slot) {
    e->lanes[leg->lane].busy--;
    lane_pump(e, leg->lane);
  }
  leg_free(leg);
  done(call, reply, err);
}

static void on_done(void *arg, const struct http_head *head, struct err *failure) {
  struct leg *leg = arg;
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_JSON cJSON *json = NULL;
  if (failure) {
    err_move(&err, failure);
    err_wrap(&err, "%s %s on %s", leg->spec.method, label_of(leg), leg->engine->name);
    if (strcmp(leg->spec.method, "GET") == 0 && (err.kind == ERR_LOST || err.kind == ERR_TIMEOUT))
      err.retryable = true;
  } else if (!is_success(head->status)) {
    call_http_error(leg->engine, leg->spec.method, label_of(leg), head, &leg->reply, &err);
  } else {
    parse_reply(leg, &json, &err);
  }
  struct engine_reply reply = {.status = head->status, .json = json};
  leg_finish(leg, err.kind ? NULL : &reply, err.kind ? &err : NULL);
}

static void on_head(void *arg, const struct http_head *head) {
  struct leg *leg = arg;
  leg->engine->heard_ms = uv_now(leg->engine->loop);
  leg->status = head->status;
  if (leg->on_head && is_success(head->status))
    leg->on_head(leg->arg, head);
}

static int on_data(void *arg, const void *data, size_t len, struct err *err) {
  struct leg *leg = arg;
  bool ok = is_success(leg->status);
  leg->engine->heard_ms = uv_now(leg->engine->loop);
  if (ok && leg->on_data)
    return leg->on_data(leg->arg, data, len, err);
  if (!ok) { /* keep the beginning of an error's text, drop the rest */
    size_t room = ERROR_LIMIT_BYTES - leg->reply.len;
    return buf_append(&leg->reply, data, len < room ? len : room, err);
  }
  return leg->drop_body ? 0 : buf_append(&leg->reply, data, len, err);
}

static long on_read(void *arg, void *data, size_t size, struct err *err) {
  struct leg *leg = arg;
  return leg->on_read(leg->arg, data, size, err);
}

static bool changes(const char *method) {
  return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/* The last look at the fence, with nothing but the writing left to do. */
static int may_send(void *arg, struct err *err) {
  const struct leg *leg = arg;
  const struct engine *e = leg->engine;
  if (!leg->fenced || leg->call->unfenced || !e->fence)
    return 0;
  switch (e->fence(e->fence_arg, err)) {
  case FENCE_OPEN:
    return 0;
  case FENCE_BROKEN:
    err->kind = ERR_LOCKED;
    break;
  case FENCE_SHUT:
    err->kind = ERR_UNREACHABLE;
    break;
  }
  return -1;
}

/* Hands the leg to http; with leg->spec.fail nothing is sent. */
static void leg_send(struct leg *leg) {
  if (!leg->spec.fail && changes(leg->spec.method))
    leg->engine->mutations++;
  leg->request = http_start(leg->engine->http, &leg->spec);
  leg->spec.fail = NULL;
}

static void leg_send_failed(struct leg *leg, struct err *err) {
  leg->spec.fail = err;
  leg_send(leg);
}

static void leg_wait_in(struct leg *leg, struct leg_list *list) {
  leg->waits_in = list;
  TAILQ_INSERT_TAIL(list, leg, lane_entry);
}

static void leg_wait_no_more(struct leg *leg) {
  TAILQ_REMOVE(leg->waits_in, leg, lane_entry);
  leg->waits_in = NULL;
}

void lane_pump(struct engine *e, enum lane lane) {
  struct leg *leg;
  while ((leg = TAILQ_FIRST(&e->lanes[lane].waiting)) &&
         (!e->lanes[lane].limit || e->lanes[lane].busy < e->lanes[lane].limit)) {
    CLEANUP_ERR struct err err = ERR_INIT;
    leg_wait_no_more(leg);
    if (may_send(leg, &err) < 0 && err.kind == ERR_UNREACHABLE) {
      leg_wait_in(leg, &e->fenced);
      continue;
    }
    leg->holds_slot = true;
    e->lanes[lane].busy++;
    if (err.kind)
      leg_send_failed(leg, &err);
    else
      leg_send(leg);
  }
}

void engine_set_fence(struct engine *e, engine_fence_cb *fence, void *arg) {
  e->fence = fence;
  e->fence_arg = arg;
  engine_fence_changed(e);
}

void engine_call_unfence(struct engine_call *call) {
  call->unfenced = true;
  engine_fence_changed(call->engine);
}

void engine_fence_changed(struct engine *e) {
  struct leg *leg;
  while ((leg = TAILQ_FIRST(&e->fenced))) {
    leg_wait_no_more(leg);
    leg_wait_in(leg, &e->lanes[leg->lane].waiting);
  }
  for (int lane = 0; lane < LANE_COUNT; lane++)
    lane_pump(e, (enum lane)lane);
}

static int deadline(int wanted, int fallback) {
  return wanted == DEADLINE_NONE ? 0 : wanted ? wanted : fallback;
}

static void set_deadlines(struct leg *leg, const struct leg_spec *spec) {
  const struct engine *e = leg->engine;
  leg->spec.connect_ms = e->connect_ms;
  leg->spec.idle_ms = deadline(spec->idle_ms, spec->lane == LANE_QUERY ? e->idle_ms : 0);
  leg->spec.total_ms = deadline(spec->total_ms, spec->lane == LANE_STREAM ? 0 : e->total_ms);
}

static int set_body(struct leg *leg, const struct leg_spec *spec, struct err *err) {
  leg->spec.content_type = spec->content_type;
  if (spec->json_body) {
    leg->body = json_text(spec->json_body);
    leg->body_bytes = leg->body ? (int64_t)strlen(leg->body) : 0;
    leg->spec.content_type = "application/json";
  } else if (spec->raw_body) {
    leg->body = malloc(spec->raw_bytes + 1);
    leg->body_bytes = (int64_t)spec->raw_bytes;
    if (leg->body && spec->raw_bytes)
      memcpy(leg->body, spec->raw_body, spec->raw_bytes);
  }
  if (!leg->body && (spec->json_body || spec->raw_body))
    return err_no_memory(err);
  leg->spec.body = leg->body;
  leg->spec.body_bytes = leg->body ? leg->body_bytes : spec->read_bytes;
  return 0;
}

static int set_target(struct leg *leg, const struct leg_spec *spec, struct err *err) {
  const struct engine *e = leg->engine;
  leg->label = strdup(buf_text(&spec->url->label));
  if (!leg->label)
    return err_no_memory(err);
  if (spec->url->err.kind)
    return err_move(err, &spec->url->err);
  if (!spec->unversioned && !e->api_version[0])
    return err_set(err, ERR_INTERNAL, "the engine has not been opened");
  const char *slash = spec->unversioned ? "" : "/v";
  if (asprintf(&leg->target, "%s%s%s", slash, spec->unversioned ? "" : e->api_version, buf_text(&spec->url->text)) <
      0) {
    leg->target = NULL;
    return err_no_memory(err);
  }
  leg->spec.target = leg->target;
  return 0;
}

static struct leg *leg_new(struct engine_call *call, struct engine *e, const char *method, leg_done *done) {
  struct leg *leg = calloc(1, sizeof(*leg));
  if (!leg) {
    leg = TAILQ_FIRST(&e->spare_legs);
    if (!leg)
      abort();
    TAILQ_REMOVE(&e->spare_legs, leg, entry);
  }
  leg->call = call;
  leg->engine = e;
  leg->done = done;
  leg->reply = (struct buf)BUF_INIT(REPLY_LIMIT_BYTES);
  leg->handlers = (struct http_handlers){.head = on_head, .data = on_data, .done = on_done, .may_send = may_send};
  leg->spec = (struct http_spec){.method = method, .handlers = &leg->handlers, .arg = leg};
  TAILQ_INSERT_TAIL(&call->legs, leg, entry);
  TAILQ_INSERT_TAIL(&e->legs, leg, engine_entry);
  return leg;
}

struct leg *leg_start(struct engine_call *call, struct engine *e, struct leg_spec *spec, leg_done *done) {
  struct leg *leg = leg_new(call, e, spec->method, done);
  CLEANUP_ERR struct err err = ERR_INIT;
  leg->lane = spec->lane;
  leg->drop_body = spec->drop_body;
  leg->fenced = changes(spec->method);
  leg->spec.fresh = spec->fresh;
  leg->arg = spec->arg;
  leg->on_head = spec->on_head;
  leg->on_data = spec->on_data;
  leg->on_read = spec->on_read;
  if (spec->on_read)
    leg->handlers.read = on_read;
  set_deadlines(leg, spec);
  if (set_target(leg, spec, &err) == 0 && set_body(leg, spec, &err) == 0 && (call->cancelled || e->closing))
    err_set(&err, ERR_CANCELLED, "cancelled");
  buf_release(&spec->url->text);
  err_release(&spec->url->err);
  if (!spec->keep_label)
    buf_release(&spec->url->label);
  if (err.kind) {
    leg_send_failed(leg, &err);
    return leg;
  }
  leg_wait_in(leg, &e->lanes[leg->lane].waiting);
  lane_pump(e, leg->lane);
  return leg;
}

struct engine_call *call_no_memory(struct engine_call *call) {
  CLEANUP_ERR struct err err = ERR_INIT;
  err_no_memory(&err);
  leg_send_failed(leg_new(call, call->engine, "GET", call_finish), &err);
  return call;
}

void leg_cancel(struct leg *leg) {
  if (!leg->waits_in) {
    http_cancel(leg->request);
    return;
  }
  CLEANUP_ERR struct err err = ERR_INIT;
  leg_wait_no_more(leg);
  err_set(&err, ERR_CANCELLED, "cancelled before it was sent");
  leg_send_failed(leg, &err);
}

void leg_resume(struct leg *leg) {
  if (leg->request)
    http_resume(leg->request);
}

void legs_cancel(struct engine *e) {
  struct leg *leg;
  TAILQ_FOREACH(leg, &e->legs, engine_entry)
  leg_cancel(leg);
}

void engine_call_cancel(struct engine_call *call) {
  struct leg *leg;
  call->cancelled = true;
  TAILQ_FOREACH(leg, &call->legs, entry)
  leg_cancel(leg);
}

struct engine_call *call_simple(struct engine *e, struct leg_spec *spec, engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  leg_start(call, e, spec, call_finish);
  return call;
}

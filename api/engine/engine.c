#include "api/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api/base/json.h"
#include "api/engine/call.h"

#define API_MINOR_MIN 41 /* Docker 20.10 */
#define API_MINOR_MAX 51 /* Docker 28.5 */
#define QUERIES_UNIX 16
#define QUERIES_TLS 4
#define MUTATIONS_BEFORE_OPEN 4

static int check_tls(const struct engine_options *o, struct err *err) {
  int given = (o->tls_ca != NULL) + (o->tls_cert != NULL) + (o->tls_key != NULL);
  if (given != 0 && given != 3)
    return err_set(err, ERR_INPUT, "machine %s: tls needs all of ca, cert and key", o->name);
  return 0;
}

static int copy_options(struct engine *e, const struct engine_options *o, bool tls, struct err *err) {
  e->name = strdup(o->name);
  e->connect_ms = o->connect_timeout_ms ? o->connect_timeout_ms : 5000;
  e->idle_ms = o->idle_timeout_ms ? o->idle_timeout_ms : 30000;
  e->total_ms = o->total_timeout_ms ? o->total_timeout_ms : 120000;
  e->lanes[LANE_QUERY].limit = tls ? QUERIES_TLS : QUERIES_UNIX;
  e->lanes[LANE_MUTATION].limit = o->max_mutations > 0 ? o->max_mutations : MUTATIONS_BEFORE_OPEN;
  e->lanes[LANE_SINGLE].limit = 1;
  e->fixed_mutations = o->max_mutations > 0;
  return e->name ? 0 : err_no_memory(err);
}

static void engine_free(struct engine *e) {
  call_drop_reserve(e);
  free(e->name);
  free(e);
}

static int connect_settings(struct engine *e, const struct engine_options *o, struct err *err) {
  CLEANUP(endpoint_release) struct endpoint endpoint = {0};
  if (endpoint_parse(o->endpoint, o->tls_ca != NULL, o->insecure, &endpoint, err) < 0)
    return err_wrap(err, "machine %s", o->name);
  if (copy_options(e, o, endpoint.tls, err) < 0)
    return -1;
  struct http_options http = {
      .endpoint = &endpoint, .tls_ca = o->tls_ca, .tls_cert = o->tls_cert, .tls_key = o->tls_key};
  return http_new(e->loop, &http, &e->http, err);
}

int engine_new(struct uv_loop_s *loop, const struct engine_options *options, struct engine **ret_engine,
               struct err *err) {
  if (check_tls(options, err) < 0)
    return -1;
  struct engine *e = calloc(1, sizeof(*e));
  if (!e)
    return err_no_memory(err);
  e->loop = loop;
  TAILQ_INIT(&e->calls);
  TAILQ_INIT(&e->spare_calls);
  TAILQ_INIT(&e->spare_legs);
  TAILQ_INIT(&e->legs);
  TAILQ_INIT(&e->fenced);
  for (int i = 0; i < LANE_COUNT; i++)
    TAILQ_INIT(&e->lanes[i].waiting);
  if (call_fill_reserve(e, err) < 0 || connect_settings(e, options, err) < 0) {
    engine_free(e);
    return -1;
  }
  *ret_engine = e;
  return 0;
}

/* "1.41" as 41; -1 when it is no version 1.x. */
static int minor_of(const char *version) {
  int minor = -1;
  char end;
  return version && sscanf(version, "1.%d%c", &minor, &end) == 1 && minor >= 0 && minor < 1000 ? minor : -1;
}

static int too_old(const struct engine *e, int minor, struct err *err) {
  return err_set(err, ERR_VERSION, "engine on %s speaks API 1.%d; tandem needs 1.%d (Docker 20.10) or newer", e->name,
                 minor, API_MINOR_MIN);
}

/* The newest version that both sides have. */
static void use_minor(struct engine *e, int newest) {
  e->api_minor = newest < API_MINOR_MAX ? newest : API_MINOR_MAX;
  snprintf(e->api_version, sizeof(e->api_version), "1.%d", e->api_minor);
}

static int negotiate(struct engine *e, const cJSON *version, struct err *err) {
  const char *newest = json_str(version, "ApiVersion", NULL);
  const char *oldest = json_str(version, "MinAPIVersion", "1.12");
  int max = minor_of(newest);
  int min = minor_of(oldest);
  snprintf(e->version, sizeof(e->version), "%s", json_str(version, "Version", ""));
  if (max < 0)
    return err_set(err, ERR_VERSION, "what listens for %s does not say which Docker API it speaks", e->name);
  if (max < API_MINOR_MIN)
    return too_old(e, max, err);
  if (min > API_MINOR_MAX)
    return err_set(err, ERR_VERSION, "engine on %s needs API 1.%d or newer; tandem speaks up to 1.%d", e->name, min,
                   API_MINOR_MAX);
  use_minor(e, max);
  return 0;
}

/* /version and /info are asked at once, each taking an engine 6 to 12 ms, when the ping has told the API version. */
struct opening {
  int pinged_minor; /* of /_ping's Api-Version, -1 without one */
  int pending;
  bool has_info;
  cJSON *version;
  struct err failure; /* the first one */
};

static void opening_free(void *state) {
  struct opening *o = state;
  cJSON_Delete(o->version);
  err_release(&o->failure);
}

static void ask_info(struct engine_call *call);

static void joined(struct engine_call *call, struct err *err) {
  struct engine *e = call->engine;
  struct opening *o = call->state;
  CLEANUP_ERR struct err failure = ERR_INIT;
  if (err && !o->failure.kind)
    err_move(&o->failure, err);
  if (--o->pending)
    return;
  if (o->version && negotiate(e, o->version, &failure) < 0)
    err_move(&o->failure, &failure); /* says more than what a refused /info says */
  if (!o->failure.kind && !o->has_info) {
    ask_info(call);
    return;
  }
  if (o->failure.kind) {
    e->api_version[0] = '\0';
    e->ncpu = 0;
  }
  struct engine_reply reply = {.status = 200, .json = o->version};
  call_finish(call, o->failure.kind ? NULL : &reply, &o->failure);
}

static void on_info(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct engine *e = call->engine;
  struct opening *o = call->state;
  if (reply) {
    int64_t ncpu = json_int(reply->json, "NCPU", 1);
    e->ncpu = ncpu >= 1 && ncpu < 100000 ? (int)ncpu : 1;
    snprintf(e->id, sizeof(e->id), "%s", json_str(reply->json, "ID", ""));
    if (!e->fixed_mutations)
      e->lanes[LANE_MUTATION].limit = 2 * e->ncpu;
    o->has_info = true;
  }
  joined(call, err);
}

static void ask_info(struct engine_call *call) {
  struct url url = URL_INIT;
  ((struct opening *)call->state)->pending++;
  url_path(&url, "/info");
  leg_start(call, call->engine, &(struct leg_spec){.method = "GET", .url = &url}, on_info);
}

static void on_version(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct opening *o = call->state;
  CLEANUP_ERR struct err empty = ERR_INIT;
  o->version = reply && reply->json ? cJSON_Duplicate(reply->json, true) : NULL;
  if (reply && reply->json && !o->version) {
    err_no_memory(&empty);
    err = &empty;
  } else if (reply && !o->version) {
    err_set(&empty, ERR_PROTOCOL, "GET /version on %s: no answer to read", call->engine->name);
    err = &empty;
  }
  joined(call, err);
}

static void on_ping_head(void *arg, const struct http_head *head) {
  ((struct opening *)arg)->pinged_minor = minor_of(head->api_version);
}

static void on_ping(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  CLEANUP_ERR struct err old = ERR_INIT;
  struct opening *o = call->state;
  int minor = o->pinged_minor;
  if (reply && minor >= 0 && minor < API_MINOR_MIN) {
    too_old(call->engine, minor, &old);
    reply = NULL;
    err = &old;
  }
  if (!reply) {
    call_finish(call, NULL, err);
    return;
  }
  struct url url = URL_INIT;
  url_path(&url, "/version");
  o->pending = 1;
  leg_start(call, call->engine, &(struct leg_spec){.method = "GET", .url = &url, .unversioned = true}, on_version);
  if (minor < 0)
    return;
  use_minor(call->engine, minor);
  ask_info(call);
}

struct engine_call *engine_open(struct engine *e, engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  struct opening *o = call_state(call, sizeof(*o), opening_free);
  if (!o)
    return call_no_memory(call);
  o->pinged_minor = -1;
  struct url url = URL_INIT;
  url_path(&url, "/_ping");
  struct leg_spec spec = {
      .method = "GET",
      .url = &url,
      .unversioned = true,
      .drop_body = true,
      .on_head = on_ping_head,
      .arg = o,
      .total_ms = e->connect_ms}; /* an engine that takes the connection and says nothing is as good as none */
  leg_start(call, e, &spec, on_ping);
  return call;
}

struct engine_call *engine_ping(struct engine *e, int deadline_ms, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/_ping");
  struct leg_spec spec = {.method = "GET",
                          .url = &url,
                          .unversioned = true,
                          .fresh = true,
                          .drop_body = true,
                          .lane = LANE_STREAM, /* never behind other calls */
                          .total_ms = deadline_ms};
  return call_simple(e, &spec, cb, arg);
}

static void on_http_closed(void *arg) {
  struct engine *e = arg;
  void (*closed_cb)(void *arg) = e->closed_cb;
  void *closed_arg = e->closed_arg;
  engine_free(e);
  if (closed_cb)
    closed_cb(closed_arg);
}

void engine_check_closed(struct engine *e) {
  if (!e->closing || e->http_closing || e->users || !TAILQ_EMPTY(&e->calls))
    return;
  e->http_closing = true;
  http_close(e->http, on_http_closed, e);
}

void engine_close(struct engine *e, void (*closed_cb)(void *arg), void *arg) {
  struct engine_call *call;
  if (!e || e->closing)
    return;
  e->closing = true;
  e->closed_cb = closed_cb;
  e->closed_arg = arg;
  TAILQ_FOREACH(call, &e->calls, entry)
  engine_call_cancel(call);
  legs_cancel(e);
  engine_check_closed(e);
}

const char *engine_name(const struct engine *e) {
  return e->name;
}

const char *engine_version(const struct engine *e) {
  return e->version;
}

const char *engine_api_version(const struct engine *e) {
  return e->api_version;
}

int engine_api_minor(const struct engine *e) {
  return e->api_minor;
}

int engine_ncpu(const struct engine *e) {
  return e->ncpu;
}

const char *engine_id(const struct engine *e) {
  return e->id;
}

uint64_t engine_mutations(const struct engine *e) {
  return e->mutations;
}

uint64_t engine_heard_ms(const struct engine *e) {
  return e->heard_ms;
}

#include "api/engine/resource.h"

#include "api/base/json.h"
#include "api/engine/call.h"
#include "api/engine/ndjson.h"

#define EVENT_LIMIT_BYTES ((size_t)1 << 20)
#define DISK_USAGE_MS 600000 /* the engine walks every volume */

static struct engine_call *list(struct engine *e, const char *path, const char *label, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, path);
  url_query_labels(&url, &label, label ? 1 : 0);
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

static struct engine_call *inspect(struct engine *e, const char *path, const char *name, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, path);
  url_segment(&url, name);
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

static struct engine_call *change(struct engine *e, const char *method, struct url *url, const cJSON *body,
                                  engine_cb *cb, void *arg) {
  struct leg_spec spec = {.method = method, .url = url, .lane = LANE_MUTATION, .json_body = body};
  return call_simple(e, &spec, cb, arg);
}

struct engine_call *network_list(struct engine *e, const char *label, engine_cb *cb, void *arg) {
  return list(e, "/networks", label, cb, arg);
}

struct engine_call *network_inspect(struct engine *e, const char *id_or_name, engine_cb *cb, void *arg) {
  return inspect(e, "/networks/", id_or_name, cb, arg);
}

struct engine_call *network_create(struct engine *e, const cJSON *body, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/networks/create");
  return change(e, "POST", &url, body, cb, arg);
}

struct engine_call *network_remove(struct engine *e, const char *id, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/networks/");
  url_full_id(&url, id);
  return change(e, "DELETE", &url, NULL, cb, arg);
}

/* POST /networks/{id}/{verb}; takes body. */
static struct engine_call *attach(struct engine *e, const char *id, const char *verb, const char *container,
                                  cJSON *body, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/networks/");
  url_full_id(&url, id);
  url_path(&url, verb);
  if (!is_full_id(container) && !url.err.kind)
    err_set(&url.err, ERR_INTERNAL, "\"%s\" is not a full container ID", container ? container : "");
  if (!json_put_str(body, "Container", container) && !url.err.kind)
    err_no_memory(&url.err);
  struct engine_call *call = change(e, "POST", &url, body, cb, arg);
  cJSON_Delete(body);
  return call;
}

struct engine_call *network_connect(struct engine *e, const char *id, const char *container,
                                    const cJSON *endpoint_config, engine_cb *cb, void *arg) {
  cJSON *body = cJSON_CreateObject();
  if (body && endpoint_config && !json_put(body, "EndpointConfig", cJSON_Duplicate(endpoint_config, true))) {
    cJSON_Delete(body);
    body = NULL;
  }
  return attach(e, id, "/connect", container, body, cb, arg);
}

struct engine_call *network_disconnect(struct engine *e, const char *id, const char *container, bool force,
                                       engine_cb *cb, void *arg) {
  cJSON *body = cJSON_CreateObject();
  json_put_bool(body, "Force", force);
  return attach(e, id, "/disconnect", container, body, cb, arg);
}

struct engine_call *volume_list(struct engine *e, const char *label, engine_cb *cb, void *arg) {
  return list(e, "/volumes", label, cb, arg);
}

struct engine_call *volume_inspect(struct engine *e, const char *name, engine_cb *cb, void *arg) {
  return inspect(e, "/volumes/", name, cb, arg);
}

struct engine_call *volume_create(struct engine *e, const cJSON *body, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/volumes/create");
  return change(e, "POST", &url, body, cb, arg);
}

struct engine_call *volume_remove(struct engine *e, const char *name, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/volumes/");
  url_segment(&url, name);
  return change(e, "DELETE", &url, NULL, cb, arg);
}

struct events {
  struct ndjson lines;
  struct engine_call *call;
  void (*opened_cb)(void *arg);
  engine_event_cb *event_cb;
};

static void events_free(void *state) {
  ndjson_release(&((struct events *)state)->lines);
}

static void on_events_head(void *arg, const struct http_head *head) {
  (void)head;
  struct events *ev = arg;
  if (ev->opened_cb)
    ev->opened_cb(ev->call->arg);
}

static int on_event(void *arg, const cJSON *json, struct err *err) {
  (void)err;
  struct events *ev = arg;
  if (!ev->call->cancelled)
    ev->event_cb(ev->call->arg, json);
  return 0;
}

static int on_events_data(void *arg, const void *data, size_t len, struct err *err) {
  struct events *ev = arg;
  return ndjson_feed(&ev->lines, data, len, on_event, ev, err);
}

struct engine_call *engine_events(struct engine *e, const cJSON *filters, void (*opened_cb)(void *arg),
                                  engine_event_cb *event_cb, engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  struct events *ev = call_state(call, sizeof(*ev), events_free);
  if (!ev)
    return call_no_memory(call);
  ndjson_init(&ev->lines, EVENT_LIMIT_BYTES);
  ev->call = call;
  ev->opened_cb = opened_cb;
  ev->event_cb = event_cb;
  struct url url = URL_INIT;
  url_path(&url, "/events");
  url_query_json(&url, "filters", filters);
  struct leg_spec spec = {.method = "GET",
                          .url = &url,
                          .lane = LANE_STREAM,
                          .on_head = on_events_head,
                          .on_data = on_events_data,
                          .arg = ev};
  leg_start(call, e, &spec, call_finish);
  return call;
}

struct engine_call *engine_info(struct engine *e, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/info");
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

struct engine_call *engine_disk_usage(struct engine *e, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/system/df");
  struct leg_spec spec = {.method = "GET", .url = &url, .lane = LANE_SINGLE, .total_ms = DISK_USAGE_MS};
  return call_simple(e, &spec, cb, arg);
}

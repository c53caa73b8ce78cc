#include "api/engine/container.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/call.h"

struct engine_call *container_list(struct engine *e, const char *const *labels, size_t label_count, engine_cb *cb,
                                   void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/containers/json");
  url_query(&url, "all", "1");
  url_query_labels(&url, labels, label_count);
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

/* The engine tries a full ID, a name, then an ID prefix: a name that no container has can bring another one. */
static void on_inspected(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  const char *asked = call->state;
  const char *name = reply ? json_str(reply->json, "Name", "") : "";
  const char *id = reply ? json_str(reply->json, "Id", "") : "";
  if (!reply || strcmp(id, asked) == 0 || strcmp(name + (name[0] == '/'), asked) == 0) {
    call_finish(call, reply, err);
    return;
  }
  CLEANUP_ERR struct err missing = ERR_INIT;
  err_set(&missing, ERR_HTTP,
          "GET /containers/%s/json on %s: 404: No such container: %s (the engine took it for an ID)", asked,
          call->engine->name, asked);
  missing.http_status = 404;
  call_finish(call, NULL, &missing);
}

struct engine_call *container_inspect(struct engine *e, const char *id_or_name, engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  const char *asked = id_or_name ? id_or_name : "";
  char *copy = call_state(call, strlen(asked) + 1, NULL);
  if (!copy)
    return call_no_memory(call);
  strcpy(copy, asked);
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_segment(&url, asked);
  url_path(&url, "/json");
  leg_start(call, e, &(struct leg_spec){.method = "GET", .url = &url}, on_inspected);
  return call;
}

struct engine_call *container_create(struct engine *e, const char *name, const char *platform, const cJSON *body,
                                     engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/containers/create");
  url_query(&url, "name", name);
  url_query(&url, "platform", platform);
  struct leg_spec spec = {.method = "POST", .url = &url, .lane = LANE_MUTATION, .json_body = body};
  return call_simple(e, &spec, cb, arg);
}

/* /containers/{id}suffix, of a change: full IDs only. */
static void container_url(struct url *u, const char *id, const char *suffix) {
  url_path(u, "/containers/");
  url_full_id(u, id);
  url_path(u, suffix);
}

struct engine_call *container_start(struct engine *e, const char *id, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "/start");
  return call_simple(e, &(struct leg_spec){.method = "POST", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

struct engine_call *container_stop(struct engine *e, const char *id, int timeout_s, int deadline_s, engine_cb *cb,
                                   void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "/stop");
  if (timeout_s >= 0)
    url_query_int(&url, "t", timeout_s);
  struct leg_spec spec = {
      .method = "POST", .url = &url, .lane = LANE_MUTATION, .total_ms = deadline_s > 0 ? deadline_s * 1000 : 0};
  return call_simple(e, &spec, cb, arg);
}

struct engine_call *container_pause(struct engine *e, const char *id, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "/pause");
  return call_simple(e, &(struct leg_spec){.method = "POST", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

struct engine_call *container_unpause(struct engine *e, const char *id, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "/unpause");
  return call_simple(e, &(struct leg_spec){.method = "POST", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

struct engine_call *container_rename(struct engine *e, const char *id, const char *name, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "/rename");
  url_query(&url, "name", name ? name : "");
  return call_simple(e, &(struct leg_spec){.method = "POST", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

struct engine_call *container_remove(struct engine *e, const char *id, bool force, bool volumes, engine_cb *cb,
                                     void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "");
  url_query(&url, "force", force ? "1" : NULL);
  url_query(&url, "v", volumes ? "1" : NULL);
  return call_simple(e, &(struct leg_spec){.method = "DELETE", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

struct engine_call *container_update(struct engine *e, const char *id, const cJSON *body, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  container_url(&url, id, "/update");
  struct leg_spec spec = {.method = "POST", .url = &url, .lane = LANE_MUTATION, .json_body = body};
  return call_simple(e, &spec, cb, arg);
}

struct engine_call *container_beat(struct engine *e, const char *id, int count, int deadline_ms, engine_cb *cb,
                                   void *arg) {
  struct url url = URL_INIT;
  char body[96];
  int len =
      snprintf(body, sizeof(body), "{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":%d}}", count);
  container_url(&url, id, "/update");
  struct leg_spec spec = {.method = "POST",
                          .url = &url,
                          .lane = LANE_STREAM,
                          .content_type = "application/json",
                          .raw_body = body,
                          .raw_bytes = (size_t)len,
                          .total_ms = deadline_ms};
  struct engine_call *call = call_simple(e, &spec, cb, arg);
  engine_call_unfence(call);
  return call;
}

struct engine_call *container_stats(struct engine *e, const char *id, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_segment(&url, id);
  url_path(&url, "/stats");
  url_query(&url, "stream", "false");
  url_query(&url, "one-shot", "1");
  /* Engine 20.10 holds the answer until its collector's next round, up to a second: all wait side by side. */
  struct leg_spec spec = {
      .method = "GET", .url = &url, .lane = LANE_STREAM, .idle_ms = e->idle_ms, .total_ms = e->total_ms};
  return call_simple(e, &spec, cb, arg);
}

struct engine_call *container_top(struct engine *e, const char *id, const char *ps_args, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_segment(&url, id);
  url_path(&url, "/top");
  url_query(&url, "ps_args", ps_args);
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

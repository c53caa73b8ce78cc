/* Containers' and execs' output: logs, exec, and archives. */
#include <string.h>

#include "api/base/json.h"
#include "api/engine/call.h"
#include "api/engine/container.h"
#include "api/engine/frames.h"

#define FRAME_LIMIT_BYTES ((size_t)64 << 20)
#define EXEC_ASK_MAX 100

struct output {
  struct engine_call *call;
  struct frames frames;
  bool raw; /* a terminal's stream: no frames */
  container_output_cb *output_cb;
  char exec_id[65];
  int asked; /* how often for the exec's exit code */
};

static void on_frame(void *arg, int stream, const char *data, size_t len) {
  struct output *o = arg;
  if (o->output_cb && !o->call->cancelled)
    o->output_cb(o->call->arg, stream, data, len);
}

static int on_output(void *arg, const void *data, size_t len, struct err *err) {
  struct output *o = arg;
  if (!o->raw)
    return frames_feed(&o->frames, data, len, on_frame, o, err);
  on_frame(o, 1, data, len);
  return 0;
}

/* NULL without memory. */
static struct output *output_new(struct engine_call *call, bool raw, container_output_cb *output_cb) {
  struct output *o = call_state(call, sizeof(*o), NULL);
  if (!o)
    return NULL;
  o->call = call;
  o->raw = raw;
  o->output_cb = output_cb;
  frames_init(&o->frames, FRAME_LIMIT_BYTES);
  return o;
}

/* The end of a stream that must not end inside a frame. */
static void on_logs_end(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct output *o = call->state;
  CLEANUP_ERR struct err cut = ERR_INIT;
  if (reply && frames_end(&o->frames, &cut) < 0) {
    err_wrap(&cut, "logs on %s", call->engine->name);
    call_finish(call, NULL, &cut);
    return;
  }
  call_finish(call, reply, err);
}

struct engine_call *container_logs(struct engine *e, const char *id, bool tty,
                                   const struct container_logs_options *options, container_output_cb *output_cb,
                                   engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  struct output *o = output_new(call, tty, output_cb);
  if (!o)
    return call_no_memory(call);
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_segment(&url, id);
  url_path(&url, "/logs");
  url_query(&url, "stdout", "1");
  url_query(&url, "stderr", "1");
  url_query(&url, "follow", options->follow ? "1" : NULL);
  url_query(&url, "timestamps", options->timestamps ? "1" : NULL);
  if (options->tail >= 0)
    url_query_int(&url, "tail", options->tail);
  struct leg_spec spec = {.method = "GET",
                          .url = &url,
                          .lane = LANE_STREAM,
                          .idle_ms = options->follow ? DEADLINE_NONE : e->idle_ms,
                          .on_data = on_output,
                          .arg = o};
  leg_start(call, e, &spec, on_logs_end);
  return call;
}

static void exec_url(struct url *u, const struct output *o, const char *suffix) {
  url_path(u, "/exec/");
  url_segment(u, o->exec_id);
  url_path(u, suffix);
}

/* The stream may end a moment before the engine has noted the exit: asked again while it says Running, but not for
 * ever, since a command can close its output and go on. The document then says Running. */
static void on_exec_inspected(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct output *o = call->state;
  if (!reply || ++o->asked >= EXEC_ASK_MAX || !json_bool(reply->json, "Running", false)) {
    call_finish(call, reply, err);
    return;
  }
  struct url url = URL_INIT;
  exec_url(&url, o, "/json");
  leg_start(call, call->engine, &(struct leg_spec){.method = "GET", .url = &url}, on_exec_inspected);
}

static void on_exec_end(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct output *o = call->state;
  CLEANUP_ERR struct err cut = ERR_INIT;
  if (reply && frames_end(&o->frames, &cut) < 0) {
    err_wrap(&cut, "exec on %s", call->engine->name);
    reply = NULL;
    err = &cut;
  }
  if (!reply) {
    call_finish(call, NULL, err);
    return;
  }
  struct url url = URL_INIT;
  exec_url(&url, o, "/json");
  leg_start(call, call->engine, &(struct leg_spec){.method = "GET", .url = &url}, on_exec_inspected);
}

static void on_exec_created(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct output *o = call->state;
  CLEANUP_ERR struct err bad = ERR_INIT;
  const char *id = reply ? json_str(reply->json, "Id", "") : NULL;
  if (reply && !is_full_id(id)) {
    err_set(&bad, ERR_PROTOCOL, "exec on %s: the engine gave no exec ID", call->engine->name);
    err = &bad;
  }
  if (!reply || bad.kind) {
    call_finish(call, NULL, err);
    return;
  }
  memcpy(o->exec_id, id, sizeof(o->exec_id));
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  json_put_bool(body, "Detach", false);
  json_put_bool(body, "Tty", false);
  struct url url = URL_INIT;
  exec_url(&url, o, "/start");
  struct leg_spec spec = {
      .method = "POST", .url = &url, .lane = LANE_STREAM, .json_body = body, .on_data = on_output, .arg = o};
  leg_start(call, call->engine, &spec, on_exec_end);
}

static bool add_strings(cJSON *body, const char *name, const char *const *strings, size_t count) {
  cJSON *array = cJSON_AddArrayToObject(body, name);
  bool ok = array != NULL;
  for (size_t i = 0; ok && i < count; i++)
    ok = cJSON_AddItemToArray(array, cJSON_CreateString(strings[i]));
  return ok;
}

struct engine_call *container_exec(struct engine *e, const char *id, const char *const *argv, size_t argc,
                                   const char *const *env, size_t envc, container_output_cb *output_cb, engine_cb *cb,
                                   void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  if (!output_new(call, false, output_cb))
    return call_no_memory(call);
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_full_id(&url, id);
  url_path(&url, "/exec");
  bool ok = add_strings(body, "Cmd", argv, argc) && (envc == 0 || add_strings(body, "Env", env, envc)) &&
            json_put_bool(body, "AttachStdout", true) && json_put_bool(body, "AttachStderr", true);
  if (!ok && !url.err.kind)
    err_no_memory(&url.err);
  struct leg_spec spec = {
      .method = "POST", .url = &url, .lane = LANE_STREAM, .total_ms = e->total_ms, .json_body = body};
  leg_start(call, e, &spec, on_exec_created);
  return call;
}

struct engine_call *container_archive_put(struct engine *e, const char *id, const char *path, const void *tar,
                                          size_t tar_bytes, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_full_id(&url, id);
  url_path(&url, "/archive");
  url_query(&url, "path", path);
  url_query(&url, "noOverwriteDirNonDir", "1");
  struct leg_spec spec = {.method = "PUT",
                          .url = &url,
                          .lane = LANE_MUTATION,
                          .drop_body = true,
                          .raw_body = tar ? tar : "",
                          .raw_bytes = tar ? tar_bytes : 0,
                          .content_type = "application/x-tar"};
  return call_simple(e, &spec, cb, arg);
}

struct download {
  engine_data_cb *data_cb;
  void *arg;
};

static int on_archive(void *arg, const void *data, size_t len, struct err *err) {
  struct download *d = arg;
  if (d->data_cb(d->arg, data, len) != 0)
    return err_set(err, ERR_CANCELLED, "stopped by the reader");
  return 0;
}

struct engine_call *container_archive_get(struct engine *e, const char *id, const char *path, engine_data_cb *data_cb,
                                          engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  struct download *d = call_state(call, sizeof(*d), NULL);
  if (!d)
    return call_no_memory(call);
  d->data_cb = data_cb;
  d->arg = arg;
  struct url url = URL_INIT;
  url_path(&url, "/containers/");
  url_segment(&url, id);
  url_path(&url, "/archive");
  url_query(&url, "path", path);
  struct leg_spec spec = {
      .method = "GET", .url = &url, .lane = LANE_STREAM, .idle_ms = e->idle_ms, .on_data = on_archive, .arg = d};
  leg_start(call, e, &spec, call_finish);
  return call;
}

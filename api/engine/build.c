/* POST /build with BuildKit (no session) and the classic builder. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/base/strv.h"
#include "api/engine/image.h"
#include "api/engine/text.h"
#include "api/engine/trace.h"
#include "api/engine/transfer.h"

#define BUILD_IDLE_MS 600000
#define TAIL_LINES 40     /* kept of the output, of all steps together */
#define SHOWN_LINES 20    /* of the failing step, in the error */
#define STEPS_MAX 2000    /* told apart; more are shown again */
#define STEP_KEY_BYTES 80 /* "sha256:" and 64 digits */
#define TAIL_LINE_BYTES 400

struct tail_line {
  char step[STEP_KEY_BYTES]; /* digest; "" with the classic builder */
  char text[TAIL_LINE_BYTES];
};

struct build {
  struct transfer transfer; /* first: see transfer.c */
  engine_progress_cb *progress_cb;
  char *tag;
  char image_id[STEP_KEY_BYTES];
  struct strv started; /* digests of the steps that were shown */
  char failed_step[STEP_KEY_BYTES];
  char failed_name[300];
  const char *log_step; /* whose output is being split into lines */
  size_t tail_count;    /* lines ever written to tail */
  struct tail_line tail[TAIL_LINES];
};

static void build_free(void *state) {
  struct build *b = state;
  transfer_release(&b->transfer);
  strv_release(&b->started);
  free(b->tag);
}

static void show(struct build *b, const char *line) {
  if (b->progress_cb && !b->transfer.call->cancelled)
    b->progress_cb(b->transfer.call->arg, line);
}

/* A line of output, of a step or of the classic builder. */
static void on_line(void *arg, const char *line) {
  struct build *b = arg;
  struct tail_line *slot = &b->tail[b->tail_count++ % TAIL_LINES];
  snprintf(slot->step, sizeof(slot->step), "%s", b->log_step ? b->log_step : "");
  snprintf(slot->text, sizeof(slot->text), "%s", line);
  show(b, line);
}

static void copy_text(char *to, size_t size, struct trace_text text) {
  snprintf(to, size, "%.*s", (int)(text.len < size ? text.len : size - 1), text.data ? text.data : "");
  text_clean_str(to);
}

static void on_vertex(void *arg, const struct trace_vertex *vertex) {
  struct build *b = arg;
  char digest[STEP_KEY_BYTES];
  char name[300];
  copy_text(digest, sizeof(digest), vertex->digest);
  copy_text(name, sizeof(name), vertex->name);
  if (vertex->error.len && !b->failed_step[0] &&
      !memmem(vertex->error.data, vertex->error.len, "context canceled", 16)) {
    memcpy(b->failed_step, digest, sizeof(digest));
    memcpy(b->failed_name, name, sizeof(name));
  }
  if (!vertex->started || strv_has(&b->started, digest) || b->started.count >= STEPS_MAX)
    return;
  if (strv_add(&b->started, digest, NULL) < 0)
    return;
  char line[320];
  snprintf(line, sizeof(line), "%s%s", name, vertex->cached ? " (cached)" : "");
  show(b, line);
}

static void on_log(void *arg, const struct trace_log *log) {
  struct build *b = arg;
  char step[STEP_KEY_BYTES];
  copy_text(step, sizeof(step), log->vertex);
  b->log_step = step;
  stream_reply_text(&b->transfer.reply, log->text.data, log->text.len);
  b->log_step = NULL;
}

static void on_document(void *arg, const cJSON *json) {
  static const struct trace_handlers handlers = {.vertex = on_vertex, .log = on_log};
  struct build *b = arg;
  const cJSON *aux = json_get(json, "aux");
  const char *id = json_str(aux, "ID", NULL);
  if (id)
    snprintf(b->image_id, sizeof(b->image_id), "%s", id);
  else if (cJSON_IsString(aux) && strcmp(json_str(json, "id", ""), "moby.buildkit.trace") == 0)
    trace_decode_base64(aux->valuestring, &handlers, b, NULL); /* progress only: what cannot be read is not shown */
}

/* Adds the last output lines of the failing step to the error. */
static void add_tail(const struct build *b, struct err *err) {
  CLEANUP_BUF struct buf text = BUF_INIT(1 << 20);
  size_t first = b->tail_count > TAIL_LINES ? b->tail_count - TAIL_LINES : 0;
  size_t lines = 0;
  for (size_t i = first; i < b->tail_count; i++)
    lines += strcmp(b->tail[i % TAIL_LINES].step, b->failed_step) == 0;
  buf_printf(&text, NULL, "%s", err_text(err));
  if (b->failed_name[0])
    buf_printf(&text, NULL, "\n  failing step: %s", b->failed_name);
  for (size_t i = first; i < b->tail_count; i++) {
    const struct tail_line *line = &b->tail[i % TAIL_LINES];
    if (strcmp(line->step, b->failed_step) == 0 && lines-- <= SHOWN_LINES)
      buf_printf(&text, NULL, "\n  | %s", line->text);
  }
  free(err->message);
  err->message = buf_steal(&text);
}

static void on_inspected(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct build *b = call->state;
  CLEANUP_ERR struct err failure = ERR_INIT;
  const char *id = reply ? json_str(reply->json, "Id", "") : "";
  const char *descriptor = reply ? json_str(json_get(reply->json, "Descriptor"), "digest", "") : "";
  if (!reply) {
    err_set(&failure, ERR_ENGINE, "the build ended well, but its tag %s does not inspect: %s", b->tag, err_text(err));
  } else if (strcmp(id, b->image_id) != 0 && strcmp(descriptor, b->image_id) != 0) {
    err_set(&failure, ERR_ENGINE, "POST /build on %s: built %s, but %s is %s: another build has taken the tag",
            call->engine->name, b->image_id, b->tag, id);
  } else {
    CLEANUP_JSON cJSON *json = cJSON_CreateObject();
    json_put_str(json, "Id", id);
    struct engine_reply built = {.status = 200, .json = json};
    call_finish(call, &built, NULL);
    return;
  }
  call_finish(call, NULL, &failure);
}

static void on_built(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct build *b = call->state;
  CLEANUP_ERR struct err failure = ERR_INIT;
  if (!reply)
    err_move(&failure, err);
  else if (!b->image_id[0])
    err_set(&failure, ERR_ENGINE, "POST /build on %s: the stream ended without an image ID", call->engine->name);
  if (failure.kind) {
    if (failure.kind == ERR_ENGINE)
      add_tail(b, &failure);
    call_finish(call, NULL, &failure);
    return;
  }
  struct url url = URL_INIT;
  url_path(&url, "/images/");
  url_segment(&url, b->tag);
  url_path(&url, "/json");
  leg_start(call, call->engine, &(struct leg_spec){.method = "GET", .url = &url}, on_inspected);
}

static void build_url(struct url *u, const struct image_build_options *o) {
  const cJSON *host;
  url_path(u, "/build");
  url_query(u, "t", o->tag);
  url_query(u, "dockerfile", o->dockerfile);
  url_query(u, "target", o->target);
  url_query(u, "networkmode", o->network_mode);
  url_query(u, "platform", o->platform);
  url_query_json(u, "buildargs", o->build_args);
  url_query_json(u, "labels", o->labels);
  url_query_json(u, "cachefrom", o->cache_from);
  cJSON_ArrayForEach(host, o->extra_hosts) url_query(u, "extrahosts", cJSON_GetStringValue(host));
  if (o->shm_size_bytes > 0)
    url_query_int(u, "shmsize", o->shm_size_bytes);
  url_query(u, "nocache", o->no_cache ? "1" : NULL);
  url_query(u, "pull", o->pull ? "1" : NULL);
  url_query(u, "version", o->buildkit ? "2" : "1");
  url_query(u, "rm", o->buildkit ? NULL : "1");
  url_query(u, "forcerm", o->buildkit ? NULL : "1"); /* else a failed step leaves its container */
}

struct engine_call *image_build(struct engine *e, const struct image_build_options *options, const char *tar_path,
                                engine_progress_cb *progress_cb, engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(e, cb, arg);
  struct build *b = call_state(call, sizeof(*b), build_free);
  if (!b)
    return call_no_memory(call);
  transfer_init(&b->transfer, call, b);
  b->transfer.reply.document_cb = on_document;
  b->transfer.reply.line_cb = on_line;
  b->progress_cb = progress_cb;
  build_url(&b->transfer.url, options);
  b->tag = strdup(options->tag ? options->tag : "");
  if (!b->transfer.url.err.kind && (!b->tag || !*b->tag))
    err_set(&b->transfer.url.err, ERR_INTERNAL, "a build needs a tag");
  transfer_start(&b->transfer, tar_path, BUILD_IDLE_MS, on_built);
  return call;
}

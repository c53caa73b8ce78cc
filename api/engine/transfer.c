#include "api/engine/transfer.h"

static void on_done(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct transfer *t = call->state; /* first member of every such state */
  CLEANUP_ERR struct err failure = ERR_INIT;
  t->leg = NULL;
  /* An engine that gives up in the middle of our body says why in the stream and then hangs up. */
  if ((reply || t->reply.error) && stream_reply_end(&t->reply, &failure) < 0) {
    err_wrap(&failure, "POST %s on %s", buf_text(&t->url.label), call->engine->name);
    t->done(call, NULL, &failure);
    return;
  }
  t->done(call, reply, err);
}

static int on_data(void *arg, const void *data, size_t len, struct err *err) {
  struct transfer *t = arg;
  return stream_reply_feed(&t->reply, data, len, err);
}

static long on_read(void *arg, void *data, size_t size, struct err *err) {
  struct transfer *t = arg;
  return upload_read(t->upload, data, size, err);
}

static void on_ready(void *arg) {
  struct transfer *t = arg;
  if (t->leg)
    leg_resume(t->leg);
}

static void send(struct transfer *t, int64_t bytes) {
  struct leg_spec spec = {.method = "POST",
                          .url = &t->url,
                          .keep_label = true,
                          .lane = LANE_STREAM,
                          .idle_ms = t->idle_ms,
                          .on_data = on_data,
                          .on_read = t->upload ? on_read : NULL,
                          .read_bytes = bytes,
                          .content_type = t->upload ? "application/x-tar" : NULL,
                          .arg = t};
  t->leg = leg_start(t->call, t->call->engine, &spec, on_done);
}

static void on_opened(void *arg, int64_t bytes, struct err *err) {
  struct transfer *t = arg;
  if (!err) {
    send(t, bytes);
    return;
  }
  err_wrap(err, "POST %s on %s", buf_text(&t->url.label), t->call->engine->name);
  t->done(t->call, NULL, err);
}

void transfer_init(struct transfer *t, struct engine_call *call, void *arg) {
  t->call = call;
  t->url = (struct url)URL_INIT;
  stream_reply_init(&t->reply, arg);
}

void transfer_start(struct transfer *t, const char *tar_path, int idle_ms, leg_done *done) {
  t->idle_ms = idle_ms;
  t->done = done;
  if (!tar_path) {
    send(t, 0);
    return;
  }
  t->upload = upload_new(t->call->engine->loop, tar_path, on_opened, t);
  if (!t->upload) {
    err_no_memory(&t->url.err); /* the leg ends with it */
    send(t, 0);
    return;
  }
  upload_on_ready(t->upload, on_ready, t);
}

void transfer_release(struct transfer *t) {
  upload_free(t->upload);
  stream_reply_release(&t->reply);
  url_release(&t->url);
}

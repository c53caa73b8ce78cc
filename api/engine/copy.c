/* An image from one engine to another: a save's body is a load's body, through a buffer of fixed size. Whichever
 * side is slower pauses the other; whichever fails ends the other. */
#include <string.h>

#include "api/engine/call.h"
#include "api/engine/image.h"
#include "api/engine/stream_reply.h"

#define PIPE_BYTES ((size_t)256 << 10)
#define LOAD_IDLE_MS 600000 /* layers are unpacked in silence */

struct copy {
  struct engine_call *call;
  struct engine *to;
  struct leg *save, *load; /* NULL while not under way */
  bool save_ended;
  bool loaded; /* the load's stream named an image */
  struct stream_reply reply;
  struct err failure; /* the first one */
  void (*on_bytes)(void *arg, uint64_t bytes);
  uint64_t bytes;
  size_t begin, len; /* what the ring holds */
  char ring[PIPE_BYTES];
};

static void copy_free(void *state) {
  struct copy *c = state;
  struct engine *to = c->to;
  stream_reply_release(&c->reply);
  err_release(&c->failure);
  to->users--;
  engine_check_closed(to);
}

static void ring_put(struct copy *c, const char *data, size_t len) {
  size_t at = (c->begin + c->len) % PIPE_BYTES;
  size_t first = len < PIPE_BYTES - at ? len : PIPE_BYTES - at;
  memcpy(c->ring + at, data, first);
  memcpy(c->ring, data + first, len - first);
  c->len += len;
}

static size_t ring_take(struct copy *c, char *data, size_t size) {
  size_t len = c->len < size ? c->len : size;
  size_t first = len < PIPE_BYTES - c->begin ? len : PIPE_BYTES - c->begin;
  memcpy(data, c->ring + c->begin, first);
  memcpy(data + first, c->ring, len - first);
  c->begin = (c->begin + len) % PIPE_BYTES;
  c->len -= len;
  return len;
}

/* Keeps the first failure and ends what is left; ends the call once nothing is. */
static void settle(struct copy *c, struct err *err) {
  if (err && !c->failure.kind)
    err_move(&c->failure, err);
  if (c->failure.kind && c->save)
    leg_cancel(c->save);
  if (c->failure.kind && c->load)
    leg_cancel(c->load);
  if (c->save || c->load)
    return;
  struct engine_reply reply = {.status = 200};
  call_finish(c->call, c->failure.kind ? NULL : &reply, &c->failure);
}

static int on_saved_data(void *arg, const void *data, size_t len, struct err *err) {
  struct copy *c = arg;
  if (len > PIPE_BYTES)
    return err_set(err, ERR_INTERNAL, "a piece of %zu bytes", len);
  if (len > PIPE_BYTES - c->len)
    return HTTP_PAUSE;
  ring_put(c, data, len);
  if (c->load)
    leg_resume(c->load);
  return 0;
}

static long on_load_read(void *arg, void *data, size_t size, struct err *err) {
  struct copy *c = arg;
  (void)err;
  if (c->len == 0)
    return c->save_ended ? 0 : HTTP_PAUSE;
  size_t len = ring_take(c, data, size);
  c->bytes += len;
  if (c->save && c->len <= PIPE_BYTES / 2)
    leg_resume(c->save);
  if (c->on_bytes && !c->call->cancelled)
    c->on_bytes(c->call->arg, c->bytes);
  return (long)len;
}

static int on_load_data(void *arg, const void *data, size_t len, struct err *err) {
  struct copy *c = arg;
  return stream_reply_feed(&c->reply, data, len, err);
}

static void on_load_line(void *arg, const char *line) {
  struct copy *c = arg;
  if (strncmp(line, "Loaded image", 12) == 0)
    c->loaded = true;
}

static void on_load_done(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct copy *c = call->state;
  CLEANUP_ERR struct err failure = ERR_INIT;
  c->load = NULL;
  if (reply || c->reply.error) {
    if (stream_reply_end(&c->reply, &failure) == 0 && (!c->loaded || !c->save_ended))
      err_set(&failure, ERR_ENGINE, "the load ended without an image");
    if (failure.kind)
      err_wrap(&failure, "POST /images/load on %s", c->to->name);
  } else {
    err_move(&failure, err);
  }
  settle(c, failure.kind ? &failure : NULL);
}

static void on_save_head(void *arg, const struct http_head *head) {
  (void)head;
  struct copy *c = arg;
  struct url url = URL_INIT;
  url_path(&url, "/images/load");
  url_query(&url, "quiet", "1");
  struct leg_spec spec = {.method = "POST",
                          .url = &url,
                          .lane = LANE_STREAM,
                          .idle_ms = LOAD_IDLE_MS,
                          .on_data = on_load_data,
                          .on_read = on_load_read,
                          .read_bytes = -1,
                          .content_type = "application/x-tar",
                          .arg = c};
  c->load = leg_start(c->call, c->to, &spec, on_load_done);
}

static void on_save_done(struct engine_call *call, const struct engine_reply *reply, struct err *err) {
  struct copy *c = call->state;
  c->save = NULL;
  c->save_ended = reply != NULL;
  if (reply && c->load)
    leg_resume(c->load);
  settle(c, err);
}

struct engine_call *image_copy(struct engine *from, struct engine *to, const char *ref,
                               void (*on_bytes)(void *arg, uint64_t bytes), engine_cb *cb, void *arg) {
  struct engine_call *call = call_new(from, cb, arg);
  struct copy *c = call_state(call, sizeof(*c), copy_free);
  if (!c)
    return call_no_memory(call);
  c->call = call;
  c->to = to;
  c->on_bytes = on_bytes;
  to->users++;
  stream_reply_init(&c->reply, c);
  c->reply.line_cb = on_load_line;
  struct url url = URL_INIT;
  url_path(&url, "/images/");
  url_segment(&url, ref);
  url_path(&url, "/get");
  if (from == to && !url.err.kind)
    err_set(&url.err, ERR_INTERNAL, "an image cannot be copied to the engine that it is on");
  struct leg_spec spec = {.method = "GET",
                          .url = &url,
                          .lane = LANE_STREAM,
                          .idle_ms = LOAD_IDLE_MS,
                          .on_head = on_save_head,
                          .on_data = on_saved_data,
                          .arg = c};
  c->save = leg_start(call, from, &spec, on_save_done);
  return call;
}

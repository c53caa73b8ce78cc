/* Images that come from outside: pulled from a registry or imported from a file. */
#include "api/engine/image.h"
#include "api/engine/transfer.h"

#define PULL_IDLE_MS 600000 /* a registry may be slow, and layers are unpacked in silence */

struct pull {
  struct transfer transfer; /* first: see transfer.c */
  engine_progress_cb *progress_cb;
};

static void pull_free(void *state) {
  transfer_release(&((struct pull *)state)->transfer);
}

static void on_line(void *arg, const char *line) {
  struct pull *p = arg;
  if (!p->transfer.call->cancelled)
    p->progress_cb(p->transfer.call->arg, line);
}

/* NULL without memory. */
static struct pull *pull_new(struct engine_call *call, engine_progress_cb *progress_cb) {
  struct pull *p = call_state(call, sizeof(*p), pull_free);
  if (!p)
    return NULL;
  p->progress_cb = progress_cb;
  transfer_init(&p->transfer, call, p);
  p->transfer.reply.line_cb = progress_cb ? on_line : NULL;
  url_path(&p->transfer.url, "/images/create");
  return p;
}

struct engine_call *image_pull(struct engine *e, const char *ref, const char *platform, engine_progress_cb *progress_cb,
                               engine_cb *cb, void *arg) {
  CLEANUP_FREE char *repo = NULL;
  CLEANUP_FREE char *tag = NULL;
  struct engine_call *call = call_new(e, cb, arg);
  struct pull *p = pull_new(call, progress_cb);
  if (!p)
    return call_no_memory(call);
  struct url *url = &p->transfer.url;
  if (ref_split(ref, "latest", &repo, &tag, &url->err) == 0) {
    url_query(url, "fromImage", repo);
    url_query(url, "tag", tag);
  }
  url_query(url, "platform", platform);
  transfer_start(&p->transfer, NULL, PULL_IDLE_MS, call_finish);
  return call;
}

struct engine_call *image_import(struct engine *e, const char *tar_path, const char *target, engine_cb *cb, void *arg) {
  CLEANUP_FREE char *repo = NULL;
  CLEANUP_FREE char *tag = NULL;
  struct engine_call *call = call_new(e, cb, arg);
  struct pull *p = pull_new(call, NULL);
  if (!p)
    return call_no_memory(call);
  struct url *url = &p->transfer.url;
  if (ref_split(target, "latest", &repo, &tag, &url->err) == 0) {
    url_query(url, "fromSrc", "-");
    url_query(url, "repo", repo);
    url_query(url, "tag", tag);
  }
  transfer_start(&p->transfer, tar_path, PULL_IDLE_MS, call_finish);
  return call;
}

struct engine_call *image_create_empty(struct engine *e, const char *repo, const char *tag, engine_cb *cb, void *arg) {
  static const char end_of_tar[1024];
  struct url url = URL_INIT;
  url_path(&url, "/images/create");
  url_query(&url, "fromSrc", "-");
  url_query(&url, "repo", repo);
  url_query(&url, "tag", tag);
  struct leg_spec spec = {.method = "POST",
                          .url = &url,
                          .lane = LANE_MUTATION,
                          .drop_body = true,
                          .content_type = "application/x-tar",
                          .raw_body = end_of_tar,
                          .raw_bytes = sizeof(end_of_tar)};
  return call_simple(e, &spec, cb, arg);
}

#include "api/engine/image.h"

#include <string.h>

#include "api/engine/call.h"

struct engine_call *image_list(struct engine *e, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/images/json");
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

struct engine_call *image_inspect(struct engine *e, const char *ref, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/images/");
  url_segment(&url, ref);
  url_path(&url, "/json");
  return call_simple(e, &(struct leg_spec){.method = "GET", .url = &url}, cb, arg);
}

struct engine_call *image_tag(struct engine *e, const char *ref, const char *target, engine_cb *cb, void *arg) {
  CLEANUP_FREE char *repo = NULL;
  CLEANUP_FREE char *tag = NULL;
  struct url url = URL_INIT;
  url_path(&url, "/images/");
  url_segment(&url, ref);
  url_path(&url, "/tag");
  if (ref_split(target, "latest", &repo, &tag, &url.err) == 0) {
    url_query(&url, "repo", repo);
    url_query(&url, "tag", tag);
  }
  return call_simple(e, &(struct leg_spec){.method = "POST", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

struct engine_call *image_remove(struct engine *e, const char *ref, engine_cb *cb, void *arg) {
  struct url url = URL_INIT;
  url_path(&url, "/images/");
  url_segment(&url, ref);
  url_query(&url, "noprune", "1");
  return call_simple(e, &(struct leg_spec){.method = "DELETE", .url = &url, .lane = LANE_MUTATION}, cb, arg);
}

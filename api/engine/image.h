/* Images: list, inspect, tag, remove, pull, save, load, import, and save-to-load between two engines. */
#ifndef TANDEM_ENGINE_IMAGE_H
#define TANDEM_ENGINE_IMAGE_H

#include "api/engine/engine.h"

/* GET /images/json. Array with Id, RepoTags, Labels. */
struct engine_call *image_list(struct engine *e, engine_cb *cb, void *arg);
struct engine_call *image_inspect(struct engine *e, const char *ref, engine_cb *cb, void *arg);
/* POST /images/{ref}/tag?repo=&tag=. ref may be an image ID. target "repo:tag". */
struct engine_call *image_tag(struct engine *e, const char *ref, const char *target, engine_cb *cb, void *arg);
/* DELETE /images/{ref}?noprune=1, never forced */
struct engine_call *image_remove(struct engine *e, const char *ref, engine_cb *cb, void *arg);

/* POST /images/create?fromSrc=-&repo=&tag= of an archive without a file in it: an image for containers that are never
 * started. Success says little, since the stream is not read: the create that uses it tells. */
struct engine_call *image_create_empty(struct engine *e, const char *repo, const char *tag, engine_cb *cb, void *arg);

/* Progress of a streamed operation: one line of the daemon's own words; strings live in the call only. */
typedef void engine_progress_cb(void *arg, const char *line);
/* POST /images/create?fromImage=&tag=. platform may be NULL. errorDetail in the stream is ERR_ENGINE. */
struct engine_call *image_pull(struct engine *e, const char *ref, const char *platform, engine_progress_cb *progress_cb,
                               engine_cb *cb, void *arg);
/* GET /images/{ref}/get on `from` piped into POST /images/load on `to` with back-pressure; errorDetail in the
 * load's stream is ERR_ENGINE. ref is "repo:tag" or an ID. on_bytes(arg, bytes so far) may be NULL. json NULL. */
struct engine_call *image_copy(struct engine *from, struct engine *to, const char *ref,
                               void (*on_bytes)(void *arg, uint64_t bytes), engine_cb *cb, void *arg);

/* What a build may be given (classic names of POST /build's query). */
struct image_build_options {
  const char *tag;        /* "repo:tag" */
  const char *dockerfile; /* path inside the context */
  const char *target;     /* NULL: the last stage */
  const char *network_mode;
  const char *platform;
  const cJSON *build_args;  /* object of strings; NULL none */
  const cJSON *labels;      /* object of strings; NULL none */
  const cJSON *cache_from;  /* array of strings; NULL none */
  const cJSON *extra_hosts; /* array of "host:ip"; NULL none */
  int64_t shm_size_bytes;
  bool no_cache;
  bool pull;
  bool buildkit; /* version=2; else the classic builder with rm=1&forcerm=1 */
};
/* POST /build with the tar file at tar_path as the body (read through the thread pool, streamed). Success is: an
 * image ID in the stream, no errorDetail, and the tag inspects. json: {"Id": "sha256:..."}. Failure: ERR_ENGINE with
 * the failing step's last output lines. progress_cb may be NULL. Cancel cancels the build. No total deadline; idle
 * deadline 10 min. */
struct engine_call *image_build(struct engine *e, const struct image_build_options *options, const char *tar_path,
                                engine_progress_cb *progress_cb, engine_cb *cb, void *arg);
/* POST /images/create?fromSrc=-&repo=&tag= with the tar file at tar_path. */
struct engine_call *image_import(struct engine *e, const char *tar_path, const char *target, engine_cb *cb, void *arg);

#endif

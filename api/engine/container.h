/* Containers: GET/POST/DELETE /containers/... (API 1.41 and up). Mutations take the full 64-hex ID only: anything
 * else ends in ERR_INTERNAL without a request, since the engine would take a name or an ID prefix for another one. */
#ifndef TANDEM_ENGINE_CONTAINER_H
#define TANDEM_ENGINE_CONTAINER_H

#include <stddef.h>

#include "api/engine/engine.h"

/* GET /containers/json?all=1 with label filters ("KEY" or "KEY=VALUE"). Array of summaries. */
struct engine_call *container_list(struct engine *e, const char *const *labels, size_t label_count, engine_cb *cb,
                                   void *arg);
/* GET /containers/{id or exact name}/json. A name that the engine resolved as an ID prefix is answered as 404. */
struct engine_call *container_inspect(struct engine *e, const char *id_or_name, engine_cb *cb, void *arg);
/* POST /containers/create?name=&platform= ; platform may be NULL. json: {"Id", "Warnings"}. body is copied. */
struct engine_call *container_create(struct engine *e, const char *name, const char *platform, const cJSON *body,
                                     engine_cb *cb, void *arg);
struct engine_call *container_start(struct engine *e, const char *id, engine_cb *cb, void *arg);
/* POST /containers/{id}/stop. timeout_s < 0: the container's own StopTimeout (no t sent). deadline_s bounds the
 * call and must be above the stop time. 304 (already stopped) is success. */
struct engine_call *container_stop(struct engine *e, const char *id, int timeout_s, int deadline_s, engine_cb *cb,
                                   void *arg);
struct engine_call *container_pause(struct engine *e, const char *id, engine_cb *cb, void *arg);
struct engine_call *container_unpause(struct engine *e, const char *id, engine_cb *cb, void *arg);
struct engine_call *container_rename(struct engine *e, const char *id, const char *name, engine_cb *cb, void *arg);
/* DELETE /containers/{id}?force=&v=  */
struct engine_call *container_remove(struct engine *e, const char *id, bool force, bool volumes, engine_cb *cb,
                                     void *arg);
/* POST /containers/{id}/update. body: resource fields and RestartPolicy. The caller reads back. */
struct engine_call *container_update(struct engine *e, const char *id, const cJSON *body, engine_cb *cb, void *arg);
/* POST /containers/{id}/update of the restart policy on-failure:COUNT, whatever a fence says, on no lane and within
 * deadline_ms: the heartbeat of a container that is never started, whose policy means nothing. */
struct engine_call *container_beat(struct engine *e, const char *id, int count, int deadline_ms, engine_cb *cb,
                                   void *arg);
/* GET /containers/{id}/stats?stream=false&one-shot=1 */
struct engine_call *container_stats(struct engine *e, const char *id, engine_cb *cb, void *arg);
/* GET /containers/{id}/top?ps_args= */
struct engine_call *container_top(struct engine *e, const char *id, const char *ps_args, engine_cb *cb, void *arg);

/* One piece of a container's or an exec's output; stream 1 stdout, 2 stderr. Bytes as sent, any length. */
typedef void container_output_cb(void *arg, int stream, const char *data, size_t len);

struct container_logs_options {
  bool follow;
  bool timestamps;
  int tail; /* < 0: all */
};
/* GET /containers/{id}/logs. tty: the container has one (raw stream). cb at the end; json NULL. */
struct engine_call *container_logs(struct engine *e, const char *id, bool tty,
                                   const struct container_logs_options *options, container_output_cb *output_cb,
                                   engine_cb *cb, void *arg);
/* POST /containers/{id}/exec, POST /exec/{id}/start, GET /exec/{id}/json. output_cb may be NULL. json at the end:
 * the exec's inspect document, its ExitCode among it. env may be NULL. */
struct engine_call *container_exec(struct engine *e, const char *id, const char *const *argv, size_t argc,
                                   const char *const *env, size_t envc, container_output_cb *output_cb, engine_cb *cb,
                                   void *arg);
/* PUT /containers/{id}/archive?path=&noOverwriteDirNonDir=1. tar is copied. */
struct engine_call *container_archive_put(struct engine *e, const char *id, const char *path, const void *tar,
                                          size_t tar_bytes, engine_cb *cb, void *arg);
/* GET /containers/{id}/archive?path=: data_cb gets the tar's bytes; returns non-zero to stop (ERR_CANCELLED). */
typedef int engine_data_cb(void *arg, const void *data, size_t len);
struct engine_call *container_archive_get(struct engine *e, const char *id, const char *path, engine_data_cb *data_cb,
                                          engine_cb *cb, void *arg);

#endif

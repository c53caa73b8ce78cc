/* A local file as a request's body: opened and read through the loop's thread pool, a piece at a time. */
#ifndef TANDEM_ENGINE_UPLOAD_H
#define TANDEM_ENGINE_UPLOAD_H

#include <stdint.h>

#include "api/base/err.h"

struct uv_loop_s;
struct upload;

/* Opens path. opened_cb runs once, from the loop: err is NULL and bytes the file's size, or err says why not (and
 * may be moved out of). NULL without memory: then it does not run. */
struct upload *upload_new(struct uv_loop_s *loop, const char *path,
                          void (*opened_cb)(void *arg, int64_t bytes, struct err *err), void *arg);
/* For leg_spec.on_read: bytes, 0 at the end, HTTP_PAUSE while a piece is being read. A file that shrank is ERR_IO. */
long upload_read(struct upload *u, void *data, size_t size, struct err *err);
/* Called from the loop whenever a pause is over. */
void upload_on_ready(struct upload *u, void (*ready_cb)(void *arg), void *arg);
/* Closes and frees, at once or when the read under way is over; no callback comes any more. NULL is fine. */
void upload_free(struct upload *u);

#endif

/* A build context on disk: its digest (so that a plan knows whether a build is needed) and its tar (the body of
 * POST /build). .dockerignore is honoured (DOCKERFILE.dockerignore first, as docker does); links are stored as links
 * and never followed out of the context; uid and gid are 0 and times are fixed, so equal content is an equal tar. */
#ifndef TANDEM_DEPLOY_CONTEXT_H
#define TANDEM_DEPLOY_CONTEXT_H

#include <stdint.h>

#include "api/base/err.h"

struct uv_loop_s;

/* SHA-256 over sorted (path, type, mode, content). dockerfile is the path as in struct build, NULL when the Dockerfile
 * is inline (its text is the caller's to hash). Synchronous. A context or Dockerfile that is not there, a bad pattern,
 * and a FIFO or device that is not ignored are ERR_INPUT; what changes while it is read is ERR_CONFLICT, retryable;
 * sockets are left out. */
int context_digest(const char *folder, const char *dockerfile, char ret_hex[65], struct err *err);
/* Writes the tar to path (0600; removed on failure). inline_dockerfile: NULL, or the text put in as ret_dockerfile's
 * file; a Dockerfile outside of the context, or one that is a link, is put in under a made-up name, which a made-up
 * NAME.dockerignore keeps out of the image. *ret_dockerfile (caller frees): the name to pass to build. Errors as above,
 * ERR_IO for the tar. */
int context_tar(const char *folder, const char *dockerfile, const char *inline_dockerfile, const char *path,
                char **ret_dockerfile, uint64_t *ret_bytes, struct err *err);

/* dockerfile is borrowed for the call; NULL with an error. Runs from the loop, once. */
typedef void context_cb(void *arg, const char *dockerfile, uint64_t bytes, struct err *err);
/* context_tar() in the thread pool; strings are copied. -1: nothing was started and cb will not run. */
int context_tar_async(struct uv_loop_s *loop, const char *folder, const char *dockerfile, const char *inline_dockerfile,
                      const char *path, context_cb *cb, void *arg, struct err *err);

#endif

/* context_tar() in the thread pool. */
#include <string.h>
#include <uv.h>

#include "controller/deploy/context.h"

struct tar_job {
  uv_work_t work;
  char *folder, *dockerfile, *inline_dockerfile, *path;
  context_cb *cb;
  void *arg;
  char *name; /* of the Dockerfile in the tar */
  uint64_t bytes;
  struct err err;
  int rc;
};

static void job_free(struct tar_job *job) {
  free(job->folder);
  free(job->dockerfile);
  free(job->inline_dockerfile);
  free(job->path);
  free(job->name);
  err_release(&job->err);
  free(job);
}

static void on_work(uv_work_t *work) {
  struct tar_job *job = work->data;
  job->rc =
      context_tar(job->folder, job->dockerfile, job->inline_dockerfile, job->path, &job->name, &job->bytes, &job->err);
}

static void on_done(uv_work_t *work, int status) {
  struct tar_job *job = work->data;
  if (status < 0)
    job->rc = err_set(&job->err, ERR_CANCELLED, "build context %s: %s", job->folder, uv_strerror(status));
  job->cb(job->arg, job->name, job->bytes, job->rc < 0 ? &job->err : NULL);
  job_free(job);
}

static bool copy(char **ret, const char *text) {
  *ret = text ? strdup(text) : NULL;
  return *ret || !text;
}

int context_tar_async(struct uv_loop_s *loop, const char *folder, const char *dockerfile, const char *inline_dockerfile,
                      const char *path, context_cb *cb, void *arg, struct err *err) {
  struct tar_job *job = calloc(1, sizeof(*job));
  if (!job)
    return err_no_memory(err);
  job->cb = cb;
  job->arg = arg;
  job->work.data = job;
  if (!copy(&job->folder, folder) || !copy(&job->dockerfile, dockerfile) ||
      !copy(&job->inline_dockerfile, inline_dockerfile) || !copy(&job->path, path)) {
    job_free(job);
    return err_no_memory(err);
  }
  int rc = uv_queue_work(loop, &job->work, on_work, on_done);
  if (rc == 0)
    return 0;
  job_free(job);
  return err_set(err, ERR_INTERNAL, "thread pool: %s", uv_strerror(rc));
}

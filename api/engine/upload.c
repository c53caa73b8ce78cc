#include "api/engine/upload.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api/http/http.h"

#define PIECE_BYTES ((size_t)128 << 10)

struct upload {
  uv_fs_t req; /* one file operation at a time */
  uv_loop_t *loop;
  uv_file fd;
  bool busy;
  bool dropped; /* upload_free() came while busy */
  int64_t left; /* bytes of the file not read yet */
  char *piece;
  size_t begin, end; /* what of the piece is not handed out yet */
  struct err err;
  void (*opened_cb)(void *arg, int64_t bytes, struct err *err);
  void *opened_arg;
  void (*ready_cb)(void *arg);
  void *ready_arg;
};

static void destroy(struct upload *u) {
  uv_fs_t req;
  if (u->fd >= 0) {
    uv_fs_close(NULL, &req, u->fd, NULL); /* of a file that was only read: does not block */
    uv_fs_req_cleanup(&req);
  }
  err_release(&u->err);
  free(u->piece);
  free(u);
}

/* The operation's result, with the request cleaned up. Returns false when u is gone. */
static bool finished(struct upload *u, ssize_t *ret_result) {
  *ret_result = u->req.result;
  uv_fs_req_cleanup(&u->req);
  u->busy = false;
  if (!u->dropped)
    return true;
  destroy(u);
  return false;
}

static void on_read(uv_fs_t *req) {
  struct upload *u = req->data;
  ssize_t n;
  if (!finished(u, &n))
    return;
  if (n < 0)
    err_set_errno(&u->err, (int)-n, "reading the file to send");
  else if (n == 0)
    err_set(&u->err, ERR_IO, "the file to send became shorter while it was read");
  else
    u->end = (size_t)n;
  u->left -= n > 0 ? n : 0;
  if (u->ready_cb)
    u->ready_cb(u->ready_arg);
}

static void read_piece(struct upload *u) {
  size_t want = u->left < (int64_t)PIECE_BYTES ? (size_t)u->left : PIECE_BYTES;
  uv_buf_t buf = uv_buf_init(u->piece, (unsigned int)want);
  u->begin = u->end = 0;
  u->busy = uv_fs_read(u->loop, &u->req, u->fd, &buf, 1, -1, on_read) == 0;
  if (!u->busy)
    err_no_memory(&u->err);
}

long upload_read(struct upload *u, void *data, size_t size, struct err *err) {
  if (u->err.kind)
    return err_copy(err, &u->err);
  if (u->begin == u->end) {
    if (u->left == 0 && !u->busy)
      return 0;
    if (!u->busy)
      read_piece(u);
    return u->err.kind ? err_copy(err, &u->err) : HTTP_PAUSE;
  }
  size_t n = u->end - u->begin < size ? u->end - u->begin : size;
  memcpy(data, u->piece + u->begin, n);
  u->begin += n;
  return (long)n;
}

static void on_opened(uv_fs_t *req) {
  struct upload *u = req->data;
  CLEANUP_FREE char *path = strdup(req->path ? req->path : "the file");
  uv_fs_t stat;
  ssize_t fd;
  if (req->result >= 0)
    u->fd = (uv_file)req->result;
  if (!finished(u, &fd))
    return;
  int rc = fd < 0 ? (int)fd : uv_fs_fstat(NULL, &stat, u->fd, NULL);
  if (rc < 0) {
    err_set_errno(&u->err, -rc, "%s", path ? path : "the file to send");
  } else {
    if (!S_ISREG(stat.statbuf.st_mode))
      err_set(&u->err, ERR_IO, "%s is not a regular file", path ? path : "the file to send");
    u->left = (int64_t)stat.statbuf.st_size;
    uv_fs_req_cleanup(&stat);
  }
  CLEANUP_ERR struct err err = ERR_INIT;
  err_copy(&err, &u->err);
  u->opened_cb(u->opened_arg, u->left, err.kind ? &err : NULL);
}

struct upload *upload_new(struct uv_loop_s *loop, const char *path,
                          void (*opened_cb)(void *arg, int64_t bytes, struct err *err), void *arg) {
  struct upload *u = calloc(1, sizeof(*u));
  if (!u || !(u->piece = malloc(PIECE_BYTES))) {
    free(u);
    return NULL;
  }
  u->loop = loop;
  u->fd = -1;
  u->opened_cb = opened_cb;
  u->opened_arg = arg;
  u->req.data = u;
  u->busy = uv_fs_open(loop, &u->req, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, on_opened) == 0;
  if (u->busy)
    return u;
  destroy(u);
  return NULL;
}

void upload_on_ready(struct upload *u, void (*ready_cb)(void *arg), void *arg) {
  u->ready_cb = ready_cb;
  u->ready_arg = arg;
}

void upload_free(struct upload *u) {
  if (!u)
    return;
  u->ready_cb = NULL;
  u->dropped = true;
  if (!u->busy)
    destroy(u);
}

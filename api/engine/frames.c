#include "api/engine/frames.h"

#include <string.h>

void frames_init(struct frames *f, size_t limit_bytes) {
  *f = (struct frames){.limit_bytes = limit_bytes};
}

static int begin_frame(struct frames *f, struct err *err) {
  const unsigned char *h = f->head;
  size_t len = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
  if (h[0] > 3 || h[1] || h[2] || h[3])
    return err_set(err, ERR_PROTOCOL, "not a stream frame: %02x%02x%02x%02x", h[0], h[1], h[2], h[3]);
  if (len > f->limit_bytes)
    return err_set(err, ERR_PROTOCOL, "a stream frame of %zu bytes, more than %zu", len, f->limit_bytes);
  f->left = len;
  if (len == 0)
    f->head_len = 0;
  return 0;
}

int frames_feed(struct frames *f, const void *data, size_t len, frames_cb *cb, void *arg, struct err *err) {
  const char *p = data;
  while (len) {
    bool in_head = f->head_len < sizeof(f->head);
    size_t want = in_head ? sizeof(f->head) - f->head_len : f->left;
    size_t n = want < len ? want : len;
    if (in_head) {
      memcpy(f->head + f->head_len, p, n);
      f->head_len += n;
      if (f->head_len == sizeof(f->head) && begin_frame(f, err) < 0)
        return -1;
    } else {
      f->left -= n;
      if (f->left == 0)
        f->head_len = 0;
      cb(arg, f->head[0] <= 1 ? 1 : 2, p, n);
    }
    p += n;
    len -= n;
  }
  return 0;
}

int frames_end(const struct frames *f, struct err *err) {
  if (f->head_len == 0)
    return 0;
  return err_set(err, ERR_LOST, "the stream ended inside a frame");
}

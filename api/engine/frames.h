/* The 8-byte-frame stream of logs, attach and exec without a terminal, fed in arbitrary pieces: byte 0 the stream
 * (0 stdin, 1 stdout, 2 stderr, 3 the engine's own error), bytes 1 to 3 zero, bytes 4 to 7 the length, big-endian. */
#ifndef TANDEM_ENGINE_FRAMES_H
#define TANDEM_ENGINE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"

struct frames {
  unsigned char head[8];
  size_t head_len;
  size_t left; /* bytes of the current frame still to come */
  size_t limit_bytes;
};

/* A piece of a frame as it arrives (a frame may come in several); stream 1 stdout (0 too), 2 stderr (3 too). */
typedef void frames_cb(void *arg, int stream, const char *data, size_t len);

/* A frame that claims more than limit_bytes is ERR_PROTOCOL. */
void frames_init(struct frames *f, size_t limit_bytes);
/* ERR_PROTOCOL on a head that cannot be one. */
int frames_feed(struct frames *f, const void *data, size_t len, frames_cb *cb, void *arg, struct err *err);
/* The stream's end: inside a head or a frame it is ERR_LOST (truncated). */
int frames_end(const struct frames *f, struct err *err);

#endif

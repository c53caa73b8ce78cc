/* A growable byte buffer with a limit set at init: what the outside fills cannot grow past it. Always
 * NUL-terminated after the first append (the NUL is not counted in len). */
#ifndef TANDEM_BASE_BUF_H
#define TANDEM_BASE_BUF_H

#include <stddef.h>

#include "api/base/err.h"

struct buf {
  char *data;         /* NULL while empty */
  size_t len;         /* bytes used */
  size_t cap;         /* bytes allocated */
  size_t limit_bytes; /* 0: no limit (only for data of our own making) */
};

#define BUF_INIT(limit) {.limit_bytes = (limit)}

/* Appends. Returns 0, or -1 with *err ERR_PROTOCOL when the limit is passed, ERR_NO_MEMORY; unchanged then. */
int buf_append(struct buf *b, const void *data, size_t len, struct err *err);
int buf_puts(struct buf *b, const char *s, struct err *err);
int buf_printf(struct buf *b, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
/* Drops the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* The text so far; "" while empty. Belongs to the buffer. */
const char *buf_text(const struct buf *b);
/* Hands the text over (caller frees); an empty buffer gives an allocated "". NULL without memory. */
char *buf_steal(struct buf *b);
/* Empties it, keeping memory and limit. */
void buf_clear(struct buf *b);
void buf_release(struct buf *b);
#define CLEANUP_BUF CLEANUP(buf_release)

#endif

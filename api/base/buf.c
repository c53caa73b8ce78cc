#include "api/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int buf_reserve(struct buf *b, size_t extra, struct err *err) {
  size_t need = b->len + extra + 1;
  if (need < extra)
    return err_no_memory(err);
  if (b->limit_bytes && b->len + extra > b->limit_bytes)
    return err_set(err, ERR_PROTOCOL, "more than %zu bytes", b->limit_bytes);
  if (need <= b->cap)
    return 0;
  size_t cap = b->cap ? b->cap : 256;
  while (cap < need)
    cap += cap / 2 + 64;
  char *data = realloc(b->data, cap);
  if (!data)
    return err_no_memory(err);
  b->data = data;
  b->cap = cap;
  return 0;
}

int buf_append(struct buf *b, const void *data, size_t len, struct err *err) {
  if (buf_reserve(b, len, err) < 0)
    return -1;
  if (len)
    memcpy(b->data + b->len, data, len);
  b->len += len;
  b->data[b->len] = '\0';
  return 0;
}

int buf_puts(struct buf *b, const char *s, struct err *err) {
  return buf_append(b, s, strlen(s), err);
}

int buf_printf(struct buf *b, struct err *err, const char *format, ...) {
  CLEANUP_FREE char *text = NULL;
  va_list args;
  va_start(args, format);
  int n = vasprintf(&text, format, args);
  va_end(args);
  if (n < 0) {
    text = NULL;
    return err_no_memory(err);
  }
  return buf_append(b, text, (size_t)n, err);
}

void buf_consume(struct buf *b, size_t n) {
  if (n == 0)
    return;
  memmove(b->data, b->data + n, b->len - n);
  b->len -= n;
  b->data[b->len] = '\0';
}

const char *buf_text(const struct buf *b) {
  return b->data ? b->data : "";
}

char *buf_steal(struct buf *b) {
  char *text = b->data ? b->data : strdup("");
  b->data = NULL;
  b->len = b->cap = 0;
  return text;
}

void buf_clear(struct buf *b) {
  b->len = 0;
  if (b->data)
    b->data[0] = '\0';
}

void buf_release(struct buf *b) {
  if (!b)
    return;
  free(b->data);
  b->data = NULL;
  b->len = b->cap = 0;
}

#include "api/engine/ndjson.h"

#include <string.h>

void ndjson_init(struct ndjson *n, size_t limit_bytes) {
  *n = (struct ndjson){.line = BUF_INIT(limit_bytes)};
}

static int take_line(const char *line, size_t len, ndjson_cb *cb, void *arg, struct err *err) {
  CLEANUP_JSON cJSON *json = NULL;
  while (len && strchr(" \t\r", line[0]) && line[0])
    line++, len--;
  if (len == 0)
    return 0;
  if (json_parse(line, len, &json, err) < 0)
    return err_wrap(err, "in a stream of JSON lines");
  return cb(arg, json, err);
}

int ndjson_feed(struct ndjson *n, const void *data, size_t len, ndjson_cb *cb, void *arg, struct err *err) {
  const char *p = data;
  const char *end = p + len;
  while (p < end) {
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    if (!newline || n->line.len) {
      const char *stop = newline ? newline : end;
      if (buf_append(&n->line, p, (size_t)(stop - p), err) < 0)
        return err_wrap(err, "a JSON line");
    }
    if (!newline)
      return 0;
    int rc = n->line.len ? take_line(n->line.data, n->line.len, cb, arg, err)
                         : take_line(p, (size_t)(newline - p), cb, arg, err);
    buf_clear(&n->line);
    if (rc < 0)
      return -1;
    p = newline + 1;
  }
  return 0;
}

int ndjson_end(struct ndjson *n, ndjson_cb *cb, void *arg, struct err *err) {
  if (n->line.len == 0)
    return 0;
  int rc = take_line(n->line.data, n->line.len, cb, arg, err);
  buf_clear(&n->line);
  return rc;
}

void ndjson_release(struct ndjson *n) {
  if (n)
    buf_release(&n->line);
}

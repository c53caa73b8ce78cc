#include "api/engine/stream_reply.h"

#include <stdio.h>
#include <string.h>

#include "api/engine/text.h"

#define LINE_LIMIT_BYTES ((size_t)8 << 20)
#define ERROR_MAX_BYTES 4000

void stream_reply_init(struct stream_reply *s, void *arg) {
  *s = (struct stream_reply){.arg = arg};
  ndjson_init(&s->lines, LINE_LIMIT_BYTES);
}

/* A carriage return starts the line again, as a terminal would. */
static void one_line(struct stream_reply *s, const char *text, size_t len) {
  char line[1024];
  while (len && text[len - 1] == '\r')
    len--;
  const char *start = memrchr(text, '\r', len);
  if (start) {
    len -= (size_t)(start + 1 - text);
    text = start + 1;
  }
  snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), text);
  text_clean_str(line);
  if (*line)
    s->line_cb(s->arg, line);
}

void stream_reply_text(struct stream_reply *s, const char *text, size_t len) {
  while (s->line_cb && len) {
    const char *newline = memchr(text, '\n', len);
    size_t n = newline ? (size_t)(newline - text) : len;
    one_line(s, text, n);
    n += newline != NULL;
    text += n;
    len -= n;
  }
}

static void progress_text(struct stream_reply *s, const cJSON *json) {
  const char *stream = json_str(json, "stream", NULL);
  const char *status = json_str(json, "status", NULL);
  const char *id = json_str(json, "id", NULL);
  if (stream) {
    stream_reply_text(s, stream, strlen(stream));
  } else if (status && json_str(json, "progress", NULL) == NULL) {
    char line[512];
    snprintf(line, sizeof(line), "%s%s%s", id ? id : "", id ? ": " : "", status);
    stream_reply_text(s, line, strlen(line));
  }
}

static int on_document(void *arg, const cJSON *json, struct err *err) {
  (void)err;
  struct stream_reply *s = arg;
  const char *detail = json_str(json_get(json, "errorDetail"), "message", NULL);
  const char *error = detail && *detail ? detail : json_str(json, "error", NULL);
  if (error || json_get(json, "errorDetail")) {
    if (!s->error && (s->error = strndup(error ? error : "an error without a message", ERROR_MAX_BYTES)))
      text_clean_str(s->error);
    return 0;
  }
  if (s->document_cb)
    s->document_cb(s->arg, json);
  progress_text(s, json);
  return 0;
}

int stream_reply_feed(struct stream_reply *s, const void *data, size_t len, struct err *err) {
  return ndjson_feed(&s->lines, data, len, on_document, s, err);
}

int stream_reply_end(struct stream_reply *s, struct err *err) {
  CLEANUP_ERR struct err cut = ERR_INIT;
  if (ndjson_end(&s->lines, on_document, s, &cut) < 0 && !s->error)
    return err_set(err, ERR_LOST, "the engine's stream ended inside a line: %s", err_text(&cut));
  return s->error ? err_set(err, ERR_ENGINE, "%s", s->error) : 0;
}

void stream_reply_release(struct stream_reply *s) {
  ndjson_release(&s->lines);
  free(s->error);
  s->error = NULL;
}

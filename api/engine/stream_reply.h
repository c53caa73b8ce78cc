/* The NDJSON stream that pull, load, import and build answer with: 200 does not mean success, an errorDetail in the
 * stream is a failure. */
#ifndef TANDEM_ENGINE_STREAM_REPLY_H
#define TANDEM_ENGINE_STREAM_REPLY_H

#include "api/engine/ndjson.h"

struct stream_reply {
  struct ndjson lines;
  /* Gets every document that is not an error; may be NULL. */
  void (*document_cb)(void *arg, const cJSON *json);
  /* Gets a line of text, cleaned of escapes; may be NULL. */
  void (*line_cb)(void *arg, const char *line);
  void *arg;
  char *error; /* the engine's words, cleaned; NULL while there is none */
};

void stream_reply_init(struct stream_reply *s, void *arg);
/* For leg_spec.on_data. Goes on after an errorDetail, so that the stream's end is seen. */
int stream_reply_feed(struct stream_reply *s, const void *data, size_t len, struct err *err);
/* At the end of the stream: ERR_ENGINE with the engine's words, or ERR_LOST for a cut last line. */
int stream_reply_end(struct stream_reply *s, struct err *err);
/* Splits text into lines and hands them to line_cb, cleaned. */
void stream_reply_text(struct stream_reply *s, const char *text, size_t len);
void stream_reply_release(struct stream_reply *s);

#endif

/* BuildKit's progress as the engine's build stream carries it: `moby.buildkit.trace` with a base64 protobuf message
 * moby.buildkit.v1.StatusResponse in `aux`. Only what is shown is decoded. */
#ifndef TANDEM_ENGINE_TRACE_H
#define TANDEM_ENGINE_TRACE_H

#include "api/base/err.h"

/* A slice of the message; not NUL-terminated; valid in the call. */
struct trace_text {
  const char *data;
  size_t len;
};

/* One step of the build; comes again each time that something about it changes. */
struct trace_vertex {
  struct trace_text digest;
  struct trace_text name;
  struct trace_text error; /* len 0: none */
  bool cached;
  bool started;
  bool completed;
};

struct trace_log {
  struct trace_text vertex; /* digest */
  struct trace_text text;   /* as the command wrote it, any bytes */
};

struct trace_handlers {
  void (*vertex)(void *arg, const struct trace_vertex *vertex);
  void (*log)(void *arg, const struct trace_log *log);
};

/* Decodes one message: vertices first, then logs. Unknown fields are skipped. ERR_PROTOCOL on what is no protobuf. */
int trace_decode(const void *message, size_t len, const struct trace_handlers *handlers, void *arg, struct err *err);
/* The same from base64. */
int trace_decode_base64(const char *text, const struct trace_handlers *handlers, void *arg, struct err *err);

#endif

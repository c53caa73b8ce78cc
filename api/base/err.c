#include "api/base/err.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [ERR_NONE] = "none",         [ERR_INTERNAL] = "internal",   [ERR_NO_MEMORY] = "no_memory",
    [ERR_USAGE] = "usage",       [ERR_INPUT] = "input",         [ERR_IO] = "io",
    [ERR_UNREACHABLE] = "unreachable", [ERR_TLS] = "tls",       [ERR_LOST] = "lost",
    [ERR_TIMEOUT] = "timeout",   [ERR_HTTP] = "http",           [ERR_ENGINE] = "engine",
    [ERR_PROTOCOL] = "protocol", [ERR_VERSION] = "version",     [ERR_CANCELLED] = "cancelled",
    [ERR_LOCKED] = "locked",     [ERR_CONFLICT] = "conflict",   [ERR_GATE] = "gate",
};

const char *err_kind_name(enum err_kind kind) {
  return (size_t)kind < COUNT_OF(kind_names) && kind_names[kind] ? kind_names[kind] : "unknown";
}

const char *err_text(const struct err *err) {
  return err->message ? err->message : err_kind_name(err->kind);
}

void err_release(struct err *err) {
  if (!err)
    return;
  free(err->message);
  *err = (struct err)ERR_INIT;
}

int err_setv(struct err *err, enum err_kind kind, const char *format, va_list args) {
  if (!err)
    return -1;
  char *message = NULL;
  if (vasprintf(&message, format, args) < 0)
    message = NULL;
  err_release(err);
  err->kind = kind;
  err->message = message;
  return -1;
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...) {
  va_list args;
  va_start(args, format);
  err_setv(err, kind, format, args);
  va_end(args);
  return -1;
}

int err_set_errno(struct err *err, int sys_errno, const char *format, ...) {
  va_list args;
  if (!err)
    return -1;
  va_start(args, format);
  err_setv(err, sys_errno == 12 ? ERR_NO_MEMORY : ERR_IO, format, args);
  va_end(args);
  err->sys_errno = sys_errno;
  char *longer = NULL;
  if (asprintf(&longer, "%s: %s", err_text(err), strerror(sys_errno)) >= 0) {
    free(err->message);
    err->message = longer;
  }
  return -1;
}

int err_no_memory(struct err *err) {
  if (err) {
    err_release(err);
    err->kind = ERR_NO_MEMORY;
    err->message = strdup("out of memory");
  }
  return -1;
}

int err_wrap(struct err *err, const char *format, ...) {
  if (!err)
    return -1;
  char *prefix = NULL;
  char *longer = NULL;
  va_list args;
  va_start(args, format);
  int n = vasprintf(&prefix, format, args);
  va_end(args);
  if (n < 0)
    return -1;
  if (asprintf(&longer, "%s: %s", prefix, err_text(err)) >= 0) {
    free(err->message);
    err->message = longer;
  }
  free(prefix);
  return -1;
}

int err_move(struct err *to, struct err *from) {
  if (!from)
    return -1;
  if (!to) {
    err_release(from);
    return -1;
  }
  err_release(to);
  *to = *from;
  *from = (struct err)ERR_INIT;
  return -1;
}

int err_copy(struct err *to, const struct err *from) {
  if (!to || !from)
    return -1;
  struct err copy = *from;
  copy.message = from->message ? strdup(from->message) : NULL;
  err_release(to);
  *to = copy;
  return -1;
}

bool err_is_unknown_result(const struct err *err) {
  return err->kind == ERR_LOST || err->kind == ERR_TIMEOUT || err->kind == ERR_PROTOCOL || err->kind == ERR_CANCELLED;
}

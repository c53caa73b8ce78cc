/* The error object that every fallible function fills.
 *
 * A function that can fail returns 0, or -1 after filling the `struct err *` it was given (which may be NULL:
 * then the details are dropped). Each layer adds its object's name in front with err_wrap(), so that the user
 * reads one line from the outermost to the innermost cause:
 *   deploy tts_service: create on mainpc: POST /containers/create: 409: name in use by 3f2a... */
#ifndef TANDEM_BASE_ERR_H
#define TANDEM_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#include "api/base/cleanup.h"

enum err_kind {
  ERR_NONE = 0,
  ERR_INTERNAL,    /* a promise of our own is broken */
  ERR_NO_MEMORY,   /* an allocation failed */
  ERR_USAGE,       /* wrong command line */
  ERR_INPUT,       /* the user's file is wrong: position is in the message */
  ERR_IO,          /* a local file or database */
  ERR_UNREACHABLE, /* no connection to an engine: the request was certainly not sent */
  ERR_TLS,         /* the engine's or our certificate was refused: not sent either */
  ERR_LOST,        /* the connection ended after the request may have been sent: result unknown */
  ERR_TIMEOUT,     /* a deadline passed after the request may have been sent: result unknown */
  ERR_HTTP,        /* the engine answered with an error status */
  ERR_ENGINE,      /* the engine answered 200 and failed later, or what it says cannot be true */
  ERR_PROTOCOL,    /* the answer could not be understood */
  ERR_VERSION,     /* the engine's API is too old or too new */
  ERR_CANCELLED,   /* the caller cancelled */
  ERR_LOCKED,      /* another tandem holds the lock */
  ERR_CONFLICT,    /* the world is not as the plan supposes */
  ERR_GATE,        /* a gate did not hold */
};

struct err {
  enum err_kind kind;
  int sys_errno;     /* errno, or 0 */
  int curl_code;     /* CURLcode, or 0 */
  int http_status;   /* 0 if none */
  bool retryable;    /* the same call may succeed later and repeating it is harmless */
  char *message;     /* owned; NULL only in ERR_NONE */
};

#define ERR_INIT {0}

/* Fills *err (releasing what it held). Returns -1, for `return err_set(...)`. err may be NULL. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);
int err_setv(struct err *err, enum err_kind kind, const char *format, va_list args);
/* As err_set, with errno kept and its text appended. */
int err_set_errno(struct err *err, int sys_errno, const char *format, ...) PRINTF_LIKE(3, 4);
int err_no_memory(struct err *err);

/* Puts "format: " in front of the message. Returns -1. err may be NULL. */
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Moves *from to *to (releasing *to), leaving *from empty. Returns -1. Either may be NULL. */
int err_move(struct err *to, struct err *from);
int err_copy(struct err *to, const struct err *from);

/* True when the call may have been carried out although no reply says so: inspect, do not assume. */
bool err_is_unknown_result(const struct err *err);

/* The kind's name as the log prints it ("unreachable"). Never NULL. */
const char *err_kind_name(enum err_kind kind);
/* The message, or the kind's name when memory ran out. Never NULL. */
const char *err_text(const struct err *err);

void err_release(struct err *err);
#define CLEANUP_ERR CLEANUP(err_release)

#endif

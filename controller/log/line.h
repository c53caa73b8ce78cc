/* One log line as text: the JSON object of DESIGN.md "Structured log", or the form for people. Pure: the time is
 * passed in. What came from outside (container output, file names) may hold any bytes: both forms come out as valid
 * UTF-8 without control characters, so that no message can fake a line or drive a terminal. */
#ifndef TANDEM_LOG_LINE_H
#define TANDEM_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/base/buf.h"
#include "controller/log/log.h"

/* Each appends one line with its newline; 0, or -1 without memory. fields may be NULL; unix_us is UTC. */
int line_json(struct buf *out, int64_t unix_us, enum log_event event, const struct log_fields *fields, const char *msg);
/* `12:00:01 WARN  mainpc responder: message`, local time; further lines of the message are indented. The error's
 * text follows when the message does not hold it already, then the duration. */
int line_text(struct buf *out, int64_t unix_us, enum log_event event, const struct log_fields *fields, const char *msg,
              bool colour);

/* Appends s as a quoted JSON string. */
int line_json_string(struct buf *out, const char *s);
/* Appends s with control and direction-changing characters left out; indent NULL: newlines become spaces, else each
 * newline is followed by indent. */
int line_plain_string(struct buf *out, const char *s, const char *indent);

#endif

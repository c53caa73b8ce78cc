/* The structured log: every line comes from one table of events (log/events.h). Sinks get each event: the JSON or
 * text writer on stderr, the --log-file, and the command's progress display. Nothing secret is ever passed in. */
#ifndef TANDEM_LOG_LOG_H
#define TANDEM_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "api/base/err.h"
#include "controller/log/events.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* All optional: NULL, or -1 for numbers. Borrowed for the call. */
struct log_fields {
  const char *project;
  int64_t revision;
  const char *machine;
  const char *service;
  const char *container; /* full ID; printed short in text */
  const char *step;      /* kind's name */
  const char *from;
  const char *to;
  int64_t duration_ms;
  int64_t done; /* progress: done of total */
  int64_t total;
  const struct err *err;
};
#define LOG_FIELDS(...)                                                                                                \
  (&(const struct log_fields){.revision = -1, .duration_ms = -1, .done = -1, .total = -1, __VA_ARGS__})

struct log;

/* A sink besides the writers: called for each event at or above its level, in order. msg is the formatted text. */
typedef void log_sink_cb(void *arg, enum log_event event, const struct log_fields *fields, const char *msg);

struct log *log_new(void); /* NULL without memory */
void log_free(struct log *log);
/* Writes lines to the stream (not closed by log_free when it is stderr). AUTO: text on a terminal, else JSON. */
int log_add_stream(struct log *log, FILE *stream, enum log_format format, enum log_level level, struct err *err);
/* Appends to the file (created 0600). */
int log_add_file(struct log *log, const char *path, enum log_format format, enum log_level level, struct err *err);
int log_add_sink(struct log *log, enum log_level level, log_sink_cb *cb, void *arg, struct err *err);

/* log may be NULL (nothing happens). fields may be NULL. */
void log_emit(struct log *log, enum log_event event, const struct log_fields *fields, const char *format, ...)
    PRINTF_LIKE(4, 5);

const char *log_event_name(enum log_event event); /* "step.done" */
enum log_level log_event_level(enum log_event event);
int log_level_parse(const char *text, enum log_level *ret_level); /* 0 or -1 */
int log_format_parse(const char *text, enum log_format *ret_format);

/* RFC 3339 UTC with microseconds of the current time: "2026-11-23T12:00:00.123456Z". */
void log_timestamp(char ret_text[32]);
/* The same of a given time, in microseconds since 1970. */
void log_time_text(int64_t unix_us, char ret_text[32]);
/* Wall-clock time in microseconds since 1970; for records, never for deadlines. */
int64_t log_now_us(void);

#endif

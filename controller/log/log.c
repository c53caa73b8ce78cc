#include "controller/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/base/buf.h"
#include "controller/log/line.h"

/* One receiver: a stream that lines are written to, or a callback. */
struct output {
  enum log_level level;
  FILE *stream; /* NULL: cb */
  bool owned;
  bool json;
  bool colour;
  log_sink_cb *cb;
  void *arg;
};

struct log {
  struct output *outputs;
  size_t count;
};

static const struct {
  const char *name;
  enum log_level level;
} events[] = {
#define LOG_EVENT_ROW(id, dotted, severity, meaning) {dotted, severity},
    LOG_EVENTS(LOG_EVENT_ROW)
#undef LOG_EVENT_ROW
};

const char *log_event_name(enum log_event event) {
  return (size_t)event < COUNT_OF(events) ? events[event].name : "unknown";
}

enum log_level log_event_level(enum log_event event) {
  return (size_t)event < COUNT_OF(events) ? events[event].level : LOG_ERROR;
}

static int index_of(const char *const *names, size_t count, const char *text) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(names[i], text) == 0)
      return (int)i;
  return -1;
}

int log_level_parse(const char *text, enum log_level *ret_level) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  int i = index_of(names, COUNT_OF(names), text);
  if (i < 0)
    return -1;
  *ret_level = (enum log_level)i;
  return 0;
}

int log_format_parse(const char *text, enum log_format *ret_format) {
  static const char *const names[] = {"auto", "text", "json"};
  int i = index_of(names, COUNT_OF(names), text);
  if (i < 0)
    return -1;
  *ret_format = (enum log_format)i;
  return 0;
}

int64_t log_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void log_time_text(int64_t unix_us, char ret_text[32]) {
  time_t seconds = (time_t)(unix_us / 1000000);
  struct tm tm = {0};
  char date[24];
  gmtime_r(&seconds, &tm);
  strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(ret_text, 32, "%.19s.%06uZ", date, (unsigned)(unix_us % 1000000) % 1000000);
}

void log_timestamp(char ret_text[32]) {
  log_time_text(log_now_us(), ret_text);
}

struct log *log_new(void) {
  return calloc(1, sizeof(struct log));
}

void log_free(struct log *log) {
  if (!log)
    return;
  for (size_t i = 0; i < log->count; i++)
    if (log->outputs[i].owned)
      fclose(log->outputs[i].stream);
  free(log->outputs);
  free(log);
}

static int add_output(struct log *log, const struct output *output, struct err *err) {
  struct output *outputs = realloc(log->outputs, (log->count + 1) * sizeof(*outputs));
  if (!outputs)
    return err_no_memory(err);
  log->outputs = outputs;
  log->outputs[log->count++] = *output;
  return 0;
}

static int add_stream(struct log *log, FILE *stream, bool owned, enum log_format format, enum log_level level,
                      struct err *err) {
  bool terminal = isatty(fileno(stream)) == 1;
  const char *no_colour = getenv("NO_COLOR");
  struct output output = {.level = level, .stream = stream, .owned = owned};
  output.json = format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !terminal);
  output.colour = terminal && !(no_colour && *no_colour);
  return add_output(log, &output, err);
}

int log_add_stream(struct log *log, FILE *stream, enum log_format format, enum log_level level, struct err *err) {
  return add_stream(log, stream, stream != stderr && stream != stdout, format, level, err);
}

int log_add_file(struct log *log, const char *path, enum log_format format, enum log_level level, struct err *err) {
  CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
  if (fd < 0)
    return err_set_errno(err, errno, "log file %s", path);
  FILE *stream = fdopen(fd, "a");
  if (!stream)
    return err_set_errno(err, errno, "log file %s", path);
  fd = -1;
  if (add_stream(log, stream, true, format, level, err) == 0)
    return 0;
  fclose(stream);
  return -1;
}

int log_add_sink(struct log *log, enum log_level level, log_sink_cb *cb, void *arg, struct err *err) {
  struct output output = {.level = level, .cb = cb, .arg = arg};
  return add_output(log, &output, err);
}

/* A line that cannot be written is lost: a full disk must not stop a transaction. */
static void write_line(const struct output *output, int64_t now_us, enum log_event event,
                       const struct log_fields *fields, const char *msg) {
  CLEANUP_BUF struct buf line = BUF_INIT(0);
  int rc = output->json ? line_json(&line, now_us, event, fields, msg)
                        : line_text(&line, now_us, event, fields, msg, output->colour);
  if (rc < 0)
    return;
  fwrite(line.data, 1, line.len, output->stream);
  fflush(output->stream);
}

void log_emit(struct log *log, enum log_event event, const struct log_fields *fields, const char *format, ...) {
  enum log_level level = log_event_level(event);
  bool wanted = false;
  for (size_t i = 0; log && i < log->count; i++)
    wanted = wanted || level >= log->outputs[i].level;
  if (!wanted)
    return;
  char *text = NULL;
  va_list args;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0)
    text = NULL;
  va_end(args);
  const char *msg = text ? text : "(out of memory)";
  int64_t now_us = log_now_us();
  for (size_t i = 0; i < log->count; i++) {
    struct output output = log->outputs[i]; /* a sink may add outputs */
    if (level < output.level)
      continue;
    if (output.cb)
      output.cb(output.arg, event, fields, msg);
    else
      write_line(&output, now_us, event, fields, msg);
  }
  free(text);
}

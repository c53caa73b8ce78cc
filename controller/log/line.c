#include "controller/log/line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { REPLACEMENT = 0xfffd, SHORT_ID_LEN = 12 };

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};
static const char *const level_labels[] = {
    [LOG_DEBUG] = "DEBUG",
    [LOG_INFO] = "INFO ",
    [LOG_WARN] = "WARN ",
    [LOG_ERROR] = "ERROR",
};
static const char *const level_colours[] = {
    [LOG_DEBUG] = "\033[2m",
    [LOG_INFO] = "",
    [LOG_WARN] = "\033[33m",
    [LOG_ERROR] = "\033[31m",
};

/* Reads one character; bytes that are no UTF-8 (overlong and surrogates included) read as U+FFFD, one each. */
static uint32_t next_char(const unsigned char **p, size_t *ret_len) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *s = *p;
  size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
  uint32_t c = s[0] < 0x80 ? s[0] : s[0] & (0xffu >> (len + 1));
  bool good = len > 0 && s[0] < 0xf5;
  for (size_t i = 1; good && i < len; i++) {
    good = (s[i] & 0xc0) == 0x80;
    c = c << 6 | (s[i] & 0x3f);
  }
  if (!good || c < least[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
    c = REPLACEMENT;
    len = 1;
  }
  *p += len;
  *ret_len = len;
  return c;
}

static bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Appends what was read at `from`: its own bytes, or U+FFFD where they were none. */
static int put_char(struct buf *out, uint32_t c, const unsigned char *from, size_t len) {
  return c == REPLACEMENT ? buf_puts(out, "\xef\xbf\xbd", NULL) : buf_append(out, from, len, NULL);
}

static int json_escape(struct buf *out, uint32_t c) {
  static const char named[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  if (c == '"' || c == '\\')
    return buf_printf(out, NULL, "\\%c", (char)c);
  if (c < sizeof(named) && named[c])
    return buf_printf(out, NULL, "\\%c", named[c]);
  return buf_printf(out, NULL, "\\u%04x", (unsigned)c);
}

int line_json_string(struct buf *out, const char *s) {
  int rc = buf_puts(out, "\"", NULL);
  for (const unsigned char *p = (const unsigned char *)s; rc == 0 && *p;) {
    const unsigned char *run = p;
    while (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\')
      p++;
    if (p > run) {
      rc = buf_append(out, run, (size_t)(p - run), NULL);
      continue;
    }
    size_t len = 0;
    uint32_t c = next_char(&p, &len);
    rc = is_control(c) || c == '"' || c == '\\' ? json_escape(out, c) : put_char(out, c, p - len, len);
  }
  return rc < 0 ? rc : buf_puts(out, "\"", NULL);
}

int line_plain_string(struct buf *out, const char *s, const char *indent) {
  int rc = 0;
  for (const unsigned char *p = (const unsigned char *)s; rc == 0 && *p;) {
    size_t len = 0;
    uint32_t c = next_char(&p, &len);
    if (c == '\n' && *p) {
      rc = buf_puts(out, indent ? "\n" : " ", NULL);
      rc = rc == 0 && indent ? buf_puts(out, indent, NULL) : rc;
    } else if (c == '\t') {
      rc = buf_puts(out, " ", NULL);
    } else if (!is_control(c)) {
      rc = put_char(out, c, p - len, len);
    }
  }
  return rc;
}

static int json_member(struct buf *out, const char *name, const char *value) {
  if (!value)
    return 0;
  return buf_printf(out, NULL, ",\"%s\":", name) < 0 ? -1 : line_json_string(out, value);
}

static int json_number(struct buf *out, const char *name, int64_t value) {
  return value < 0 ? 0 : buf_printf(out, NULL, ",\"%s\":%lld", name, (long long)value);
}

static int json_error(struct buf *out, const struct err *err) {
  char status[16] = "null", number[16] = "null";
  if (!err || err->kind == ERR_NONE)
    return 0;
  if (err->http_status)
    snprintf(status, sizeof(status), "%d", err->http_status);
  if (err->sys_errno)
    snprintf(number, sizeof(number), "%d", err->sys_errno);
  if (buf_printf(out, NULL, ",\"error\":{\"kind\":\"%s\"", err_kind_name(err->kind)) < 0 ||
      json_member(out, "message", err_text(err)) < 0)
    return -1;
  return buf_printf(out, NULL, ",\"http_status\":%s,\"errno\":%s,\"retryable\":%s}", status, number,
                    err->retryable ? "true" : "false");
}

static int json_fields(struct buf *out, const struct log_fields *f) {
  if (!f)
    return 0;
  if (json_member(out, "project", f->project) < 0 || json_number(out, "revision", f->revision) < 0 ||
      json_member(out, "machine", f->machine) < 0 || json_member(out, "service", f->service) < 0 ||
      json_member(out, "container", f->container) < 0 || json_member(out, "step", f->step) < 0 ||
      json_member(out, "from", f->from) < 0 || json_member(out, "to", f->to) < 0 ||
      json_number(out, "duration_ms", f->duration_ms) < 0 || json_number(out, "done", f->done) < 0 ||
      json_number(out, "total", f->total) < 0)
    return -1;
  return json_error(out, f->err);
}

int line_json(struct buf *out, int64_t unix_us, enum log_event event, const struct log_fields *fields,
              const char *msg) {
  char ts[32];
  log_time_text(unix_us, ts);
  if (buf_printf(out, NULL, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", ts, level_names[log_event_level(event)],
                 log_event_name(event)) < 0 ||
      json_member(out, "msg", msg) < 0 || json_fields(out, fields) < 0)
    return -1;
  return buf_puts(out, "}\n", NULL);
}

/* `mainpc responder[3f2a9c1b2d3e]: `, as far as it is known. */
static int text_subject(struct buf *out, const struct log_fields *f) {
  if (!f || (!f->machine && !f->service && !f->container))
    return 0;
  int rc = f->machine ? line_plain_string(out, f->machine, NULL) : 0;
  if (rc == 0 && f->service) {
    rc = f->machine ? buf_puts(out, " ", NULL) : 0;
    rc = rc == 0 ? line_plain_string(out, f->service, NULL) : rc;
  }
  if (rc == 0 && f->container) {
    char id[SHORT_ID_LEN + 1];
    snprintf(id, sizeof(id), "%s", f->container);
    rc = buf_puts(out, f->service ? "[" : f->machine ? " " : "", NULL);
    rc = rc == 0 ? line_plain_string(out, id, NULL) : rc;
    rc = rc == 0 && f->service ? buf_puts(out, "]", NULL) : rc;
  }
  return rc < 0 ? rc : buf_puts(out, ": ", NULL);
}

static int text_duration(struct buf *out, int64_t ms) {
  if (ms < 0)
    return 0;
  if (ms < 1000)
    return buf_printf(out, NULL, " (%lld ms)", (long long)ms);
  return buf_printf(out, NULL, " (%lld.%lld s)", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

static int text_message(struct buf *out, const struct log_fields *f, const char *msg) {
  static const char indent[] = "               ";
  if (line_plain_string(out, msg, indent) < 0)
    return -1;
  if (!f)
    return 0;
  const char *cause = f->err && f->err->kind != ERR_NONE ? err_text(f->err) : NULL;
  if (cause && !strstr(msg, cause)) {
    if ((*msg && buf_puts(out, ": ", NULL) < 0) || line_plain_string(out, cause, indent) < 0)
      return -1;
  }
  return text_duration(out, f->duration_ms);
}

int line_text(struct buf *out, int64_t unix_us, enum log_event event, const struct log_fields *fields, const char *msg,
              bool colour) {
  time_t seconds = (time_t)(unix_us / 1000000);
  struct tm tm = {0};
  char clock[16];
  localtime_r(&seconds, &tm);
  strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
  enum log_level level = log_event_level(event);
  const char *start = colour ? level_colours[level] : "";
  const char *end = *start ? "\033[0m" : "";
  if (buf_printf(out, NULL, "%s %s%s%s ", clock, start, level_labels[level], end) < 0 ||
      text_subject(out, fields) < 0 || text_message(out, fields, msg) < 0)
    return -1;
  return buf_puts(out, "\n", NULL);
}

#include "controller/cli/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/err.h"
#include "api/base/json.h"
#include "controller/cli/term.h"
#include "controller/cli/text.h"
#include "controller/daemon/session.h"

/* A "file:line:column:" at s, the file's name being `len` long. */
static bool position_after(const char *s, size_t len, int *ret_line, int *ret_column) {
  char end;

  return s[len] == ':' && isdigit((unsigned char)s[len + 1]) &&
         sscanf(s + len, ":%9d:%9d%c", ret_line, ret_column, &end) == 3 && end == ':' && *ret_line > 0 &&
         *ret_column > 0;
}

static FILE *open_part(const char *from, size_t len) {
  CLEANUP_FREE char *path = strndup(from, len);

  return path ? fopen(path, "re") : NULL;
}

/* The file whose name ends at `end`; layers may have put "name: " in front of it. */
static FILE *open_named(const char *message, const char *end) {
  for (const char *start = message; start && start < end;) {
    FILE *f = open_part(start, (size_t)(end - start));

    if (f)
      return f;
    start = strstr(start, ": ");
    start = start ? start + 2 : NULL;
  }
  return NULL;
}

/* Finds the first position in a message and opens its file. */
static FILE *open_position(const char *message, int *ret_line, int *ret_column) {
  for (const char *colon = strchr(message, ':'); colon; colon = strchr(colon + 1, ':'))
    if (position_after(message, (size_t)(colon - message), ret_line, ret_column))
      return open_named(message, colon);
  return NULL;
}

static void point_at(const struct term *t, const char *line, int column) {
  char before[1024];

  snprintf(before, sizeof before, "%.*s", column - 1, line);
  fputs("  | ", t->stream);
  text_put(t->stream, line, t->width - 5);
  fputs("\n  | ", t->stream);
  text_blanks(t->stream, text_width(before));
  fprintf(t->stream, "%s^%s\n", term_on(t, STYLE_RED), term_off(t));
}

static void show_source(const struct term *t, const char *message) {
  CLEANUP_FREE char *line = NULL;
  size_t cap = 0;
  int number, column;
  FILE *f = open_position(message, &number, &column);
  ssize_t len = 0;

  if (!f)
    return;
  while (number-- > 0 && len >= 0)
    len = getline(&line, &cap, f);
  fclose(f);
  if (len < 0 || !line)
    return;
  line[strcspn(line, "\r\n")] = '\0';
  if (column <= (int)strlen(line) + 1 && column < 1000)
    point_at(t, line, column);
}

void report_error(const struct term *t, const struct err *err) {
  fprintf(t->stream, "%standem:%s ", term_on(t, STYLE_RED), term_off(t));
  text_put(t->stream, err_text(err), -1);
  fputc('\n', t->stream);
  if (err->kind == ERR_INPUT && t->tty)
    show_source(t, err_text(err));
}

static void put_detail(const struct term *t, const char *label, const char *text) {
  fprintf(t->stream, "      %s%s%s  ", term_on(t, STYLE_DIM), label, term_off(t));
  text_put(t->stream, text, -1);
  fputc('\n', t->stream);
}

/* The text of several lines, each on a line of its own. */
static void put_lines(const struct term *t, const char *label, const char *text) {
  for (const char *p = text; *p;) {
    size_t len = strcspn(p, "\r\n");
    CLEANUP_FREE char *line = strndup(p, len);

    if (line && len)
      put_detail(t, label, line);
    p += len + strspn(p + len, "\r\n");
  }
}

/* "exited, exit code 1, not killed for memory"; a container that has not ended has neither. */
static void put_exit(const struct term *t, const cJSON *failure) {
  const char *status = json_str(failure, "status", "");
  int64_t exit_code = json_int(failure, "exit_code", 0);
  bool ended = json_get(failure, "exit_code") && (exit_code || strcmp(status, "running") != 0);
  bool oom = json_bool(failure, "oom_killed", false);
  char text[160], code[40] = "";

  if (ended)
    snprintf(code, sizeof code, "%sexit code %" PRId64, *status ? ", " : "", exit_code);
  snprintf(text, sizeof text, "%.60s%s%s", status, code,
           oom     ? ", killed for memory (OOM)"
           : ended ? ", not killed for memory"
                   : "");
  if (*text)
    put_detail(t, "container:  ", text);
  if (*json_str(failure, "error", ""))
    put_detail(t, "engine:     ", json_str(failure, "error", ""));
}

static void put_health(const struct term *t, const cJSON *health) {
  char text[96];

  if (!cJSON_IsObject(health) || (!json_int(health, "failing_streak", 0) && !*json_str(health, "output", "")))
    return; /* never probed: nothing to tell */
  snprintf(text, sizeof text, "%.30s, %" PRId64 " failed in a row", json_str(health, "status", "unknown"),
           json_int(health, "failing_streak", 0));
  put_detail(t, "health:     ", text);
  put_lines(t, "last probe: ", json_str(health, "output", ""));
}

static void put_failure(const struct term *t, const cJSON *failure) {
  const char *service = json_str(failure, "service", NULL);
  const char *machine = json_str(failure, "machine", NULL);
  const cJSON *line;

  fprintf(t->stream, "  %s✗%s ", term_on(t, STYLE_RED), term_off(t));
  text_put(t->stream, service ? service : json_str(failure, "step", "the transaction"), -1);
  if (machine)
    fprintf(t->stream, " on %s", machine);
  fputs("   ", t->stream);
  text_put(t->stream, json_str(failure, "reason", "failed"), -1);
  fputc('\n', t->stream);
  put_exit(t, failure);
  put_health(t, json_get(failure, "health"));
  cJSON_ArrayForEach(line, json_get(failure, "logs")) {
    if (cJSON_IsString(line))
      put_lines(t, "last output:", line->valuestring);
  }
}

static void put_holds(const struct term *t, int64_t holds) {
  if (holds > 0)
    fprintf(t->stream, "the fleet is at revision %" PRId64 " as before\n", holds);
  else
    fputs("there is no revision, as before\n", t->stream);
}

static void report_stuck(const struct term *t, const struct outcome *o) {
  fprintf(t->stream, "  %scould not be put back whole%s; left:\n", term_on(t, STYLE_RED), term_off(t));
  for (size_t i = 0; i < o->left.count; i++) {
    fputs("    ", t->stream);
    text_put(t->stream, o->left.items[i], -1);
    fputc('\n', t->stream);
  }
  fputs(o->gone ? "  somebody removed what was to be put back; `tandem apply` makes it anew\n"
                : "  `tandem recover` goes on with it once the cause is gone\n",
        t->stream);
}

void report_outcome(const struct term *t, const struct outcome *o, const char *done) {
  if (o->failure)
    put_failure(t, o->failure);
  switch (o->result) {
  case SESSION_DONE:
    fprintf(t->stream, "  %s✓%s %s in %s", term_on(t, STYLE_GREEN), term_off(t), done,
            text_duration(o->duration_ms).text);
    if (o->holds > 0)
      fprintf(t->stream, "; the fleet is at revision %" PRId64, o->holds);
    fputc('\n', t->stream);
    break;
  case SESSION_FAILED_CLEAN:
    fputs("  nothing was changed; ", t->stream);
    put_holds(t, o->holds);
    break;
  case SESSION_PUT_BACK:
    fprintf(t->stream, "  put back %s in %s; ", text_count(o->put_back_services, "service").text,
            text_duration(o->put_back_ms).text);
    put_holds(t, o->holds);
    break;
  case SESSION_STUCK:
    report_stuck(t, o);
    break;
  }
}

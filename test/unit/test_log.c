#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <termios.h>

#include "api/base/json.h"
#include "controller/log/line.h"
#include "controller/log/log.h"
#include "test/unit/scratch.h"

enum { NOON_S = 1795521600 }; /* 2026-11-24T12:00:00Z */
#define NOON_US ((int64_t)NOON_S * 1000000 + 123456)

static cJSON *json_line(enum log_event event, const struct log_fields *fields, const char *msg) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  cJSON *json = NULL;
  assert_int_equal(line_json(&out, NOON_US, event, fields, msg), 0);
  assert_int_equal(out.data[out.len - 1], '\n');
  assert_null(memchr(out.data, '\n', out.len - 1));
  assert_int_equal(json_parse(out.data, out.len - 1, &json, NULL), 0);
  return json;
}

static void json_has_the_fields_that_apply(void **state) {
  (void)state;
  CLEANUP_JSON cJSON *line = json_line(LOG_SERVICE_STATE,
                                       LOG_FIELDS(.project = "ai", .revision = 5, .machine = "pc2", .service = "tts",
                                                  .container = "3f2a9c1b2d3e4f5a", .step = "start", .from = "created",
                                                  .to = "healthy", .duration_ms = 1200),
                                       "tts is healthy");
  assert_string_equal(json_str(line, "ts", ""), "2026-11-24T12:00:00.123456Z");
  assert_string_equal(json_str(line, "level", ""), "info");
  assert_string_equal(json_str(line, "event", ""), "service.state");
  assert_string_equal(json_str(line, "msg", ""), "tts is healthy");
  assert_string_equal(json_str(line, "project", ""), "ai");
  assert_int_equal(json_int(line, "revision", 0), 5);
  assert_string_equal(json_str(line, "machine", ""), "pc2");
  assert_string_equal(json_str(line, "service", ""), "tts");
  assert_string_equal(json_str(line, "container", ""), "3f2a9c1b2d3e4f5a");
  assert_string_equal(json_str(line, "step", ""), "start");
  assert_string_equal(json_str(line, "from", ""), "created");
  assert_string_equal(json_str(line, "to", ""), "healthy");
  assert_int_equal(json_int(line, "duration_ms", 0), 1200);
  assert_null(json_get(line, "error"));
  assert_null(json_get(line, "done"));

  CLEANUP_JSON cJSON *bare = json_line(LOG_PLAN_READY, NULL, "");
  assert_int_equal(cJSON_GetArraySize(bare), 4);
}

static void json_tells_the_error(void **state) {
  (void)state;
  CLEANUP_ERR struct err err = ERR_INIT;
  err_set(&err, ERR_HTTP, "409: name in use");
  err.http_status = 409;
  CLEANUP_JSON cJSON *line = json_line(LOG_STEP_FAILED, LOG_FIELDS(.err = &err), "failed");
  const cJSON *error = json_get(line, "error");
  assert_string_equal(json_str(error, "kind", ""), "http");
  assert_string_equal(json_str(error, "message", ""), "409: name in use");
  assert_int_equal(json_int(error, "http_status", 0), 409);
  assert_true(cJSON_IsNull(json_get(error, "errno")));
  assert_true(cJSON_IsFalse(json_get(error, "retryable")));

  err_set_errno(&err, ENOSPC, "journal");
  err.http_status = 0;
  err.retryable = true;
  CLEANUP_JSON cJSON *full = json_line(LOG_STEP_FAILED, LOG_FIELDS(.err = &err), "failed");
  assert_int_equal(json_int(json_get(full, "error"), "errno", 0), ENOSPC);
  assert_true(json_bool(json_get(full, "error"), "retryable", false));
  assert_true(cJSON_IsNull(json_get(json_get(full, "error"), "http_status")));
}

/* Every single byte, and every two, give a JSON string that parses and holds only valid UTF-8. */
static void json_takes_any_bytes(void **state) {
  (void)state;
  for (int a = 1; a < 256; a++) {
    for (int b = 1; b < 256; b++) {
      char msg[] = {(char)a, (char)b, 'z', '\0'};
      CLEANUP_BUF struct buf out = BUF_INIT(0);
      assert_int_equal(line_json_string(&out, msg), 0);
      for (size_t i = 0; i < out.len; i++)
        assert_true((unsigned char)out.data[i] >= 0x20 && out.data[i] != 0x7f);
      assert_non_null(strstr(out.data, "z\""));
    }
  }
  CLEANUP_JSON cJSON *line = json_line(LOG_SERVICE_OUTPUT, NULL, "a\"b\\c\n\tgr\xc3\xbc\xc3\x9f \xff \xc3(\x1b[31m");
  assert_string_equal(json_str(line, "msg", ""), "a\"b\\c\n\tgr\xc3\xbc\xc3\x9f \xef\xbf\xbd \xef\xbf\xbd(\x1b[31m");
}

static void expect_text(const struct log_fields *fields, enum log_event event, const char *msg, const char *want) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  assert_int_equal(line_text(&out, NOON_US, event, fields, msg, false), 0);
  assert_string_equal(buf_text(&out), want);
}

static void text_is_for_people(void **state) {
  (void)state;
  CLEANUP_ERR struct err err = ERR_INIT;
  err_set(&err, ERR_GATE, "never healthy");
  expect_text(NULL, LOG_PLAN_READY, "3 steps", "12:00:00 INFO  3 steps\n");
  expect_text(LOG_FIELDS(.machine = "mainpc", .service = "responder"), LOG_MANIFEST_WARNING, "message",
              "12:00:00 WARN  mainpc responder: message\n");
  expect_text(LOG_FIELDS(.machine = "mainpc"), LOG_STEP_START, "x", "12:00:00 DEBUG mainpc: x\n");
  expect_text(LOG_FIELDS(.service = "tts", .container = "3f2a9c1b2d3e4f5a6b7c"), LOG_STEP_DONE, "started",
              "12:00:00 INFO  tts[3f2a9c1b2d3e]: started\n");
  expect_text(LOG_FIELDS(.duration_ms = 40), LOG_STEP_DONE, "started", "12:00:00 INFO  started (40 ms)\n");
  expect_text(LOG_FIELDS(.duration_ms = 6249), LOG_STEP_DONE, "put back", "12:00:00 INFO  put back (6.2 s)\n");
  expect_text(LOG_FIELDS(.err = &err), LOG_STEP_FAILED, "gate", "12:00:00 ERROR gate: never healthy\n");
  expect_text(LOG_FIELDS(.err = &err), LOG_STEP_FAILED, "gate: never healthy", "12:00:00 ERROR gate: never healthy\n");
}

static void text_cannot_drive_the_terminal(void **state) {
  (void)state;
  expect_text(NULL, LOG_PLAN_READY,
              "a\x1b[31mb\r\x07\x7f\xc2\x9b"
              "c",
              "12:00:00 INFO  a[31mbc\n");
  expect_text(NULL, LOG_PLAN_READY, "one\n12:00:00 ERROR two\n",
              "12:00:00 INFO  one\n               12:00:00 ERROR two\n");
  expect_text(LOG_FIELDS(.service = "a\nb"), LOG_PLAN_READY, "x", "12:00:00 INFO  a b: x\n");
  expect_text(NULL, LOG_PLAN_READY,
              "\xe2\x80\xae"
              "evil\xff",
              "12:00:00 INFO  evil\xef\xbf\xbd\n");
}

static void event_table_is_whole(void **state) {
  (void)state;
  for (int i = 0; i < LOG_EVENT_COUNT; i++) {
    const char *name = log_event_name((enum log_event)i);
    assert_non_null(strchr(name, '.'));
    for (const char *p = name; *p; p++)
      assert_true(islower(*p) || *p == '.' || *p == '_');
    for (int k = 0; k < i; k++)
      assert_string_not_equal(name, log_event_name((enum log_event)k));
  }
  assert_string_equal(log_event_name(LOG_STEP_DONE), "step.done");
  assert_int_equal(log_event_level(LOG_STEP_FAILED), LOG_ERROR);
}

static void names_are_parsed(void **state) {
  (void)state;
  enum log_level level = LOG_INFO;
  enum log_format format = LOG_FORMAT_AUTO;
  assert_int_equal(log_level_parse("error", &level), 0);
  assert_int_equal(level, LOG_ERROR);
  assert_int_equal(log_level_parse("loud", &level), -1);
  assert_int_equal(level, LOG_ERROR);
  assert_int_equal(log_format_parse("json", &format), 0);
  assert_int_equal(format, LOG_FORMAT_JSON);
  assert_int_equal(log_format_parse("", &format), -1);
}

static void time_is_rfc3339(void **state) {
  (void)state;
  char now[32];
  unsigned year, month, day, hour, minute, second, us;
  int end = 0;
  log_timestamp(now);
  assert_int_equal(
      sscanf(now, "%4u-%2u-%2uT%2u:%2u:%2u.%6uZ%n", &year, &month, &day, &hour, &minute, &second, &us, &end), 7);
  assert_int_equal(end, 27);
  assert_int_equal(strlen(now), 27);
  log_time_text(0, now);
  assert_string_equal(now, "1970-01-01T00:00:00.000000Z");
}

struct seen {
  int count;
  enum log_event last;
  char msg[64];
};

static void on_event(void *arg, enum log_event event, const struct log_fields *fields, const char *msg) {
  struct seen *seen = arg;
  (void)fields;
  seen->count++;
  seen->last = event;
  snprintf(seen->msg, sizeof(seen->msg), "%s", msg);
}

static void sinks_get_what_is_at_their_level(void **state) {
  (void)state;
  struct seen all = {0}, bad = {0};
  struct log *log = log_new();
  assert_int_equal(log_add_sink(log, LOG_DEBUG, on_event, &all, NULL), 0);
  assert_int_equal(log_add_sink(log, LOG_WARN, on_event, &bad, NULL), 0);
  log_emit(log, LOG_STEP_START, NULL, "step %d", 1);
  log_emit(log, LOG_STEP_FAILED, NULL, "step %d", 2);
  log_emit(log, LOG_PLAN_READY, NULL, "%s", "ready");
  log_emit(NULL, LOG_PLAN_READY, NULL, "nothing");
  assert_int_equal(all.count, 3);
  assert_string_equal(all.msg, "ready");
  assert_int_equal(bad.count, 1);
  assert_int_equal(bad.last, LOG_STEP_FAILED);
  assert_string_equal(bad.msg, "step 2");
  log_free(log);
  log_free(NULL);
}

static void file_is_private_and_appended(void **state) {
  (void)state;
  struct scratch scratch;
  struct stat st;
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(scratch_init(&scratch), 0);
  const char *path = scratch_path(&scratch, "log");
  for (int i = 0; i < 2; i++) {
    struct log *log = log_new();
    assert_int_equal(log_add_file(log, path, LOG_FORMAT_AUTO, LOG_INFO, &err), 0);
    log_emit(log, LOG_PLAN_READY, NULL, "run %d", i);
    log_emit(log, LOG_STEP_START, NULL, "below the level");
    CLEANUP_FREE char *text = scratch_read(path); /* written already */
    assert_non_null(strstr(text, i ? "run 1" : "run 0"));
    log_free(log);
  }
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  CLEANUP_FREE char *text = scratch_read(path);
  assert_true(text[0] == '{');
  assert_non_null(strstr(text, "run 0"));
  assert_null(strstr(text, "below"));

  struct log *log = log_new();
  assert_int_equal(log_add_file(log, "/proc/nowhere/log", LOG_FORMAT_AUTO, LOG_INFO, &err), -1);
  assert_int_equal(err.sys_errno, ENOENT);
  log_free(log);
  scratch_release(&scratch);
}

/* What one warning looks like on a terminal. */
static void terminal_line(char *ret_line, size_t size) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  assert_true(master >= 0);
  assert_int_equal(grantpt(master) | unlockpt(master), 0);
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  struct termios raw;
  assert_int_equal(tcgetattr(slave, &raw), 0);
  cfmakeraw(&raw);
  tcsetattr(slave, TCSANOW, &raw);
  FILE *stream = fdopen(slave, "w");
  struct log *log = log_new();
  assert_int_equal(log_add_stream(log, stream, LOG_FORMAT_AUTO, LOG_DEBUG, NULL), 0);
  log_emit(log, LOG_MANIFEST_WARNING, NULL, "careful");
  ssize_t n = read(master, ret_line, size - 1);
  ret_line[n > 0 ? n : 0] = '\0';
  log_free(log); /* closes the stream */
  close(master);
}

static void colour_is_for_terminals(void **state) {
  (void)state;
  char line[256];
  unsetenv("NO_COLOR");
  terminal_line(line, sizeof(line));
  assert_non_null(strstr(line, "\033[33mWARN \033[0m careful\n"));
  setenv("NO_COLOR", "1", 1);
  terminal_line(line, sizeof(line));
  assert_null(strchr(line, '\033'));
  assert_non_null(strstr(line, " WARN  careful\n"));
  unsetenv("NO_COLOR");
}

int main(void) {
  setenv("TZ", "UTC", 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_has_the_fields_that_apply),
      cmocka_unit_test(json_tells_the_error),
      cmocka_unit_test(json_takes_any_bytes),
      cmocka_unit_test(text_is_for_people),
      cmocka_unit_test(text_cannot_drive_the_terminal),
      cmocka_unit_test(event_table_is_whole),
      cmocka_unit_test(names_are_parsed),
      cmocka_unit_test(time_is_rfc3339),
      cmocka_unit_test(sinks_get_what_is_at_their_level),
      cmocka_unit_test(file_is_private_and_appended),
      cmocka_unit_test(colour_is_for_terminals),
  };
  return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

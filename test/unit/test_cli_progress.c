/* What a person sees of a run: plain lines, the live area, errors and outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/base/json.h"
#include "controller/cli/progress.h"
#include "controller/cli/report.h"
#include "controller/daemon/session.h"

struct screen {
  struct term term;
  char *text;
  size_t len;
};

static void screen_open(struct screen *s, bool tty) {
  *s = (struct screen){.term = {.tty = tty, .width = tty ? 80 : 0}};
  s->term.stream = open_memstream(&s->text, &s->len);
}

static void shows(struct screen *s, const char *expected) {
  fclose(s->term.stream);
  assert_string_equal(s->text, expected);
  free(s->text);
}

static void test_plain(void **state) {
  struct screen s;
  struct progress *p;

  (void)state;
  screen_open(&s, false);
  p = progress_new(PROGRESS_PLAIN, &s.term);
  progress_event(p, LOG_TRANSACTION_PHASE, LOG_FIELDS(.to = "switch"), "switch: 76 services");
  progress_event(p, LOG_TRANSACTION_PHASE, LOG_FIELDS(.to = "forward"), "forward");
  progress_event(p, LOG_TRANSACTION_PHASE, LOG_FIELDS(.to = "undoing"), "undoing");
  progress_event(p, LOG_STEP_START, LOG_FIELDS(.step = "container.start"), "start a");
  progress_event(p, LOG_STEP_DONE, LOG_FIELDS(.step = "container.start"), "started a");
  progress_event(p, LOG_STEP_DONE, LOG_FIELDS(.step = "image.build", .duration_ms = 3210), "built \033[31ma");
  progress_event(p, LOG_STEP_PROGRESS, LOG_FIELDS(.step = "image.build"), "Step 1");
  progress_event(p, LOG_SERVICE_STATE, LOG_FIELDS(.to = "starting"), "a is starting");
  progress_event(p, LOG_SERVICE_STATE, LOG_FIELDS(.to = "healthy"), "a is healthy");
  progress_event(p, LOG_OBSERVE_DONE, NULL, "observed");
  progress_finish(p);
  progress_free(p);
  shows(&s, "  switch: 76 services\n  putting back\n    built a  3.2 s\n    a is healthy\n");
}

static void test_live_area_goes_away(void **state) {
  struct screen s;
  struct progress *p;

  (void)state;
  screen_open(&s, true);
  p = progress_new(PROGRESS_TTY, &s.term);
  for (int i = 0; i < 40; i++) /* more than it can keep */
    progress_event(p, LOG_STEP_START,
                   LOG_FIELDS(.machine = "pc2", .service = "a", .step = "container.start", .done = 0, .total = 40),
                   "start");
  progress_event(p, LOG_STEP_FAILED, LOG_FIELDS(.machine = "pc2", .service = "a", .step = "container.start"), "a: no");
  for (int i = 0; i < 50; i++)
    progress_event(p, LOG_STEP_DONE, LOG_FIELDS(.machine = "pc2", .service = "a", .step = "container.start"), "done");
  progress_finish(p);
  progress_free(p);
  fclose(s.term.stream);
  assert_non_null(strstr(s.text, "0/40"));
  assert_non_null(strstr(s.text, "    a: no\n"));
  assert_string_equal(s.text + s.len - strlen("A\033[J"), "A\033[J");
  free(s.text);
}

static void test_outcomes(void **state) {
  CLEANUP_JSON cJSON *failure = cJSON_Parse(
      "{\"service\":\"responder\",\"machine\":\"mainpc\",\"reason\":\"never "
      "healthy\",\"status\":\"exited\",\"exit_code\":1,"
      "\"oom_killed\":false,\"health\":{\"status\":\"unhealthy\",\"failing_streak\":3,\"output\":\"refused\\n\"},"
      "\"logs\":[\"one\",\"two\"]}");
  struct outcome o = {
      .result = SESSION_PUT_BACK, .holds = 4, .put_back_ms = 6200, .put_back_services = 3, .failure = failure};
  struct screen s;

  (void)state;
  screen_open(&s, false);
  report_outcome(&s.term, &o, "");
  shows(&s, "  ✗ responder on mainpc   never healthy\n"
            "      container:    exited, exit code 1, not killed for memory\n"
            "      health:       unhealthy, 3 failed in a row\n"
            "      last probe:   refused\n"
            "      last output:  one\n"
            "      last output:  two\n"
            "  put back 3 services in 6.2 s; the fleet is at revision 4 as before\n");
  screen_open(&s, false);
  report_outcome(&s.term, &(struct outcome){.result = SESSION_DONE, .holds = 5, .duration_ms = 1234}, "created a");
  shows(&s, "  ✓ created a in 1.2 s; the fleet is at revision 5\n");
  screen_open(&s, false);
  report_outcome(&s.term, &(struct outcome){.result = SESSION_FAILED_CLEAN}, "");
  shows(&s, "  nothing was changed; there is no revision, as before\n");
}

static void test_error_points_at_its_line(void **state) {
  char path[] = "/tmp/tandem-test-XXXXXX", expected[256];
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_CLOSE int fd = mkstemp(path);
  struct screen s;

  (void)state;
  assert_int_equal(write(fd, "services:\n\ta: {imag: x}\n", 24), 24);
  err_set(&err, ERR_INPUT, "load: %s:2:6: unknown key \"imag\"", path);
  screen_open(&s, true);
  report_error(&s.term, &err);
  snprintf(expected, sizeof expected, "tandem: %s\n  |  a: {imag: x}\n  |      ^\n", err_text(&err));
  shows(&s, expected);
  screen_open(&s, false);
  report_error(&s.term, &err);
  snprintf(expected, sizeof expected, "tandem: %s\n", err_text(&err));
  shows(&s, expected);
  unlink(path);
  screen_open(&s, true);
  report_error(&s.term, &err);
  shows(&s, expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),
      cmocka_unit_test(test_live_area_goes_away),
      cmocka_unit_test(test_outcomes),
      cmocka_unit_test(test_error_points_at_its_line),
  };

  return cmocka_run_group_tests_name("cli_progress", tests, NULL, NULL);
}

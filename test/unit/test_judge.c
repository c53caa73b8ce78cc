/* What an inspect document says of a gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/base/json.h"
#include "controller/gate/judge.h"

static enum gate_answer ready(const char *json, bool completes, char reason[256]) {
  cJSON *doc = cJSON_Parse(json);
  assert_non_null(doc);
  reason[0] = '\0';
  enum gate_answer answer = gate_judge_ready(doc, completes, 0, reason, 256);
  cJSON_Delete(doc);
  return answer;
}

static enum gate_answer hold(const char *json, char reason[256]) {
  cJSON *doc = cJSON_Parse(json);
  assert_non_null(doc);
  reason[0] = '\0';
  enum gate_answer answer = gate_judge_hold(doc, 0, reason, 256);
  cJSON_Delete(doc);
  return answer;
}

#define RUNNING "\"Status\":\"running\",\"Running\":true,\"Restarting\":false,\"ExitCode\":0"

static void ready_by_health_or_by_running(void **state) {
  (void)state;
  char reason[256];
  assert_int_equal(ready("{\"State\":{" RUNNING "}}", false, reason), GATE_PASS);
  assert_int_equal(ready("{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"none\"}}}", false, reason), GATE_PASS);
  assert_int_equal(ready("{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"starting\"}}}", false, reason), GATE_WAIT);
  assert_int_equal(ready("{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"healthy\"}}}", false, reason), GATE_PASS);
}

static void unhealthy_says_what_the_last_probe_said(void **state) {
  (void)state;
  char reason[256];
  const char *doc = "{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"unhealthy\",\"FailingStreak\":3,\"Log\":["
                    "{\"Output\":\"first\"},{\"Output\":\"connection refused\\nsecond line\"}]}}}";
  assert_int_equal(ready(doc, false, reason), GATE_FAIL);
  assert_string_equal(reason, "never healthy: 3 probes failed, last: connection refused");
  assert_int_equal(hold(doc, reason), GATE_FAIL);
}

static void exit_restart_and_oom_fail(void **state) {
  (void)state;
  char reason[256];
  assert_int_equal(ready("{\"State\":{\"Status\":\"exited\",\"Running\":false,\"ExitCode\":3}}", false, reason), GATE_FAIL);
  assert_non_null(strstr(reason, "exit code 3"));
  assert_int_equal(
      ready("{\"State\":{\"Status\":\"exited\",\"Running\":false,\"ExitCode\":137,\"OOMKilled\":true}}", false, reason),
      GATE_FAIL);
  assert_non_null(strstr(reason, "out of memory"));
  assert_int_equal(ready("{\"RestartCount\":1,\"State\":{" RUNNING "}}", false, reason), GATE_FAIL);
  assert_int_equal(ready("{\"State\":{\"Status\":\"restarting\",\"Running\":true,\"Restarting\":true,\"ExitCode\":1}}",
                         false, reason),
                   GATE_FAIL);
  assert_int_equal(hold("{\"State\":{" RUNNING "}}", reason), GATE_PASS);
  assert_int_equal(hold("{\"RestartCount\":2,\"State\":{" RUNNING "}}", reason), GATE_FAIL);
}

static void completion_is_exit_zero(void **state) {
  (void)state;
  char reason[256];
  assert_int_equal(ready("{\"State\":{" RUNNING "}}", true, reason), GATE_WAIT);
  assert_int_equal(ready("{\"State\":{\"Status\":\"exited\",\"Running\":false,\"ExitCode\":0}}", true, reason), GATE_PASS);
  assert_int_equal(ready("{\"State\":{\"Status\":\"exited\",\"Running\":false,\"ExitCode\":2}}", true, reason), GATE_FAIL);
}

static void hold_waits_for_the_engine_s_own_word(void **state) {
  (void)state;
  char reason[256];
  assert_int_equal(hold("{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"starting\"}}}", reason), GATE_WAIT);
  assert_int_equal(hold("{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"healthy\"}}}", reason), GATE_PASS);
}

static void expect_command(const char *config, const char *expected) {
  cJSON *doc = cJSON_Parse(config);
  cJSON *command = gate_probe_command(doc);
  char *text = command ? cJSON_PrintUnformatted(command) : NULL;
  if (expected)
    assert_string_equal(text, expected);
  else
    assert_null(text);
  free(text);
  cJSON_Delete(command);
  cJSON_Delete(doc);
}

static void the_healthcheck_can_be_run_early(void **state) {
  (void)state;
  expect_command("{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b\"]}}}", "[\"a\",\"b\"]");
  expect_command("{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a b\"]}}}", "[\"/bin/sh\",\"-c\",\"a b\"]");
  expect_command("{\"Config\":{\"Shell\":[\"ash\",\"-ec\"],\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]}}}",
                 "[\"ash\",\"-ec\",\"a\"]");
  expect_command("{\"Config\":{\"Healthcheck\":{\"Test\":[\"NONE\"]}}}", NULL);
  expect_command("{\"Config\":{}}", NULL);
}

static void deadline_follows_the_healthcheck(void **state) {
  (void)state;
  cJSON *doc = cJSON_Parse("{\"Config\":{\"Healthcheck\":{\"Interval\":1000000000,\"Timeout\":2000000000,\"Retries\":2,"
                           "\"StartPeriod\":5000000000}},\"State\":{\"Health\":{\"Status\":\"starting\"}}}");
  assert_int_equal(gate_deadline_ms(doc), 5000 + 3 * 3000 + 10000);
  cJSON_Delete(doc);
  doc = cJSON_Parse("{\"State\":{}}");
  assert_int_equal(gate_deadline_ms(doc), -1);
  cJSON_Delete(doc);
}

static void unhealthy_from_a_pause_is_no_verdict(void **state) {
  (void)state;
  char reason[400];
  CLEANUP_JSON cJSON *doc = cJSON_Parse("{\"State\":{" RUNNING ",\"Health\":{\"Status\":\"unhealthy\",\"FailingStreak\":0}}}");
  assert_non_null(doc);
  assert_int_equal(gate_judge_ready(doc, false, 0, reason, sizeof(reason)), GATE_WAIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ready_by_health_or_by_running), cmocka_unit_test(unhealthy_says_what_the_last_probe_said),
      cmocka_unit_test(unhealthy_from_a_pause_is_no_verdict),
      cmocka_unit_test(exit_restart_and_oom_fail),     cmocka_unit_test(completion_is_exit_zero),
      cmocka_unit_test(deadline_follows_the_healthcheck), cmocka_unit_test(hold_waits_for_the_engine_s_own_word),
      cmocka_unit_test(the_healthcheck_can_be_run_early),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What an engine's list of records becomes, and the journal that a record stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/base/json.h"
#include "controller/deploy/record.h"
#include "controller/plan/step.h"

#define STEPS                                                                                                          \
  "[{\\\"kind\\\":\\\"container.create\\\",\\\"phase\\\":0,\\\"machine\\\":\\\"m\\\",\\\"service\\\":\\\"a\\\","       \
  "\\\"after\\\":[1]},"                                                                                                \
  "{\\\"kind\\\":\\\"record.create\\\",\\\"phase\\\":0,\\\"machine\\\":\\\"m\\\"}]"
#define MARK(name, id, revision, started)                                                                              \
  "{\"Id\":\"" id "\",\"Names\":[\"/" name "\"],\"Labels\":{\"tandem.revision\":\"" revision                           \
  "\",\"tandem.base\":\"4\","                                                                                          \
  "\"tandem.kind\":\"apply\",\"tandem.summary\":\"moved tts\",\"tandem.started\":\"" started "\","                     \
  "\"tandem.holder\":\"{\\\"pid\\\":9,\\\"command\\\":\\\"apply\\\",\\\"state\\\":\\\"/"                               \
  "s\\\"}\",\"tandem.steps\":\"" STEPS "\"}}"
#define ID "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void add(struct record_list *list, const char *machine, const char *text) {
  CLEANUP_JSON cJSON *json = cJSON_Parse(text);
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_non_null(json);
  if (record_add(list, machine, json, &err) < 0)
    fail_msg("%s", err_text(&err));
}

static void one_transaction_over_all_engines(void **state) {
  (void)state;
  CLEANUP(record_list_release) struct record_list list = {0};
  add(&list, "m", "[" MARK("tandem.p.r5.running", "x", "5", "noon") "]");
  add(&list, "n", "[" MARK("tandem.p.r5.committed", "y", "5", "noon") "]");
  assert_int_equal(list.count, 1);
  const struct record *r = &list.items[0];
  assert_true(r->committed); /* one engine knows it: the commit came before */
  assert_int_equal(r->revision, 5);
  assert_int_equal(r->base, 4);
  assert_int_equal(r->holder.pid, 9);
  assert_string_equal(r->holder.state_dir, "/s");
  assert_string_equal(json_str(r->ids, "m", ""), "x");
  assert_string_equal(json_str(r->ids, "n", ""), "y");
}

static void the_newest_comes_first(void **state) {
  (void)state;
  CLEANUP(record_list_release) struct record_list list = {0};
  add(&list, "m",
      "[" MARK("tandem.p.r5.running", "x", "5", "noon") "," MARK("tandem.p.r7.running", "y", "7", "noon") "," MARK(
          "tandem.p.r6.running", "z", "6", "noon") "," MARK("tandem.p.r5.running", "v", "5", "night") "]");
  assert_int_equal(list.count, 4);
  for (size_t i = 1; i < list.count; i++)
    assert_true(list.items[i - 1].revision >= list.items[i].revision);
  assert_false(list.items[0].committed);
}

static void every_step_may_have_been_begun(void **state) {
  (void)state;
  CLEANUP(record_list_release) struct record_list list = {0};
  CLEANUP(journal_rows_release) struct journal_rows rows = {0};
  add(&list, "m", "[" MARK("tandem.p.r5.running", "x", "5", "noon") "]");
  struct observed_container made[] = {
      {.id = (char *)"old", .name = (char *)"p-a-1", .service = (char *)"a", .revision = 4},
      {.id = (char *)ID, .name = (char *)"p-a-1.n5", .service = (char *)"a", .revision = 5}};
  struct observed_machine machine = {.name = (char *)"m", .containers = made, .container_count = 2};
  struct observed observed = {.machines = &machine, .machine_count = 1};
  assert_int_equal(record_rows(&list.items[0], &observed, &rows, NULL), 0);
  assert_int_equal(rows.count, 2);
  for (size_t i = 0; i < rows.count; i++)
    assert_int_equal(rows.items[i].mark, JOURNAL_INTENT);
  assert_string_equal(json_str(rows.items[0].result, "id", ""), ID);
  assert_string_equal(json_str(rows.items[1].result, "id", ""), "x");
}

static void a_record_that_cannot_be_read_is_an_error(void **state) {
  (void)state;
  CLEANUP(record_list_release) struct record_list list = {0};
  CLEANUP_JSON cJSON *json = cJSON_Parse("[{\"Id\":\"x\",\"Names\":[\"/tandem.p.r5.running\"],\"Labels\":"
                                         "{\"tandem.revision\":\"5\",\"tandem.steps\":\"[{\"}}]");
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(record_add(&list, "m", json, &err), -1);
  assert_non_null(strstr(err_text(&err), "m: the record tandem.p.r5.running cannot be read"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_transaction_over_all_engines),
      cmocka_unit_test(the_newest_comes_first),
      cmocka_unit_test(every_step_may_have_been_begun),
      cmocka_unit_test(a_record_that_cannot_be_read_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* config's texts, and the lines under errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/manifest/print.h"
#include "fleet_case.h"

static void json_strings_are_escaped_as_go_does(void **state) {
  static const struct {
    const char *text;
    const char *json;
  } cases[] = {
      {"", "\"\""},
      {"<&>", "\"\\u003c\\u0026\\u003e\""},
      {"a\"\\\b\f\n\r\t\x01\x7f", "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\""},
      {"\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\\u2028\\u2029\xf0\x9f\x98\x80\""},
      {"\xff\xc3", "\"\\ufffd\\ufffd\""},
      {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
      {"$a$$", "\"$$a$$$$\""},
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    CLEANUP_BUF struct buf out = BUF_INIT(0);
    assert_int_equal(print_json_string(cases[i].text, true, &out, NULL), 0);
    assert_string_equal(buf_text(&out), cases[i].json);
  }
}

static void numbers_have_their_shortest_digits(void **state) {
  static const struct {
    double number;
    const char *text;
  } cases[] = {{0, "0"},       {0.1, "0.1"}, {-2.5, "-2.5"}, {1.0 / 3, "0.3333333333333333"}, {1e14, "100000000000000"},
               {1e30, "1e+30"}};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char text[32];
    print_number(cases[i].number, text);
    assert_string_equal(text, cases[i].text);
  }
}

static void yaml_is_quoted_only_where_needed(void **state) {
  static const char *const cases[][2] = {
      {"plain", "plain\n"},
      {"", "\"\"\n"},
      {"null", "\"null\"\n"},
      {"Yes", "\"Yes\"\n"},
      {"1", "\"1\"\n"},
      {"1.5e3", "\"1.5e3\"\n"},
      {"0x1f", "\"0x1f\"\n"},
      {"1.1.1.1", "1.1.1.1\n"},
      {"12:30", "\"12:30\"\n"},
      {"a: b", "'a: b'\n"},
      {"a:b", "a:b\n"},
      {"it's", "it's\n"},
      {"'q'", "'''q'''\n"},
      {"#x", "'#x'\n"},
      {"a #x", "'a #x'\n"},
      {"- x", "'- x'\n"},
      {"-x", "-x\n"},
      {" x", "' x'\n"},
      {"x ", "'x '\n"},
      {"a\nb", "|-\n  a\n  b\n"},
      {"a\n\nb\n", "|\n  a\n\n  b\n"},
      {"\x07", "\"\\x07\"\n"},
      {"$x", "$$x\n"},
      {"2020-01-01", "\"2020-01-01\"\n"},
      {"~", "\"~\"\n"},
      {".inf", "\".inf\"\n"},
      {"0o7", "\"0o7\"\n"},
      {"0o9", "0o9\n"},
  };
  const struct position nowhere = {0};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    CLEANUP_BUF struct buf out = BUF_INIT(0);
    struct node *n = node_string(cases[i][0], nowhere);
    assert_int_equal(print_yaml(n, 1, &out, NULL), 0);
    node_free(n);
    assert_string_equal(buf_text(&out), cases[i][1]);
  }
}

static const char project[] = "services:\n"
                              "  a: {image: x, command: ['echo', '$$HOME', \"a\\nb\\n\"], deploy: {replicas: 1}}\n"
                              "x-z: {b: [1, {d: 2, c: 3}], a: '5'}\n";

static void config_prints_what_compose_prints(void **state) {
  struct fleet *f = case_load(*state, project);
  CLEANUP_FREE char *json = NULL, *yaml = NULL;
  assert_int_equal(fleet_config_yaml(f, &yaml, NULL), 0);
  assert_string_equal(yaml, "name: p\n"
                            "services:\n"
                            "  a:\n"
                            "    command:\n"
                            "      - echo\n"
                            "      - $$HOME\n"
                            "      - |\n"
                            "        a\n"
                            "        b\n"
                            "    deploy:\n"
                            "      replicas: 1\n"
                            "    image: x\n"
                            "    networks:\n"
                            "      default: null\n"
                            "networks:\n"
                            "  default:\n"
                            "    name: p_default\n"
                            "x-z:\n"
                            "  a: \"5\"\n"
                            "  b:\n"
                            "    - 1\n"
                            "    - c: 3\n"
                            "      d: 2\n");
  assert_int_equal(fleet_config_json(f, &json, NULL), 0);
  assert_non_null(strstr(json, "        \"echo\",\n        \"$$HOME\",\n"));
  assert_non_null(strstr(json, "  \"x-z\": {\n    \"a\": \"5\",\n    \"b\": [\n      1,\n      {\n        \"c\": 3,"));
}

/* config's output is a manifest that says the same. */
static void config_can_be_read_again(void **state) {
  struct fleet_case *c = *state;
  CLEANUP_FREE char *first = NULL, *again = NULL, *json = NULL, *json_again = NULL;
  struct fleet *f = case_load(c, project);
  assert_int_equal(fleet_config_yaml(f, &first, NULL), 0);
  assert_int_equal(fleet_config_json(f, &json, NULL), 0);
  f = case_load(c, first);
  assert_int_equal(fleet_config_yaml(f, &again, NULL), 0);
  assert_string_equal(again, first);
  f = case_load(c, json);
  assert_int_equal(fleet_config_json(f, &json_again, NULL), 0);
  assert_string_equal(json_again, json);
}

static void carets_stand_under_their_column(void **state) {
  static const struct {
    int line, column;
    const char *text;
  } cases[] = {
      {1, 1, "one: two\n^\n"},
      {1, 6, "one: two\n     ^\n"},
      {2, 3, "\t\xc3\xa9x: y\n\t ^\n"},
      {3, 9, "end\n   ^\n"},
  };
  struct fleet_case *c = *state;
  assert_int_equal(scratch_write(&c->scratch, "x", "one: two\n\t\xc3\xa9x: y\r\nend"), 0);
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    CLEANUP_FREE char *text = NULL;
    assert_int_equal(manifest_excerpt(scratch_path(&c->scratch, "x"), cases[i].line, cases[i].column, &text), 0);
    assert_string_equal(text, cases[i].text);
  }
  CLEANUP_FREE char *none = NULL;
  assert_int_equal(manifest_excerpt(scratch_path(&c->scratch, "x"), 4, 1, &none), -1);
  assert_int_equal(manifest_excerpt(scratch_path(&c->scratch, "absent"), 1, 1, &none), -1);
  assert_null(none);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, case_setup, case_teardown)
  const struct CMUnitTest tests[] = {
      TEST(json_strings_are_escaped_as_go_does),
      TEST(numbers_have_their_shortest_digits),
      TEST(yaml_is_quoted_only_where_needed),
      TEST(config_prints_what_compose_prints),
      TEST(config_can_be_read_again),
      TEST(carets_stand_under_their_column),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

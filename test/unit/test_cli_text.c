/* Text for terminals, and tables made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/base/json.h"
#include "controller/cli/result.h"
#include "controller/cli/table.h"
#include "controller/cli/term.h"
#include "controller/cli/text.h"

static void puts_as(const char *in, int columns, const char *out, int width) {
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);

  assert_int_equal(text_put(f, in, columns), width);
  fclose(f);
  assert_string_equal(text, out);
  free(text);
}

static void test_put(void **state) {
  (void)state;
  puts_as("plain", -1, "plain", 5);
  puts_as("größe", -1, "größe", 5);
  puts_as("日本", -1, "日本", 4);
  puts_as("e\xcc\x81", -1, "e\xcc\x81", 1);
  puts_as("too long a line", 8, "too lon…", 8);
  puts_as("日本語", 4, "日…", 3);
  puts_as("exact", 5, "exact", 5);
  puts_as("x", 0, "", 0);
}

static void test_put_is_harmless(void **state) {
  (void)state;
  puts_as("a\tb\r\nc", -1, "a b  c", 6);
  puts_as("\033[31mred\033[0m", -1, "red", 3);
  puts_as("\033]0;title\007", -1, "?]0;title?", 10);
  puts_as("\033[", -1, "?[", 2);
  puts_as("\xff\xc0\x80", -1, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3);
  puts_as("\xed\xa0\x80", -1, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3);
  puts_as("\xe2\x80\xae"
          "evil",
          -1, "?evil", 5);
  puts_as("\xc2\x9b"
          "31m",
          -1, "?31m", 4);
  puts_as("cut \xe2\x82", -1, "cut \xef\xbf\xbd\xef\xbf\xbd", 6);
}

static void test_sizes_and_times(void **state) {
  (void)state;
  assert_string_equal(text_bytes(0).text, "0 B");
  assert_string_equal(text_bytes(1023).text, "1023 B");
  assert_string_equal(text_bytes(1024).text, "1 KiB");
  assert_string_equal(text_bytes(1536ll << 20).text, "1.5 GiB");
  assert_string_equal(text_bytes(512 << 20).text, "512 MiB");
  assert_string_equal(text_bytes((1ll << 20) - 1).text, "1 MiB");
  assert_string_equal(text_bytes(INT64_MAX).text, "8388608 TiB");
  assert_string_equal(text_duration(-1).text, "-");
  assert_string_equal(text_duration(85).text, "85 ms");
  assert_string_equal(text_duration(6200).text, "6.2 s");
  assert_string_equal(text_duration(59960).text, "1 min 00 s");
  assert_string_equal(text_duration(185000).text, "3 min 05 s");
  assert_string_equal(text_duration(7260000).text, "2 h 01 min");
  assert_string_equal(text_number(0.80, 2).text, "0.8");
  assert_string_equal(text_number(100, 1).text, "100");
  assert_string_equal(text_count(1, "service").text, "1 service");
  assert_string_equal(text_count(0, "image").text, "0 images");
}

static void test_environ(void **state) {
  static const char *const ENVIRON[] = {"TERMINAL=x", "TERM=xterm", "EMPTY=", NULL};

  (void)state;
  assert_string_equal(environ_get(ENVIRON, "TERM"), "xterm");
  assert_string_equal(environ_get(ENVIRON, "EMPTY"), "");
  assert_null(environ_get(ENVIRON, "TER"));
  assert_null(environ_get(NULL, "TERM"));
}

static const struct table_column COLUMNS[] = {
    {.title = "NAME", .key = "name", .shrink = true},
    {.title = "CPU", .key = "cpu", .right = true},
    {.title = "NOTE", .key = "note"},
    {.key = "bytes"},
};

static struct table *example(void) {
  struct table *t = table_new(COLUMNS, COUNT_OF(COLUMNS));

  table_row(t);
  table_text(t, "größe");
  table_number(t, "1.5", 1.5);
  table_text(t, NULL);
  table_int(t, 12);
  table_row(t);
  table_text(t, "a_rather_long_name");
  table_none(t, "-");
  table_styled(t, STYLE_RED, "bad");
  table_bool(t, true);
  return t;
}

static char *printed(const struct table *t, struct term term) {
  char *text = NULL;
  size_t len = 0;

  term.stream = open_memstream(&text, &len);
  assert_int_equal(table_print(t, &term, NULL), 0);
  fclose(term.stream);
  return text;
}

static void test_table_print(void **state) {
  struct table *t = example();
  char *wide = printed(t, (struct term){0});
  char *narrow = printed(t, (struct term){.tty = true, .color = true, .width = 20});

  (void)state;
  assert_string_equal(wide, "NAME                CPU  NOTE\n"
                            "größe               1.5  -\n"
                            "a_rather_long_name    -  bad\n");
  assert_non_null(strstr(narrow, "a_rather…"));
  assert_non_null(strstr(narrow, "\033[31mbad\033[0m"));
  free(wide);
  free(narrow);
  table_free(t);
}

static void test_table_json(void **state) {
  struct table *t = example();
  CLEANUP_JSON cJSON *json = NULL;
  CLEANUP_FREE char *text = NULL;

  (void)state;
  assert_int_equal(table_json(t, &json, NULL), 0);
  text = json_text(json);
  assert_string_equal(text, "[{\"name\":\"größe\",\"cpu\":1.5,\"note\":null,\"bytes\":12},"
                            "{\"name\":\"a_rather_long_name\",\"cpu\":null,\"note\":\"bad\",\"bytes\":true}]");
  table_free(t);
  t = table_new(COLUMNS, COUNT_OF(COLUMNS));
  json_cleanup(&json);
  free(text);
  assert_int_equal(table_json(t, &json, NULL), 0);
  text = json_text(json);
  assert_string_equal(text, "[]");
  table_free(t);
}

static void test_json(void **state) {
  CLEANUP_JSON cJSON *json = cJSON_Parse("{\"a\":[1,{\"b\":\"x\\n\"},[]],\"c\":{},\"d\":null}");
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);

  (void)state;
  assert_int_equal(result_print_json(f, json, NULL), 0);
  fclose(f);
  assert_string_equal(text, "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x\\n\"\n    },\n    []\n  ],\n"
                            "  \"c\": {},\n  \"d\": null\n}\n");
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_put),     cmocka_unit_test(test_put_is_harmless), cmocka_unit_test(test_sizes_and_times),
      cmocka_unit_test(test_environ), cmocka_unit_test(test_table_print),     cmocka_unit_test(test_table_json),
      cmocka_unit_test(test_json),
  };

  return cmocka_run_group_tests_name("cli_text", tests, NULL, NULL);
}

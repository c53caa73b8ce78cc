/* The reader's limits and positions; what Compose files mean is held against docker compose in test/cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/base/buf.h"
#include "controller/manifest/dotenv.h"
#include "controller/manifest/interpolate.h"
#include "controller/manifest/schema.h"
#include "controller/manifest/shellwords.h"
#include "controller/manifest/shorthand.h"
#include "controller/manifest/units.h"
#include "controller/manifest/yaml.h"

static struct node *read_ok(const char *text) {
  struct node *documents = NULL;
  assert_int_equal(yaml_read("f", text, strlen(text), &documents, NULL), 0);
  return documents;
}

static void refused(const char *text, const char *message) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct node *documents = NULL;
  assert_int_equal(yaml_read("f", text, strlen(text), &documents, &err), -1);
  assert_int_equal(err.kind, ERR_INPUT);
  assert_non_null(strstr(err_text(&err), message));
}

static void scalars(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum node_kind kind;
    const char *go;
  } table[] = {{"yes", NODE_STRING, "yes"},
               {"True", NODE_BOOL, "true"},
               {"012", NODE_INT, "10"},
               {"0o17", NODE_INT, "15"},
               {"0x1f", NODE_INT, "31"},
               {"1_000", NODE_INT, "1000"},
               {"08", NODE_FLOAT, "8"},
               {"1.10", NODE_FLOAT, "1.1"},
               {"1e6", NODE_FLOAT, "1e+06"},
               {"~", NODE_NULL, "~"},
               {"'5'", NODE_STRING, "5"},
               {"!!str 5", NODE_STRING, "5"},
               {"!!float 5", NODE_FLOAT, "5"},
               {"12:30:00", NODE_STRING, "12:30:00"},
               {"18446744073709551615", NODE_FLOAT, "18446744073709551615"}};
  for (size_t i = 0; i < COUNT_OF(table); i++) {
    struct node *documents = read_ok(table[i].text);
    assert_int_equal(documents->items[0]->kind, table[i].kind);
    CLEANUP_FREE char *text = scalar_text(documents->items[0]);
    assert_string_equal(text, table[i].go);
    node_free(documents);
  }
}

static void not_yaml(void **state) {
  (void)state;
  refused("a: 1\nb: 2\na: 3\n", "f:3:1: \"a\" is given twice");
  refused("a: {<<: {b: 1}, <<: {c: 1}}", "\"<<\" is given twice");
  refused("80: x", "f:1:1: a key that is not text");
  refused("a: &x [1, *x]", "f:1:11: *x refers to what contains it");
  refused("a: *x", "f:1:4: *x is not defined");
  refused("a: 2024-01-31", "f:1:4: \"2024-01-31\" is a date");
  refused("a: {<<: 5}", "<< takes a map");
  refused("a: [", "f:");
  refused("a: !!int x", "no int");
}

static void merge_keys(void **state) {
  (void)state;
  struct node *documents = read_ok("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\n");
  const struct node *root = documents->items[0];
  assert_int_equal(node_at(root, "c.x")->integer, 1);
  assert_int_equal(node_at(root, "c.y")->integer, 1);
  assert_int_equal(node_at(root, "c.z")->integer, 3);
  assert_int_equal(node_at(root, "c.x")->pos.column, 11);
  node_free(documents);
}

static void alias_bomb(void **state) {
  (void)state;
  CLEANUP_BUF struct buf text = BUF_INIT(0);
  buf_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n", NULL);
  for (int i = 1; i < 30; i++)
    buf_printf(&text, NULL, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1);
  refused(buf_text(&text), "aliases expand to more than");
}

static void too_deep(void **state) {
  (void)state;
  enum { DEPTH = 200000 };
  char *text = malloc(DEPTH + 1);
  assert_non_null(text);
  memset(text, '[', DEPTH);
  text[DEPTH] = '\0';
  refused(text, "nested deeper than 64 levels");
  free(text);
}

static void expressions(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *result; /* NULL: refused */
  } table[] = {{"$A-${A}-$$A-$5-$", "one-one-$A-$5-$"},
               {"${N:-x${A}}", "xone"},
               {"${E:-d}${E-d}", "d"},
               {"${A:+yes}${N+no}", "yes"},
               {"${A:?x} ${N:-}}", "one }"},
               {"${N:-a} ${N:-b}", "a b"},
               {"${N:-{}}", "{}"},
               {"${A:-${N:?must}}", NULL},
               {"${", NULL},
               {"${}", NULL},
               {"${1X}", NULL},
               {"${A:}", NULL},
               {"${A:-x\ny}", NULL},
               {"${N?}", NULL}};
  CLEANUP_STRV struct strv env = STRV_INIT;
  strv_add(&env, "A=one", NULL);
  strv_add(&env, "E=", NULL);
  const struct variables v = {.first = &env};
  for (size_t i = 0; i < COUNT_OF(table); i++) {
    CLEANUP_FREE char *result = NULL;
    CLEANUP_ERR struct err err = ERR_INIT;
    assert_int_equal(interpolate_text(table[i].text, &v, &result, &err), table[i].result ? 0 : -1);
    if (table[i].result)
      assert_string_equal(result, table[i].result);
    else
      assert_int_equal(err.kind, ERR_INPUT);
  }
}

static void dotenv_lines(void **state) {
  (void)state;
  static const char text[] = "# c\nexport A=1 # c\nB='$A'\nC=\"$A\\n\"\nD: ${A}x\nHOME\nGONE\nE=\"a\nb\"\n";
  CLEANUP_STRV struct strv outer = STRV_INIT;
  CLEANUP_STRV struct strv env = STRV_INIT;
  CLEANUP_ERR struct err err = ERR_INIT;
  strv_add(&outer, "HOME=/h", NULL);
  assert_int_equal(dotenv_parse("e", text, sizeof(text) - 1, &outer, &env, &err), 0);
  assert_string_equal(env_get(&env, "A"), "1");
  assert_string_equal(env_get(&env, "B"), "$A");
  assert_string_equal(env_get(&env, "C"), "1\n");
  assert_string_equal(env_get(&env, "D"), "1x");
  assert_string_equal(env_get(&env, "HOME"), "/h");
  assert_null(env_get(&env, "GONE"));
  assert_string_equal(env_get(&env, "E"), "a\nb");
  assert_int_equal(dotenv_parse("e", "A=1\nB=\"x", 8, &outer, &env, &err), -1);
  assert_non_null(strstr(err_text(&err), "e:2:1: unterminated"));
}

static void schema_messages(void **state) {
  (void)state;
  static const char *const table[][2] = {
      {"services: {a: {imagee: x}}", "f:1:16: \"imagee\" is no key of a, did you mean \"image\"?"},
      {"services: {a: {image: 5}}", "f:1:23: image is a number, expected text"},
      {"services: {a: {cap_add: [X, X]}}", "\"X\" stands in cap_add twice"},
      {"services: {a: {cpu_percent: 101}}", "expected 0 to 100"},
      {"services: {a: {cgroup: all}}", "expected one of host, private"},
      {"services: {a: {volumes: [{target: /a}]}}", "has no \"type\", which it needs"},
      {"services: {a b: {image: x}}", "is no name for one of services"},
  };
  for (size_t i = 0; i < COUNT_OF(table); i++) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct node *documents = read_ok(table[i][0]);
    assert_int_equal(schema_check(documents->items[0], &schema_root, &err), -1);
    if (!strstr(err_text(&err), table[i][1]))
      fail_msg("%s\nexpected %s", err_text(&err), table[i][1]);
    node_free(documents);
  }
}

static void units(void **state) {
  (void)state;
  static const char *const durations[][2] = {{"90s", "1m30s"},   {"1.5h", "1h30m0s"}, {"1w", "168h0m0s"},
                                             {"500ms", "500ms"}, {"0", "0s"},         {"-5s", "-5s"},
                                             {"5", NULL},        {"", NULL},          {"1x", NULL}};
  for (size_t i = 0; i < COUNT_OF(durations); i++) {
    int64_t ns = 0;
    char text[32];
    assert_int_equal(duration_parse(durations[i][0], &ns), durations[i][1] ? 0 : -1);
    if (!durations[i][1])
      continue;
    duration_text(ns, text);
    assert_string_equal(text, durations[i][1]);
  }
  int64_t bytes = 0;
  assert_int_equal(bytes_parse("1.5GiB", &bytes), 0);
  assert_int_equal(bytes, 1610612736);
  assert_int_equal(bytes_parse("512Mi", &bytes), -1);
  assert_int_equal(bytes_parse("-1", &bytes), -1);
}

static void words(void **state) {
  (void)state;
  CLEANUP_STRV struct strv v = STRV_INIT;
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(shellwords_split("a 'b c' \"d\"e '' \\  2>x && y", &v, &err), 0);
  assert_int_equal(v.count, 5);
  assert_string_equal(v.items[2], "de");
  assert_string_equal(v.items[3], "");
  assert_string_equal(v.items[4], " ");
  assert_int_equal(shellwords_split("a 'b", &v, &err), -1);
}

static void paths(void **state) {
  (void)state;
  static const char *const table[][2] = {
      {"/a/./b//c/..", "/a/b"}, {"/../x", "/x"}, {"../a/..", ".."}, {"", "."}, {"a/..", "."}, {"../../a", "../../a"}};
  for (size_t i = 0; i < COUNT_OF(table); i++) {
    CLEANUP_FREE char *clean = path_clean(table[i][0]);
    assert_string_equal(clean, table[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scalars),      cmocka_unit_test(not_yaml),        cmocka_unit_test(merge_keys),
      cmocka_unit_test(alias_bomb),   cmocka_unit_test(too_deep),        cmocka_unit_test(expressions),
      cmocka_unit_test(dotenv_lines), cmocka_unit_test(schema_messages), cmocka_unit_test(units),
      cmocka_unit_test(words),        cmocka_unit_test(paths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

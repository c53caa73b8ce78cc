#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/deploy/ignore.h"

static void load(struct ignore *ignore, const char *patterns) {
  CLEANUP_ERR struct err err = ERR_INIT;
  if (ignore_parse(ignore, patterns, strlen(patterns), "x", &err) < 0)
    fail_msg("%s: %s", patterns, err_text(&err));
}

/* Asks for the folders above first, as a walk does. */
static bool is_ignored(const struct ignore *ignore, const char *path) {
  bool flags[2][16] = {{false}};
  bool *above = NULL, *here = flags[0];
  bool ignored = false;
  assert_true(ignore->count <= 16);
  for (const char *end = path; *end; end++) {
    end = strchrnul(end + 1, '/');
    CLEANUP_FREE char *part = strndup(path, (size_t)(end - path));
    ignored = ignore_matches(ignore, part, above, here);
    above = here;
    here = here == flags[0] ? flags[1] : flags[0];
    if (!*end)
      break;
  }
  return ignored;
}

static void expect(const char *patterns, const char *path, bool ignored) {
  CLEANUP_IGNORE struct ignore ignore = IGNORE_INIT;
  load(&ignore, patterns);
  if (is_ignored(&ignore, path) != ignored)
    fail_msg("%s is to be %s by:\n%s", path, ignored ? "ignored" : "kept", patterns);
}

struct row {
  const char *patterns, *path;
  bool ignored;
};

static void expect_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    expect(rows[i].patterns, rows[i].path, rows[i].ignored);
}

static void elements_match_as_in_a_shell(void **state) {
  static const struct row rows[] = {
      {"", "a", false},
      {"a", "a", true},
      {"a", "b/a", false}, /* anchored at the context */
      {"a", "ab", false},
      {"*.md", "README.md", true},
      {"*.md", "docs/README.md", false},
      {"*/temp*", "some/temporary", true},
      {"*/temp*", "a/b/temporary", false},
      {"*/*/temp*", "a/b/temporary", true},
      {"temp?", "tempa", true},
      {"temp?", "temp", false},
      {"temp?", "temp\xc3\xbc", true}, /* one character, two bytes */
      {"a?b", "a/b", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[^a-c]x", "dx", true},
      {"[^a-c]x", "ax", false},
      {"[\\]]", "]", true},
      {"[a\\-z]", "-", true},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"a.b", "axb", false},
      {"a+(b){2}$^|", "a+(b){2}$^|", true},
      {"*", "anything", true},
      {"*", ".hidden", true},
      {"a*b*c", "axxbyyc", true},
      {"a*b*c", "axxbyy", false},
      {"\xc3\xa4\xff", "\xc3\xa4\xff", true},
  };
  (void)state;
  expect_rows(rows, COUNT_OF(rows));
}

static void two_stars_match_any_folders(void **state) {
  static const struct row rows[] = {
      {"**/*.go", "a.go", true},
      {"**/*.go", "x/y/a.go", true},
      {"**/*.go", "a.gox", false},
      {"**/node_modules", "node_modules", true},
      {"**/node_modules", "a/b/node_modules/c/d", true},
      {"**/node_modules", "a/bnode_modules", false},
      {"foo/**", "foo", false},
      {"foo/**", "foo/a/b", true},
      {"foo/**/bar", "foo/bar", true},
      {"foo/**/bar", "foo/a/b/bar", true},
      {"foo/**/bar", "foobar", false},
      {"**", "a/b", true},
      {"**/a/**/b", "x/a/y/z/b/c", true},
      {"**/a/**/b", "x/a/y/z/c", false},
      {"**b", "a/xb", true}, /* plain text after **: docker looks only at the end */
      {"**b", "b/a", true},
      {"**b*", "a/xb", false},
      {"a**b", "axxb", false}, /* as docker reads it: a, folders, b */
      {"a**b", "ax/yb", false},
      {"a**b", "ax/b", true},
  };
  (void)state;
  expect_rows(rows, COUNT_OF(rows));
}

static void a_folder_covers_what_is_below(void **state) {
  static const struct row rows[] = {
      {"docs", "docs/a/b", true}, {"docs/a", "docs/a/b", true}, {"docs/a", "docs/b", false},
      {"d*", "docs/a/b", true},   {"docs", "docsx/a", false},
  };
  (void)state;
  expect_rows(rows, COUNT_OF(rows));
}

static void lines_are_cleaned(void **state) {
  static const struct row rows[] = {
      {"/a", "a", true},
      {"./a", "a", true},
      {"a/", "a", true},
      {"a//b/./c", "a/b/c", true},
      {"a/../b", "b", true},
      {"a/../b", "a", false},
      {"/../b", "b", true},
      {"../b", "b", false},
      {"../../b/..", "b", false},
      {"  a  \r", "a", true},
      {"\ta b\t", "a b", true},
      {"# a\n#b", "# a", false},
      {" #a", "#a", true}, /* only a line that starts with it is a comment */
      {"\n\n\na\n\n", "a", true},
      {"\xef\xbb\xbf"
       "a",
       "a", true},
      {".", "a", false},
      {"/", "a", false},
      {"! a", "a", false},
      {"*\n! /a/", "a", false},
  };
  (void)state;
  expect_rows(rows, COUNT_OF(rows));
}

static void the_last_match_decides(void **state) {
  static const struct row rows[] = {
      {"*.md\n!README.md", "README.md", false},
      {"*.md\n!README.md", "OTHER.md", true},
      {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
      {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
      {"docs\n!docs/keep", "docs/keep", false},
      {"docs\n!docs/keep", "docs/keep/a", false},
      {"docs\n!docs/keep", "docs/other", true},
      {"!docs\ndocs", "docs/a", true},
      {"docs\n!docs", "docs/a", false},  /* an exception covers what is below it too, */
      {"docs/a\n!docs", "docs/a", true}, /* but only where the folder itself was ignored */
      {"**\n!src/**/*.py", "src/a/b.py", false},
      {"**\n!src/**/*.py", "src/a/b.txt", true},
      {"*\n!**/keep", "a/b/keep", false},
  };
  (void)state;
  expect_rows(rows, COUNT_OF(rows));
}

static void bad_patterns_name_their_line(void **state) {
  static const char *const bad[] = {"ok\n[a", "ok\n[",    "ok\n[]a]", "ok\n[a-]", "ok\n[-a]", "ok\na\\",
                                    "ok\n!",  "ok\n[a\\", "ok\n! ",   "ok\n[^]",  "ok\n!/.."};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    CLEANUP_IGNORE struct ignore ignore = IGNORE_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    assert_int_equal(ignore_parse(&ignore, bad[i], strlen(bad[i]), "dir/.dockerignore", &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_int_equal(strncmp(err_text(&err), "dir/.dockerignore:2: ", 21), 0);
  }
}

static void only_folders_with_possible_exceptions_are_entered(void **state) {
  static const struct {
    const char *patterns, *folder;
    bool enter;
  } rows[] = {
      {"*", "a", false},
      {"*\n!a/b", "a", true},
      {"*\n!a/b", "a/b", false}, /* it is itself the exception */
      {"*\n!a/b/c", "a/b", true},
      {"*\n!a/b", "ab", false},
      {"*\n!a/b", "x", false},
      {"*\n!*.md", "a", false},
      {"*\n!*/x", "a", true},
      {"*\n!*/x", "a/b", false},
      {"*\n!**/x", "a/b/c", true},
      {"*\n!src/**", "src", true},
      {"*\n!src/**", "lib", false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    CLEANUP_IGNORE struct ignore ignore = IGNORE_INIT;
    load(&ignore, rows[i].patterns);
    if (ignore_may_keep_below(&ignore, rows[i].folder) != rows[i].enter)
      fail_msg("%s of:\n%s", rows[i].folder, rows[i].patterns);
  }
}

static void kept_paths_are_literal(void **state) {
  CLEANUP_IGNORE struct ignore ignore = IGNORE_INIT;
  (void)state;
  load(&ignore, "*");
  assert_int_equal(ignore_keep(&ignore, "a/[x]*", NULL), 0);
  assert_false(is_ignored(&ignore, "a/[x]*"));
  assert_true(is_ignored(&ignore, "a/x1"));
  assert_true(ignore_may_keep_below(&ignore, "a"));
  assert_false(ignore_may_keep_below(&ignore, "b"));
}

/* What makes a backtracking matcher run for ages. */
static void many_stars_cost_little(void **state) {
  char patterns[600] = "", path[2000] = "";
  (void)state;
  for (int i = 0; i < 60; i++)
    strcat(patterns, "**/a*a*");
  strcat(patterns, "/b");
  for (int i = 0; i < 150; i++)
    strcat(path, "aaaaaaaaaa/");
  strcat(path, "c");
  expect(patterns, path, false);
  memset(path, 'a', sizeof(path) - 1);
  path[sizeof(path) - 1] = '\0';
  CLEANUP_IGNORE struct ignore ignore = IGNORE_INIT;
  assert_int_equal(ignore_parse(&ignore, path, strlen(path), "x", NULL), -1); /* longer than the limit */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_match_as_in_a_shell),
      cmocka_unit_test(two_stars_match_any_folders),
      cmocka_unit_test(a_folder_covers_what_is_below),
      cmocka_unit_test(lines_are_cleaned),
      cmocka_unit_test(the_last_match_decides),
      cmocka_unit_test(bad_patterns_name_their_line),
      cmocka_unit_test(only_folders_with_possible_exceptions_are_entered),
      cmocka_unit_test(kept_paths_are_literal),
      cmocka_unit_test(many_stars_cost_little),
  };
  return cmocka_run_group_tests_name("ignore", tests, NULL, NULL);
}

/* The command line: what is accepted, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/cli/command.h"
#include "controller/cli/exit.h"
#include "controller/cli/number.h"
#include "controller/cli/suggest.h"
#include "controller/daemon/session.h"

enum { WORDS = 16 };

struct line {
  char *argv[WORDS + 1];
  int argc;
  struct options options;
  const struct command *command;
  struct err err;
};

/* Reads "plan -o x" as the shell would give it. */
static int read_line(struct line *l, const char *words) {
  static char text[512]; /* options point into it until the next call */

  *l = (struct line){.options = OPTIONS_INIT};
  snprintf(text, sizeof text, "tandem %s", words);
  for (char *w = strtok(text, " "); w && l->argc < WORDS; w = strtok(NULL, " "))
    l->argv[l->argc++] = w;
  return command_line_read(l->argc, l->argv, &l->options, &l->command, &l->err);
}

static void release(struct line *l) {
  options_release(&l->options);
  err_release(&l->err);
}

static void refused(const char *words, const char *message) {
  struct line l;

  assert_int_equal(read_line(&l, words), -1);
  assert_string_equal(err_text(&l.err), message);
  assert_int_equal(exit_code_of_err(&l.err), 64);
  release(&l);
}

static void test_nothing_and_globals(void **state) {
  struct line l;

  (void)state;
  assert_int_equal(read_line(&l, ""), 0);
  assert_null(l.command);
  release(&l);
  assert_int_equal(read_line(&l, "--version"), 0);
  assert_true(l.options.version);
  assert_null(l.command);
  release(&l);
  assert_int_equal(read_line(&l, "-f a.yaml --file=b.yaml -p demo --log-format json status"), 0);
  assert_string_equal(l.command->name, "status");
  assert_int_equal(l.options.files.count, 2);
  assert_string_equal(l.options.files.items[1], "b.yaml");
  assert_string_equal(l.options.project, "demo");
  assert_string_equal(l.options.log_format, "json");
  release(&l);
}

static void test_globals_after_the_command(void **state) {
  struct line l;

  (void)state;
  assert_int_equal(read_line(&l, "apply -y responder -f a.yaml --parallelism 4 nlu_agent"), 0);
  assert_string_equal(l.command->name, "apply");
  assert_true(l.options.yes);
  assert_string_equal(l.options.files.items[0], "a.yaml");
  assert_int_equal(l.options.parallelism, 4);
  assert_int_equal(l.options.arg_count, 2);
  assert_string_equal(l.options.args[0], "responder");
  assert_string_equal(l.options.args[1], "nlu_agent");
  release(&l);
}

static void test_a_commands_own_option_wins(void **state) {
  struct line l;

  (void)state;
  assert_int_equal(read_line(&l, "-f a.yaml logs -f --tail 20 responder"), 0);
  assert_true(l.options.follow);
  assert_int_equal(l.options.tail, 20);
  assert_int_equal(l.options.files.count, 1);
  assert_int_equal(l.options.arg_count, 1);
  release(&l);
  assert_int_equal(read_line(&l, "logs --file a.yaml -- -f"), 0);
  assert_false(l.options.follow);
  assert_int_equal(l.options.files.count, 1);
  assert_string_equal(l.options.args[0], "-f");
  release(&l);
}

static void test_optional_argument(void **state) {
  struct line l;

  (void)state;
  assert_int_equal(read_line(&l, "config --hash"), 0);
  assert_true(l.options.has_hash);
  assert_null(l.options.hash);
  release(&l);
  assert_int_equal(read_line(&l, "config --hash=responder"), 0);
  assert_string_equal(l.options.hash, "responder");
  release(&l);
}

static void test_refusals(void **state) {
  (void)state;
  refused("aply", "unknown command \"aply\", did you mean apply? (tandem --help)");
  refused("frobnicate", "unknown command \"frobnicate\" (tandem --help)");
  refused("--log-f json plan", "--log-f is more than one option: write it out (tandem --help)");
}

static void test_refused_options(void **state) {
  (void)state;
  refused("plan --detailed-exitcod3", "plan: unknown option --detailed-exitcod3, did you mean --detailed-exitcode? "
                                      "(tandem plan --help)");
  refused("--zzz plan", "unknown option --zzz (tandem --help)");
  refused("plan -x", "plan: unknown option -x (tandem plan --help)");
  refused("plan --format", "--format needs a value: --format text|json");
  refused("plan --format yaml", "--format is one of text|json, not \"yaml\"");
  refused("plan --detailed-exitcode=1", "--detailed-exitcode takes no value");
  refused("apply --parallelism many", "--parallelism needs a number from 1 to 1000, not \"many\"");
  refused("apply --parallelism 0", "--parallelism needs a number from 1 to 1000, not \"0\"");
  refused("logs --tail 9999999999999999999999", "--tail needs a number from 0 to 1000000, not "
                                                "\"9999999999999999999999\"");
  refused("--log-level loud status", "--log-level is one of debug|info|warn|error, not \"loud\"");
}

static void test_refused_words(void **state) {
  (void)state;
  refused("status responder", "status takes no argument: \"responder\" is too much");
  refused("relocate", "relocate needs more: tandem relocate SERVICE --to MACHINE");
  refused("show", "show needs more: tandem show REVISION");
  refused("rollback 1 2", "\"2\" is too much: tandem rollback [REVISION]");
}

static void test_planned_commands_are_known(void **state) {
  static const char *const PLANNED[] = {"controller", "requirements", "profile"};
  struct line l;

  (void)state;
  for (size_t i = 0; i < COUNT_OF(PLANNED); i++) {
    assert_int_equal(read_line(&l, PLANNED[i]), 0);
    assert_null(l.command->run);
    release(&l);
  }
  assert_int_equal(read_line(&l, "profile --for 10m"), 0);
  release(&l);
}

static void test_every_row_is_whole(void **state) {
  size_t count;
  const struct command *table = command_table(&count);

  (void)state;
  for (size_t i = 0; i < count; i++) {
    assert_non_null(table[i].summary);
    assert_non_null(table[i].text);
    assert_true(!table[i].run || *table[i].text);
    assert_ptr_equal(command_find(table[i].name), &table[i]);
    for (size_t o = 0; o < table[i].options.count; o++)
      assert_non_null(table[i].options.rows[o].help);
  }
}

static void test_distance(void **state) {
  struct suggest s = SUGGEST_INIT("stauts");

  (void)state;
  assert_int_equal(suggest_distance("", "abc"), 3);
  assert_int_equal(suggest_distance("apply", "apply"), 0);
  assert_int_equal(suggest_distance("stauts", "status"), 1);
  assert_int_equal(suggest_distance("kitten", "sitting"), 3);
  suggest_offer(&s, "show");
  assert_null(s.best);
  suggest_offer(&s, "status");
  suggest_offer(&s, "history");
  assert_string_equal(s.best, "status");
}

static void test_exit_codes(void **state) {
  static const struct {
    enum err_kind kind;
    int code;
  } CASES[] = {{ERR_USAGE, 64},   {ERR_INPUT, 6},   {ERR_LOCKED, 5}, {ERR_UNREACHABLE, 7}, {ERR_TLS, 7},
               {ERR_VERSION, 7},  {ERR_TIMEOUT, 7}, {ERR_IO, 1},     {ERR_CONFLICT, 1},    {ERR_HTTP, 1},
               {ERR_INTERNAL, 1}, {ERR_LOST, 7},    {ERR_ENGINE, 1}, {ERR_NONE, 0}};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(CASES); i++)
    assert_int_equal(exit_code_of_err(&(struct err){.kind = CASES[i].kind}), CASES[i].code);
  assert_int_equal(exit_code_of_outcome(&(struct outcome){.result = SESSION_DONE}), 0);
  assert_int_equal(exit_code_of_outcome(&(struct outcome){.result = SESSION_FAILED_CLEAN}), 1);
  assert_int_equal(exit_code_of_outcome(&(struct outcome){.result = SESSION_PUT_BACK}), 3);
  assert_int_equal(exit_code_of_outcome(&(struct outcome){.result = SESSION_STUCK}), 4);
}

static void test_revision_numbers(void **state) {
  static const char *const BAD[] = {"", "0", "-1", "+1", "1x", " 1", "99999999999999999999", "four"};
  int64_t n = 0;

  (void)state;
  assert_int_equal(number_revision("4", &n, NULL), 0);
  assert_int_equal(n, 4);
  for (size_t i = 0; i < COUNT_OF(BAD); i++) {
    CLEANUP_ERR struct err err = ERR_INIT;

    assert_int_equal(number_revision(BAD[i], &n, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_and_globals),
      cmocka_unit_test(test_globals_after_the_command),
      cmocka_unit_test(test_a_commands_own_option_wins),
      cmocka_unit_test(test_optional_argument),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_refused_options),
      cmocka_unit_test(test_refused_words),
      cmocka_unit_test(test_planned_commands_are_known),
      cmocka_unit_test(test_every_row_is_whole),
      cmocka_unit_test(test_distance),
      cmocka_unit_test(test_exit_codes),
      cmocka_unit_test(test_revision_numbers),
  };

  return cmocka_run_group_tests_name("cli_option", tests, NULL, NULL);
}

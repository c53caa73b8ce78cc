/* The one place where error kinds and outcomes become exit codes (DESIGN.md, Commands). */
#ifndef TANDEM_CLI_EXIT_H
#define TANDEM_CLI_EXIT_H

#include <stddef.h>

struct err;
struct outcome;

enum exit_code {
  CODE_DONE = 0,
  CODE_FAILED = 1,   /* before anything changed */
  CODE_CHANGES = 2,  /* plan --detailed-exitcode */
  CODE_PUT_BACK = 3, /* failed, and put back */
  CODE_STUCK = 4,    /* failed, and could not be put back whole */
  CODE_LOCKED = 5,
  CODE_INPUT = 6,
  CODE_ENGINE = 7,
  CODE_USAGE = 64,
};

/* Of an error that kept a command from beginning to change anything. */
enum exit_code exit_code_of_err(const struct err *err);
enum exit_code exit_code_of_outcome(const struct outcome *outcome);

/* For --help: each code with its meaning. */
struct exit_row {
  enum exit_code code;
  const char *meaning;
};
const struct exit_row *exit_rows(size_t *ret_count);

#endif

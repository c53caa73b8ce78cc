/* The table of commands: one row each, from which the command line is read and the help is made. */
#ifndef TANDEM_CLI_COMMAND_H
#define TANDEM_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/cli/option.h"

struct cli;

/* Returns the process's exit code (enum exit_code). */
typedef int command_fn(struct cli *cli);

struct command {
  const char *name;
  const char *synopsis; /* what follows the name */
  const char *summary;  /* one line */
  const char *text;     /* the rest of its help, with an example */
  command_fn *run;      /* NULL: planned, not there yet */
  struct option_set options;
  size_t min_args;
  size_t max_args;
  bool changes; /* makes a transaction: has progress to show */
};
enum { ANY_ARGS = 1 << 20 };

const struct command *command_table(size_t *ret_count);
/* NULL: no such command. */
const struct command *command_find(const char *name);
/* ERR_USAGE, with the nearest name. Returns -1. */
int command_unknown(const char *name, struct err *err);

/* Reads a whole command line. *ret_command is NULL when it names none (--help, --version, or nothing at all).
 * ERR_USAGE with one specific line. argv is reordered; options point into it. */
int command_line_read(int argc, char **argv, struct options *o, const struct command **ret_command, struct err *err);

#endif

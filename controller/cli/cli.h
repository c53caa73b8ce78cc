/* What every command works with: the options, the streams, the log with its sinks, and the session. */
#ifndef TANDEM_CLI_CLI_H
#define TANDEM_CLI_CLI_H

#include "api/base/err.h"
#include "controller/cli/command.h"
#include "controller/cli/exit.h"
#include "controller/cli/option.h"
#include "controller/cli/term.h"
#include "controller/daemon/session.h"

struct progress;

struct cli {
  const struct options *options;
  const struct command *command;
  const char *const *environ;
  struct term out, err;
  struct log *log;
  struct progress *progress; /* NULL: none is shown */
  char *state_dir;
  struct session *session; /* NULL until cli_session() */
};

/* The whole program but main: reads the command line, runs the command. Returns the exit code. */
int cli_main(int argc, char **argv, const char *const *env);

/* The session, made on first use; it belongs to cli. ERR_*. */
int cli_session(struct cli *cli, struct session **ret_session, struct err *err);
/* The project's name, from the files. */
int cli_project(struct cli *cli, const char **ret_project, struct err *err);

/* Tells the error on stderr and in the log, and returns its exit code. */
int cli_fail(struct cli *cli, const struct err *err);

#endif

#include "controller/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/help.h"
#include "controller/cli/progress.h"
#include "controller/cli/report.h"
#include "controller/log/log.h"

static bool is(const char *word, const char *value) {
  return word && strcmp(word, value) == 0;
}

/* DESIGN.md, Commands: --state. */
static int state_dir_of(const struct options *o, const char *const *env, char **ret_dir, struct err *err) {
  const char *xdg = environ_get(env, "XDG_STATE_HOME");
  const char *home = environ_get(env, "HOME");
  char *dir = NULL;
  int rc;

  if (o->state_dir)
    rc = asprintf(&dir, "%s", o->state_dir);
  else if (xdg && *xdg == '/')
    rc = asprintf(&dir, "%s/tandem", xdg);
  else if (geteuid() == 0)
    rc = asprintf(&dir, "/var/lib/tandem");
  else if (home && *home == '/')
    rc = asprintf(&dir, "%s/.local/state/tandem", home);
  else
    return err_set(err, ERR_USAGE, "neither XDG_STATE_HOME nor HOME is set: say where to keep state with --state DIR");
  if (rc < 0)
    return err_no_memory(err);
  *ret_dir = dir;
  return 0;
}

/* stderr carries the log when somebody asked for that, or when nobody is looking. */
static bool log_on_stderr(const struct options *o) {
  if (is(o->progress, "json") || (o->log_format && !is(o->log_format, "auto")))
    return true;
  return !isatty(STDERR_FILENO) || (o->log_level && !o->log_file);
}

static int open_log(struct cli *cli, struct err *err) {
  const struct options *o = cli->options;
  enum log_level level = LOG_INFO;
  enum log_format format = LOG_FORMAT_AUTO;

  cli->log = log_new();
  if (!cli->log)
    return err_no_memory(err);
  if (o->log_level)
    log_level_parse(o->log_level, &level);
  if (o->log_format)
    log_format_parse(o->log_format, &format);
  if (o->log_file &&
      log_add_file(cli->log, o->log_file, format == LOG_FORMAT_AUTO ? LOG_FORMAT_JSON : format, level, err) < 0)
    return -1;
  if (!log_on_stderr(o))
    return 0;
  return log_add_stream(cli->log, stderr, is(o->progress, "json") ? LOG_FORMAT_JSON : format, level, err);
}

/* The rule that --help states at --progress. */
static int open_progress(struct cli *cli, struct err *err) {
  const char *wanted = cli->options->progress;
  bool log_there = log_on_stderr(cli->options);
  enum progress_mode mode = PROGRESS_PLAIN;

  if (is(wanted, "quiet") || is(wanted, "json") || (log_there && !cli->command->changes))
    return 0;
  if (!is(wanted, "plain") && cli->err.tty && !log_there)
    mode = PROGRESS_TTY;
  cli->progress = progress_new(mode, log_there ? &cli->out : &cli->err);
  if (!cli->progress)
    return err_no_memory(err);
  return log_add_sink(cli->log, LOG_DEBUG, progress_event, cli->progress, err);
}

int cli_session(struct cli *cli, struct session **ret_session, struct err *err) {
  const struct options *o = cli->options;

  if (!cli->session) {
    struct session_options so = {
        .manifest = {.files = (const char *const *)o->files.items,
                     .file_count = o->files.count,
                     .project_name = o->project,
                     .env_files = (const char *const *)o->env_files.items,
                     .env_file_count = o->env_files.count,
                     .profiles = (const char *const *)o->profiles.items,
                     .profile_count = o->profiles.count,
                     .environ = cli->environ},
        .command = cli->command->name,
        .log = cli->log,
    };

    if (!cli->state_dir && state_dir_of(o, cli->environ, &cli->state_dir, err) < 0)
      return -1;
    so.state_dir = cli->state_dir;
    if (session_new(&so, &cli->session, err) < 0)
      return -1;
  }
  *ret_session = cli->session;
  return 0;
}

int cli_project(struct cli *cli, const char **ret_project, struct err *err) {
  struct session *session;
  const struct fleet *fleet;

  if (cli_session(cli, &session, err) < 0 || session_fleet(session, &fleet, err) < 0)
    return -1;
  *ret_project = fleet->name;
  return 0;
}

int cli_fail(struct cli *cli, const struct err *err) {
  progress_finish(cli->progress);
  if (err->kind != ERR_USAGE) /* that is between the user and the command line */
    log_emit(cli->log, LOG_COMMAND_FAILED, LOG_FIELDS(.err = err), "%s: %s", cli->command->name, err_text(err));
  report_error(&cli->err, err);
  return exit_code_of_err(err);
}

static int run_command(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  int code;

  if (open_log(cli, &err) < 0 || open_progress(cli, &err) < 0) {
    report_error(&cli->err, &err);
    code = (int)exit_code_of_err(&err);
  } else {
    code = cli->command->run(cli);
  }
  session_free(cli->session);
  progress_finish(cli->progress);
  log_free(cli->log);
  progress_free(cli->progress);
  free(cli->state_dir);
  return code;
}

static int not_there_yet(const struct cli *cli) {
  fprintf(stderr, "tandem: %s is planned and not there yet\n", cli->command->name);
  return CODE_USAGE;
}

/* What needs no session: help and version, or nothing at all. -1: go on. */
static int answer_at_once(const struct cli *cli) {
  const struct options *o = cli->options;

  if (o->help && cli->command)
    help_command(stdout, cli->command);
  else if (o->help)
    help_full(stdout);
  else if (o->version)
    puts("tandem " TANDEM_VERSION);
  else if (!cli->command)
    help_short(stderr);
  else
    return cli->command->run ? -1 : not_there_yet(cli);
  return o->help || o->version ? CODE_DONE : CODE_USAGE;
}

static int run_line(int argc, char **argv, struct options *o, struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  int code;

  if (command_line_read(argc, argv, o, &cli->command, &err) < 0) {
    report_error(&cli->err, &err);
    return (int)exit_code_of_err(&err);
  }
  code = answer_at_once(cli);
  return code >= 0 ? code : run_command(cli);
}

int cli_main(int argc, char **argv, const char *const *env) {
  struct options options = OPTIONS_INIT;
  struct cli cli = {.options = &options, .environ = env, .out = term_of(stdout, env), .err = term_of(stderr, env)};
  int code = run_line(argc, argv, &options, &cli);

  options_release(&options);
  if (fflush(stdout) != 0 && code == CODE_DONE) {
    fprintf(stderr, "tandem: writing the result: %m\n");
    code = CODE_FAILED;
  }
  return code;
}

/* The other commands that make a transaction: rollback, relocate, build, down, recover. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/base/strv.h"
#include "controller/cli/change.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/number.h"
#include "controller/cli/progress.h"
#include "controller/cli/report.h"

static int finish(struct cli *cli, struct session *session, struct plan *plan, const struct change_words *words) {
  int code = change_run(cli, session, plan, words);

  plan_free(plan);
  return code;
}

int cmd_rollback(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct change_words words = {.ask = true};
  char title[64], prefix[32], nothing[96], question[96];
  struct session *session;
  struct plan *plan = NULL;
  int64_t revision = 0, target;

  if ((cli->options->arg_count && number_revision(cli->options->args[0], &revision, &err) < 0) ||
      change_begin(cli, true, &session, &err) < 0 || session_plan_rollback(session, revision, &plan, &target, &err) < 0)
    return cli_fail(cli, &err);
  snprintf(nothing, sizeof nothing, "the engines hold revision %" PRId64 " already", target);
  snprintf(question, sizeof question, "Go back to revision %" PRId64 "?", target);
  snprintf(title, sizeof title, "Back to what revision %" PRId64 " was:", target);
  snprintf(prefix, sizeof prefix, "back to %" PRId64 ": ", target);
  words.title = title;
  words.prefix = prefix;
  words.nothing = nothing;
  words.question = question;
  return finish(cli, session, plan, &words);
}

int cmd_relocate(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  const char *service = cli->options->args[0], *to = cli->options->to;
  struct change_words words = {.ask = true, .question = "Move it?"};
  char nothing[192];
  struct session *session;
  struct plan *plan = NULL;

  if (!to) {
    err_set(&err, ERR_USAGE, "relocate needs --to MACHINE: tandem relocate %s --to MACHINE", service);
    return cli_fail(cli, &err);
  }
  if (change_begin(cli, true, &session, &err) < 0 || session_plan_relocate(session, service, to, &plan, &err) < 0)
    return cli_fail(cli, &err);
  snprintf(nothing, sizeof nothing, "%s is on %s already", service, to);
  words.nothing = nothing;
  return finish(cli, session, plan, &words);
}

int cmd_build(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  const struct options *o = cli->options;
  struct change_words words = {.nothing = "every image is there and as its files say"};
  struct session *session;
  struct plan *plan = NULL;

  if (change_begin(cli, false, &session, &err) < 0 ||
      session_plan_build(session, o->arg_count ? o->args : NULL, o->arg_count, &plan, &err) < 0)
    return cli_fail(cli, &err);
  return finish(cli, session, plan, &words);
}

int cmd_down(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct change_words words = {.ask = true, .nothing = "nothing of the fleet is there"};
  struct session *session;
  struct plan *plan = NULL;

  words.question =
      cli->options->with_volumes ? "Remove the fleet, with its volumes and what is in them?" : "Remove the fleet?";
  if (change_begin(cli, true, &session, &err) < 0 ||
      session_plan_down(session, cli->options->with_volumes, &plan, &err) < 0)
    return cli_fail(cli, &err);
  return finish(cli, session, plan, &words);
}

/* Nothing tells of a transaction; its traces may be there all the same. */
static int nothing_found(struct cli *cli, struct session *session) {
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_STRV struct strv traces = STRV_INIT;

  if (session_traces(session, &traces, &err) < 0)
    return cli_fail(cli, &err);
  if (!traces.count) {
    puts("nothing to recover: no transaction was cut off");
    return CODE_DONE;
  }
  puts("no journal and no record tells of a transaction, but it has left traces:");
  for (size_t i = 0; i < traces.count; i++)
    printf("  %s\n", traces.items[i]);
  puts("what they were meant for is not known: `tandem plan` shows what apply makes of the files and of them");
  return CODE_FAILED;
}

int cmd_recover(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct outcome outcome = {.put_back_ms = -1};
  struct session *session;
  bool found = false;
  int code;

  if (cli_session(cli, &session, &err) < 0 || session_recover(session, &found, &outcome, &err) < 0)
    return cli_fail(cli, &err);
  progress_finish(cli->progress);
  if (!found)
    return nothing_found(cli, session);
  printf("revision %" PRId64 " was cut off\n", outcome.revision);
  if (outcome.told)
    printf("  %s\n", outcome.told);
  report_outcome(&cli->out, &outcome, "finished");
  code = outcome.result == SESSION_STUCK ? CODE_STUCK : CODE_DONE; /* undone or finished: both are recovered */
  outcome_release(&outcome);
  return code;
}

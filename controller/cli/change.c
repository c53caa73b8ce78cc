#include "controller/cli/change.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/print_plan.h"
#include "controller/cli/progress.h"
#include "controller/cli/report.h"
#include "controller/plan/plan.h"
#include "controller/state/state.h"

static bool can_ask(void) {
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int change_begin(struct cli *cli, bool ask, struct session **ret_session, struct err *err) {
  struct state *state;

  if (ask && !cli->options->yes && !can_ask())
    return err_set(err, ERR_USAGE, "%s: there is no terminal to ask on; use -y to go ahead without a question",
                   cli->command->name);
  if (cli_session(cli, ret_session, err) < 0)
    return -1;
  return session_state(*ret_session, true, &state, err);
}

int change_next_revision(struct session *session, const char *project, int64_t *ret_number, struct err *err) {
  struct revision_list list = {0};
  struct state *state;

  if (session_state(session, false, &state, err) < 0 || state_revisions(state, project, &list, err) < 0)
    return -1;
  *ret_number = list.count ? list.items[0].number + 1 : 1;
  revision_list_release(&list);
  return 0;
}

static bool consents(struct session *session, const char *question, struct err *err) {
  char answer[64] = "";
  const char *p = answer;

  printf("\n%s [y/N] ", question);
  fflush(stdout);
  if (session_await_input(session, STDIN_FILENO, err) < 0) {
    putchar('\n');
    return false;
  }
  if (!fgets(answer, sizeof answer, stdin)) {
    putchar('\n');
    return false;
  }
  while (isspace((unsigned char)*p))
    p++;
  return *p == 'y' || *p == 'Y';
}

/* After a build or a down there is no new revision to speak of. */
static bool makes_revision(const struct plan *plan) {
  return strcmp(plan->kind, "build") != 0 && strcmp(plan->kind, "down") != 0;
}

/* "back to 4: moved a": what the history says of it. */
static int history_text(const char *prefix, const char *summary, char **ret_text, struct err *err) {
  if (asprintf(ret_text, "%s%s", prefix ? prefix : "", summary) >= 0)
    return 0;
  *ret_text = NULL;
  return err_no_memory(err);
}

static int carry_out(struct cli *cli, struct session *session, const struct plan *plan, const char *prefix,
                     struct err *err) {
  CLEANUP_FREE char *summary = NULL, *text = NULL;
  struct outcome outcome = {.put_back_ms = -1};
  int code;

  if (plan_summary(plan, &summary, err) < 0 || history_text(prefix, summary, &text, err) < 0 ||
      session_run(session, plan, text, &outcome, err) < 0)
    return -1;
  progress_finish(cli->progress);
  if (outcome.result == SESSION_DONE && !makes_revision(plan))
    outcome.holds = 0;
  report_outcome(&cli->out, &outcome, summary);
  code = (int)exit_code_of_outcome(&outcome);
  outcome_release(&outcome);
  return code;
}

static int show(struct cli *cli, struct session *session, const struct plan *plan, struct err *err) {
  int64_t next;

  if (change_next_revision(session, plan->project, &next, err) < 0)
    return -1;
  if (print_plan(&cli->out, plan, next, err) < 0)
    return -1;
  fputc('\n', stdout);
  fflush(stdout);
  return 0;
}

int change_run(struct cli *cli, struct session *session, const struct plan *plan, const struct change_words *words) {
  CLEANUP_ERR struct err err = ERR_INIT;
  int code;

  if (plan_is_empty(plan)) {
    printf("nothing to do: %s\n", words->nothing);
    print_warnings(&cli->out, &plan->warnings);
    return CODE_DONE;
  }
  if (words->title)
    puts(words->title);
  if (show(cli, session, plan, &err) < 0)
    return cli_fail(cli, &err);
  if (words->ask && !cli->options->yes && !consents(session, words->question, &err)) {
    if (err.kind)
      return cli_fail(cli, &err);
    puts("nothing was done");
    return CODE_FAILED;
  }
  code = carry_out(cli, session, plan, words->prefix, &err);
  return code >= 0 ? code : cli_fail(cli, &err);
}

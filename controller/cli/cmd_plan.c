#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/cli/change.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/plan_file.h"
#include "controller/cli/print_plan.h"
#include "controller/cli/result.h"

static int save(const char *path, const struct plan *plan, struct err *err) {
  CLEANUP_JSON cJSON *json = NULL;

  return plan_to_json(plan, &json, err) < 0 ? -1 : plan_file_write(path, json, err);
}

static int print_document(const struct plan *plan, struct err *err) {
  CLEANUP_JSON cJSON *json = NULL;

  return plan_to_json(plan, &json, err) < 0 ? -1 : result_print_json(stdout, json, err);
}

static int print_text(struct cli *cli, struct session *session, const struct plan *plan, struct err *err) {
  int64_t next;

  if (change_next_revision(session, plan->project, &next, err) < 0 || print_plan(&cli->out, plan, next, err) < 0)
    return -1;
  if (cli->options->output)
    printf("\nSaved: `tandem apply %s` carries it out.\n", cli->options->output);
  return 0;
}

static int plan_and_print(struct cli *cli, struct plan **ret_plan, struct err *err) {
  const struct options *o = cli->options;
  struct session *session;

  if (cli_session(cli, &session, err) < 0 || session_plan_apply(session, NULL, 0, false, 0, ret_plan, err) < 0)
    return -1;
  if (o->output && save(o->output, *ret_plan, err) < 0)
    return -1;
  if (o->format && strcmp(o->format, "json") == 0)
    return print_document(*ret_plan, err);
  return print_text(cli, session, *ret_plan, err);
}

int cmd_plan(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct plan *plan = NULL;
  int code;

  if (plan_and_print(cli, &plan, &err) < 0)
    code = cli_fail(cli, &err);
  else
    code = cli->options->detailed_exitcode && !plan_is_empty(plan) ? CODE_CHANGES : CODE_DONE;
  plan_free(plan);
  return code;
}

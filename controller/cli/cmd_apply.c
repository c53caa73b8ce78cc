#include <stdio.h>
#include <stdlib.h>

#include "api/base/json.h"
#include "controller/cli/change.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/plan_file.h"

/* The saved plan among the arguments, if there is one. */
static int read_saved(const struct options *o, cJSON **ret_saved, struct err *err) {
  for (size_t i = 0; i < o->arg_count; i++) {
    if (!plan_file_is(o->args[i]))
      continue;
    if (o->arg_count > 1)
      return err_set(err, ERR_USAGE, "apply takes one saved plan, or services, not both: \"%s\" is a saved plan",
                     o->args[i]);
    if (o->parallelism || o->no_build)
      return err_set(err, ERR_USAGE, "apply: a saved plan is carried out as it is, without --%s",
                     o->no_build ? "no-build" : "parallelism");
    return plan_file_read(o->args[i], ret_saved, err);
  }
  return 0;
}

static int check_saved(const cJSON *saved, const struct plan *plan, struct err *err) {
  CLEANUP_JSON cJSON *now = NULL;

  return plan_to_json(plan, &now, err) < 0 ? -1 : plan_file_check(saved, now, err);
}

static int make(struct cli *cli, struct session **ret_session, struct plan **ret_plan, struct err *err) {
  CLEANUP_JSON cJSON *saved = NULL;
  const struct options *o = cli->options;

  if (read_saved(o, &saved, err) < 0 || change_begin(cli, true, ret_session, err) < 0)
    return -1;
  if (session_plan_apply(*ret_session, saved || !o->arg_count ? NULL : o->args, saved ? 0 : o->arg_count, o->no_build,
                         (int)o->parallelism, ret_plan, err) < 0)
    return -1;
  return saved ? check_saved(saved, *ret_plan, err) : 0;
}

int cmd_apply(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct change_words words = {.ask = true, .question = "Carry this out?"};
  char nothing[128];
  struct session *session;
  struct plan *plan = NULL;
  int code;

  if (make(cli, &session, &plan, &err) < 0) {
    code = cli_fail(cli, &err);
  } else {
    snprintf(nothing, sizeof nothing, "all %zu services are as the files say", plan_count(plan, PLAN_KEEP));
    words.nothing = nothing;
    code = change_run(cli, session, plan, &words);
  }
  plan_free(plan);
  return code;
}

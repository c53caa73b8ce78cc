/* What all changing commands do alike: consent, the lock, the plan on the screen, the run, the outcome. */
#ifndef TANDEM_CLI_CHANGE_H
#define TANDEM_CLI_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/base/err.h"

struct cli;
struct plan;
struct session;

/* ERR_USAGE when neither -y nor a terminal to ask on is there; then the session with the state's lock.
 * ask: this command needs consent. */
int change_begin(struct cli *cli, bool ask, struct session **ret_session, struct err *err);

/* The number that the next transaction will get. */
int change_next_revision(struct session *session, const char *project, int64_t *ret_number, struct err *err);

struct change_words {
  bool ask;
  const char *title;    /* a line above the plan, or NULL */
  const char *prefix;   /* put before the summary in the history, or NULL */
  const char *nothing;  /* after "nothing to do: " */
  const char *question; /* "Carry this out?" */
};
/* Shows the plan, asks, runs it, tells the outcome. Returns the exit code. */
int change_run(struct cli *cli, struct session *session, const struct plan *plan, const struct change_words *words);

#endif

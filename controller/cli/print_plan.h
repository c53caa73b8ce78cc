/* A plan as a person reads it. */
#ifndef TANDEM_CLI_PRINT_PLAN_H
#define TANDEM_CLI_PRINT_PLAN_H

#include <stdint.h>

#include "api/base/err.h"
#include "api/base/strv.h"

struct plan;
struct term;

/* All of it. next_revision: the number that carrying it out will get. ERR_NO_MEMORY. */
int print_plan(const struct term *t, const struct plan *plan, int64_t next_revision, struct err *err);
/* The lines of the services that change, and how many do not. */
int print_plan_services(const struct term *t, const struct plan *plan, struct err *err);

/* What is doubtful, a line each; nothing for none. */
void print_warnings(const struct term *t, const struct strv *warnings);

/* One line that says what it changes, for the history and for the end of a run: "created 76 services" or
 * "moved streaming_tts_agent, re-created responder". Caller frees. */
int plan_summary(const struct plan *plan, char **ret_text, struct err *err);

#endif

/* Errors and outcomes as a person reads them. */
#ifndef TANDEM_CLI_REPORT_H
#define TANDEM_CLI_REPORT_H

#include <stddef.h>

struct err;
struct outcome;
struct term;

/* "tandem: MESSAGE". For ERR_INPUT on a terminal also the line of the file that the message names, with a caret. */
void report_error(const struct term *t, const struct err *err);

/* What a transaction came to. done: what to say first on success, e.g. "2 created, 1 moved". */
void report_outcome(const struct term *t, const struct outcome *outcome, const char *done);

#endif

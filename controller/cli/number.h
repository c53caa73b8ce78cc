/* Numbers among a command's words. */
#ifndef TANDEM_CLI_NUMBER_H
#define TANDEM_CLI_NUMBER_H

#include <stdint.h>

#include "api/base/err.h"

/* A revision's number, 1 and up. ERR_USAGE. */
int number_revision(const char *text, int64_t *ret_number, struct err *err);

#endif

/* A command line as words, the way docker compose splits `command: "..."`. */
#ifndef TANDEM_MANIFEST_SHELLWORDS_H
#define TANDEM_MANIFEST_SHELLWORDS_H

#include "api/base/strv.h"

/* Quotes and backslashes as in a shell, nothing expanded; ends at an unquoted ; & | < or >. ERR_INPUT without a
 * position: a quote or backslash that does not end. */
int shellwords_split(const char *line, struct strv *ret_words, struct err *err);

#endif

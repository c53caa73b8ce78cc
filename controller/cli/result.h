/* JSON documents as results. */
#ifndef TANDEM_CLI_RESULT_H
#define TANDEM_CLI_RESULT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "api/base/err.h"

/* Indented by two blanks, members in their own order, a line end after it. ERR_NO_MEMORY. */
int result_print_json(FILE *f, const cJSON *json, struct err *err);

#endif

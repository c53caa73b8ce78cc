/* JSON documents as results. */
#ifndef TANDEM_CLI_PRINT_JSON_H
#define TANDEM_CLI_PRINT_JSON_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "api/base/err.h"

/* Indented by two blanks, members in their own order, a line end after it. ERR_NO_MEMORY. */
int print_json(FILE *f, const cJSON *json, struct err *err);

#endif

/* A plan saved with `plan -o` and carried out with `apply FILE`. */
#ifndef TANDEM_CLI_PLAN_FILE_H
#define TANDEM_CLI_PLAN_FILE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "api/base/err.h"

/* True for NAME.json (whether it exists or not: no service is called so), and for a regular file that holds a plan. */
bool plan_file_is(const char *path);
/* Writes plan_to_json()'s document, 0600, replacing path in one go. ERR_IO. */
int plan_file_write(const char *path, const cJSON *plan, struct err *err);
/* Caller deletes. ERR_IO; ERR_INPUT when it holds no plan. */
int plan_file_read(const char *path, cJSON **ret_plan, struct err *err);
/* Whether a saved plan is still the one to carry out: `now` is the plan made afresh. ERR_CONFLICT names what has changed
 * in the files and on the engines, or says that the saved plan itself was changed. Pure. */
int plan_file_check(const cJSON *saved, const cJSON *now, struct err *err);

#endif

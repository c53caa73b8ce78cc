/* What a plan was made from, as a document of short texts that is saved with it: the files by hashes, the engines by
 * what a change there would be seen in. Two of them say what has changed between. Pure. */
#ifndef TANDEM_PLAN_BASIS_H
#define TANDEM_PLAN_BASIS_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "api/base/err.h"
#include "api/base/strv.h"
#include "controller/plan/desired.h"
#include "controller/plan/observed.h"

/* {"revision", "desired": hash, "files": {OBJECT: {FIELD: hash}}, "engines": {MACHINE: {OBJECT: {FIELD: text}}}}.
 * Health, times and counters are left out, and so are values of the files: only their hashes are there, those of a
 * service's secrets as one. Caller deletes. */
int basis_make(const struct desired *desired, const struct observed *observed, int64_t revision, cJSON **ret_basis,
               struct err *err);
/* Appends a line for each object that differs: "mainpc: container p-web-1 was running, is exited",
 * "the files: service web (image, environment.LOG_LEVEL)". No line: nothing has changed. */
int basis_diff(const cJSON *was, const cJSON *is, struct strv *lines, struct err *err);

#endif

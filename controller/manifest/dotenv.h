/* .env files and env_file: K=V lines with quotes, escapes, comments and variables, as docker compose reads them. */
#ifndef TANDEM_MANIFEST_DOTENV_H
#define TANDEM_MANIFEST_DOTENV_H

#include "api/base/strv.h"

/* Adds what the text sets to env ("K=V", later ones replace). Variables in values come from outer (which may be NULL),
 * then from env; a bare K takes its value from outer, then env, and is left out where there is none.
 * ERR_INPUT "name:line: ..." */
int dotenv_parse(const char *name, const char *text, size_t len, const struct strv *outer, struct strv *env,
                 struct err *err);

/* The same for `env_file: {format: raw}`: K=V lines, values as they are. */
int dotenv_parse_raw(const char *name, const char *text, size_t len, const struct strv *outer, struct strv *env,
                     struct err *err);

#endif

/* What cJSON leaves open and tandem needs everywhere: strict parsing, case-sensitive typed reads that cannot
 * crash on untrusted documents, canonical text, and hashing. cJSON numbers are doubles: 64-bit counters that
 * must be exact are to be read from text by the caller. */
#ifndef TANDEM_BASE_JSON_H
#define TANDEM_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/base/err.h"

/* Parses exactly one document; trailing bytes are an error. Caller deletes. ERR_PROTOCOL, ERR_NO_MEMORY. */
int json_parse(const char *text, size_t len, cJSON **ret_json, struct err *err);

/* Reads of an object's member; object may be NULL or no object. Strings belong to the document. */
const cJSON *json_get(const cJSON *object, const char *name);
/* Walks "a.b.c" (no member name with a dot can be reached). NULL when absent. */
const cJSON *json_at(const cJSON *object, const char *path);
/* The string, or fallback (which may be NULL) when absent or not a string. */
const char *json_str(const cJSON *object, const char *name, const char *fallback);
int64_t json_int(const cJSON *object, const char *name, int64_t fallback);
bool json_bool(const cJSON *object, const char *name, bool fallback);

/* Adds to an object, replacing an equal name; false without memory (value is then deleted). */
bool json_put(cJSON *object, const char *name, cJSON *value);
bool json_put_str(cJSON *object, const char *name, const char *value);
bool json_put_int(cJSON *object, const char *name, int64_t value);
bool json_put_bool(cJSON *object, const char *name, bool value);

/* An array of strings (empty for a count of 0, where cJSON's own function fails). NULL without memory. */
cJSON *json_strings(char *const *items, size_t count);

/* Text without white space and with object members sorted by name, so that equal values have equal text.
 * Caller frees. NULL without memory. */
char *json_canonical(const cJSON *json);
/* SHA-256 of the canonical text, 64 lower-case hex digits and NUL. */
int json_hash(const cJSON *json, char ret_hex[65], struct err *err);
bool json_equal(const cJSON *a, const cJSON *b);
/* Compact text with members in their own order. Caller frees. NULL without memory. */
char *json_text(const cJSON *json);

void json_cleanup(cJSON **json);
#define CLEANUP_JSON CLEANUP(json_cleanup)

#endif

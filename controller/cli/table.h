/* A table for people (aligned by display width) that is also a JSON array for programs. Memory failure is kept and
 * told by the printing calls, so that rows can be filled without a check at each cell. */
#ifndef TANDEM_CLI_TABLE_H
#define TANDEM_CLI_TABLE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"
#include "controller/cli/term.h"

struct table_column {
  const char *title; /* NULL: only in the JSON */
  const char *key;   /* the JSON member; NULL: only for people */
  bool right;        /* aligned to the right */
  bool shrink;       /* may be cut where the terminal is too narrow */
};

struct table;

/* columns is borrowed. NULL without memory. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *t);

/* Starts a row; its cells follow in the order of the columns. */
void table_row(struct table *t);
/* Copies text; NULL shows as "-" and is null in the JSON. */
void table_text(struct table *t, const char *text);
/* As table_text, in a colour. */
void table_styled(struct table *t, enum style style, const char *text);
/* People see `shown`, programs `value`. */
void table_shown(struct table *t, const char *shown, const char *value);
/* What people see and what programs get may differ. */
void table_number(struct table *t, const char *shown, double value);
void table_int(struct table *t, int64_t value);
void table_bool(struct table *t, bool value);
/* shown, and null in the JSON. */
void table_none(struct table *t, const char *shown);

/* Returns 0, or -1 with ERR_NO_MEMORY when a cell could not be kept. */
int table_print(const struct table *t, const struct term *term, struct err *err);
int table_json(const struct table *t, cJSON **ret_json, struct err *err);

#endif

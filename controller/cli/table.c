#include "controller/cli/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/cli/text.h"

struct cell {
  char *text;
  enum style style;
  cJSON *value;
};

struct table {
  const struct table_column *columns;
  size_t column_count;
  struct cell *cells; /* row after row */
  size_t count, cap;
  bool failed; /* a cell is missing for want of memory */
};

struct table *table_new(const struct table_column *columns, size_t count) {
  struct table *t = calloc(1, sizeof *t);

  if (t) {
    t->columns = columns;
    t->column_count = count;
  }
  return t;
}

void table_free(struct table *t) {
  if (!t)
    return;
  for (size_t i = 0; i < t->count; i++) {
    free(t->cells[i].text);
    cJSON_Delete(t->cells[i].value);
  }
  free(t->cells);
  free(t);
}

static void add_cell(struct table *t, const char *text, enum style style, cJSON *value) {
  char *copy = strdup(text);

  if (t->count == t->cap) {
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct cell *cells = realloc(t->cells, cap * sizeof *cells);

    if (cells) {
      t->cells = cells;
      t->cap = cap;
    }
  }
  if (t->count == t->cap || !copy || !value) {
    free(copy);
    cJSON_Delete(value);
    t->failed = true;
    return;
  }
  t->cells[t->count++] = (struct cell){copy, style, value};
}

void table_row(struct table *t) {
  while (!t->failed && t->count % t->column_count)
    table_none(t, "");
}

void table_styled(struct table *t, enum style style, const char *text) {
  add_cell(t, text ? text : "-", style, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void table_text(struct table *t, const char *text) {
  table_styled(t, STYLE_NONE, text);
}

void table_shown(struct table *t, const char *shown, const char *value) {
  add_cell(t, shown, STYLE_NONE, cJSON_CreateString(value));
}

void table_number(struct table *t, const char *shown, double value) {
  add_cell(t, shown, STYLE_NONE, cJSON_CreateNumber(value));
}

void table_int(struct table *t, int64_t value) {
  char text[32];

  snprintf(text, sizeof text, "%" PRId64, value);
  table_number(t, text, (double)value);
}

void table_bool(struct table *t, bool value) {
  add_cell(t, value ? "yes" : "no", STYLE_NONE, cJSON_CreateBool(value));
}

void table_none(struct table *t, const char *shown) {
  add_cell(t, shown, STYLE_NONE, cJSON_CreateNull());
}

static int sum(const int *widths, size_t count) {
  int total = -2;

  for (size_t i = 0; i < count; i++)
    total += widths[i] ? widths[i] + 2 : 0;
  return total;
}

/* Takes columns from the widest shrinkable column until the table fits. */
static void fit(const struct table *t, int *widths, int room) {
  enum { LEAST = 8 };

  while (room > 0 && sum(widths, t->column_count) > room) {
    int *widest = NULL;

    for (size_t c = 0; c < t->column_count; c++)
      if (t->columns[c].shrink && widths[c] > LEAST && (!widest || widths[c] > *widest))
        widest = &widths[c];
    if (!widest)
      return;
    --*widest;
  }
}

static void measure(const struct table *t, int *widths) {
  for (size_t c = 0; c < t->column_count; c++)
    widths[c] = t->columns[c].title ? text_width(t->columns[c].title) : 0;
  for (size_t i = 0; i < t->count; i++) {
    size_t c = i % t->column_count;
    int width = t->columns[c].title ? text_width(t->cells[i].text) : 0;

    if (width > widths[c])
      widths[c] = width;
  }
}

/* After the last visible column there are no blanks. */
static bool is_last(const struct table *t, size_t c) {
  for (c++; c < t->column_count; c++)
    if (t->columns[c].title)
      return false;
  return true;
}

static void print_cell(const struct table *t, const struct term *term, size_t c, const char *text, enum style style,
                       int width) {
  if (c)
    fputs("  ", term->stream);
  fputs(style == STYLE_NONE ? "" : term_on(term, style), term->stream);
  if (is_last(t, c) && !t->columns[c].right)
    text_put(term->stream, text, width);
  else
    text_put_padded(term->stream, text, width, t->columns[c].right);
  fputs(style == STYLE_NONE ? "" : term_off(term), term->stream);
}

int table_print(const struct table *t, const struct term *term, struct err *err) {
  CLEANUP_FREE int *widths = calloc(t->column_count, sizeof *widths);

  if (!widths || t->failed)
    return err_no_memory(err);
  measure(t, widths);
  fit(t, widths, term->width);
  for (size_t c = 0; c < t->column_count; c++)
    if (t->columns[c].title)
      print_cell(t, term, c, t->columns[c].title, STYLE_DIM, widths[c]);
  for (size_t i = 0; i < t->count; i++) {
    size_t c = i % t->column_count;

    if (c == 0)
      fputc('\n', term->stream);
    if (t->columns[c].title)
      print_cell(t, term, c, t->cells[i].text, t->cells[i].style, widths[c]);
  }
  fputc('\n', term->stream);
  return 0;
}

int table_json(const struct table *t, cJSON **ret_json, struct err *err) {
  CLEANUP_JSON cJSON *array = cJSON_CreateArray();
  cJSON *object = NULL;

  if (!array || t->failed)
    return err_no_memory(err);
  for (size_t i = 0; i < t->count; i++) {
    const char *key = t->columns[i % t->column_count].key;

    if (i % t->column_count == 0) {
      object = cJSON_CreateObject();
      if (!object || !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return err_no_memory(err);
      }
    }
    if (key && !json_put(object, key, cJSON_Duplicate(t->cells[i].value, 1)))
      return err_no_memory(err);
  }
  *ret_json = STEAL(array);
  return 0;
}

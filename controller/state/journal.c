#include <string.h>

#include "controller/log/log.h"
#include "controller/state/db.h"
#include "controller/state/state.h"

static const char *const mark_names[] = {
    [JOURNAL_INTENT] = "intent",           [JOURNAL_DONE] = "done",     [JOURNAL_FAILED] = "failed",
    [JOURNAL_UNDO_INTENT] = "undo intent", [JOURNAL_UNDONE] = "undone", [JOURNAL_UNDO_FAILED] = "undo failed",
};

const char *journal_mark_name(enum journal_mark mark) {
  return (size_t)mark < COUNT_OF(mark_names) ? mark_names[mark] : "unknown";
}

static void row_release(struct journal_row *row) {
  cJSON_Delete(row->result);
  free(row->error);
  free(row->kind);
  free(row->machine);
  free(row->service);
  free(row->object);
  free(row->at);
}

void journal_rows_release(struct journal_rows *rows) {
  if (!rows)
    return;
  for (size_t i = 0; i < rows->count; i++)
    row_release(&rows->items[i]);
  free(rows->items);
  *rows = (struct journal_rows){0};
}

static int parse_mark(const char *text, enum journal_mark *ret_mark, struct err *err) {
  for (size_t i = 0; text && i < COUNT_OF(mark_names); i++) {
    if (strcmp(text, mark_names[i]) == 0) {
      *ret_mark = (enum journal_mark)i;
      return 0;
    }
  }
  return err_set(err, ERR_IO, "unknown mark \"%s\"", text ? text : "");
}

/* Takes the column's text over what is there, unless it is NULL. */
static int take_text(sqlite3_stmt *stmt, int column, char **text, struct err *err) {
  char *fresh = NULL;
  if (db_text(stmt, column, &fresh, err) < 0)
    return -1;
  if (fresh) {
    free(*text);
    *text = fresh;
  }
  return 0;
}

static int take_result(sqlite3_stmt *stmt, int column, cJSON **result, struct err *err) {
  cJSON *fresh = NULL;
  if (db_json(stmt, column, &fresh, err) < 0)
    return -1;
  if (fresh) {
    cJSON_Delete(*result);
    *result = fresh;
  }
  return 0;
}

/* The time from the latest intent to the mark that answered it. intent_us is carried from row to row of a step. */
static void take_time(struct journal_row *row, int64_t at_us, int64_t *intent_us) {
  bool answers = row->mark == JOURNAL_DONE || row->mark == JOURNAL_FAILED;
  if (row->mark == JOURNAL_INTENT) {
    *intent_us = at_us;
    row->duration_ms = -1;
  } else if (answers && *intent_us >= 0) {
    row->duration_ms = at_us > *intent_us ? (at_us - *intent_us) / 1000 : 0;
  }
}

/* Columns: step, mark, kind, machine, service, object, result, error, at_us. */
static int fold_row(sqlite3_stmt *stmt, struct journal_row *row, int64_t *intent_us, struct err *err) {
  if (parse_mark((const char *)sqlite3_column_text(stmt, 1), &row->mark, err) < 0)
    return -1;
  if (row->mark == JOURNAL_INTENT || row->mark == JOURNAL_DONE) {
    free(row->error);
    row->error = NULL;
  }
  if (take_text(stmt, 2, &row->kind, err) < 0 || take_text(stmt, 3, &row->machine, err) < 0 ||
      take_text(stmt, 4, &row->service, err) < 0 || take_text(stmt, 5, &row->object, err) < 0 ||
      take_result(stmt, 6, &row->result, err) < 0 || take_text(stmt, 7, &row->error, err) < 0)
    return -1;
  char at[32];
  int64_t at_us = sqlite3_column_int64(stmt, 8);
  take_time(row, at_us, intent_us);
  row->at_us = at_us;
  log_time_text(at_us, at);
  free(row->at);
  row->at = strdup(at);
  return row->at ? 0 : err_no_memory(err);
}

/* The rows come by step, then in the order of writing. */
static int fold_rows(sqlite3_stmt *stmt, struct journal_rows *rows, struct err *err) {
  int64_t intent_us = -1;
  int rc;
  while ((rc = db_step(stmt, err)) > 0) {
    int step = sqlite3_column_int(stmt, 0);
    if (rows->count == 0 || rows->items[rows->count - 1].step != step) {
      struct journal_row *items = realloc(rows->items, (rows->count + 1) * sizeof(*items));
      if (!items)
        return err_no_memory(err);
      rows->items = items;
      rows->items[rows->count++] = (struct journal_row){.step = step, .duration_ms = -1};
      intent_us = -1;
    }
    if (fold_row(stmt, &rows->items[rows->count - 1], &intent_us, err) < 0)
      return err_wrap(err, "step %d", step);
  }
  return rc;
}

int state_journal(struct state *s, const char *project, int64_t revision, struct journal_rows *ret_rows,
                  struct err *err) {
  CLEANUP(journal_rows_release) struct journal_rows rows = {0};
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_read(s, &db, err) < 0)
    return -1;
  if (db && db_prepare(db, &stmt, err,
                       "SELECT step, mark, j.kind, machine, service, object, result, error, at_us"
                       " FROM journal j JOIN revision r ON r.id = j.revision_id"
                       " WHERE r.project = ? AND r.number = ? ORDER BY step, seq",
                       "si", project, revision) < 0)
    return -1;
  if (db && fold_rows(stmt, &rows, err) < 0)
    return err_wrap(err, "journal of revision %lld in %s", (long long)revision, s->path);
  *ret_rows = rows;
  rows = (struct journal_rows){0};
  return 0;
}

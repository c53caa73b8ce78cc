#include <string.h>

#include "controller/log/log.h"
#include "controller/state/db.h"
#include "controller/state/state.h"

static const char *const outcome_names[] = {
    [REVISION_RUNNING] = "running",   [REVISION_COMMITTED] = "committed", [REVISION_FAILED] = "failed",
    [REVISION_PUT_BACK] = "put back", [REVISION_STUCK] = "stuck",
};

/* The columns that read_revision() takes, in its order. */
#define REVISION_COLUMNS "number, base, kind, outcome, cleaned, summary, failure, started_us, ended_us"
enum { COLUMN_DESIRED = 9, COLUMN_PLAN };

const char *revision_outcome_name(enum revision_outcome outcome) {
  return (size_t)outcome < COUNT_OF(outcome_names) ? outcome_names[outcome] : "unknown";
}

void revision_release(struct revision *r) {
  if (!r)
    return;
  free(r->kind);
  free(r->summary);
  free(r->failure);
  free(r->started_at);
  free(r->ended_at);
  cJSON_Delete(r->desired);
  cJSON_Delete(r->plan);
  *r = (struct revision){0};
}

void revision_list_release(struct revision_list *list) {
  if (!list)
    return;
  for (size_t i = 0; i < list->count; i++)
    revision_release(&list->items[i]);
  free(list->items);
  *list = (struct revision_list){0};
}

static int parse_outcome(const char *text, enum revision_outcome *ret_outcome, struct err *err) {
  for (size_t i = 0; text && i < COUNT_OF(outcome_names); i++) {
    if (strcmp(text, outcome_names[i]) == 0) {
      *ret_outcome = (enum revision_outcome)i;
      return 0;
    }
  }
  return err_set(err, ERR_IO, "unknown outcome \"%s\"", text ? text : "");
}

static int time_column(sqlite3_stmt *stmt, int column, char **ret_text, struct err *err) {
  char text[32];
  if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
    return 0;
  log_time_text(sqlite3_column_int64(stmt, column), text);
  *ret_text = strdup(text);
  return *ret_text ? 0 : err_no_memory(err);
}

/* Fills *r, which the caller releases on failure too. */
static int read_revision(sqlite3_stmt *stmt, bool documents, struct revision *r, struct err *err) {
  r->number = sqlite3_column_int64(stmt, 0);
  r->base = sqlite3_column_int64(stmt, 1);
  r->cleaned = sqlite3_column_int(stmt, 4) != 0;
  r->duration_ms = -1;
  if (sqlite3_column_type(stmt, 8) != SQLITE_NULL) {
    int64_t us = sqlite3_column_int64(stmt, 8) - sqlite3_column_int64(stmt, 7);
    r->duration_ms = us > 0 ? us / 1000 : 0;
  }
  if (db_text(stmt, 2, &r->kind, err) < 0 ||
      parse_outcome((const char *)sqlite3_column_text(stmt, 3), &r->outcome, err) < 0 ||
      db_text(stmt, 5, &r->summary, err) < 0 || db_text(stmt, 6, &r->failure, err) < 0 ||
      time_column(stmt, 7, &r->started_at, err) < 0 || time_column(stmt, 8, &r->ended_at, err) < 0)
    return -1;
  if (!documents)
    return 0;
  if (db_json(stmt, COLUMN_DESIRED, &r->desired, err) < 0 || db_json(stmt, COLUMN_PLAN, &r->plan, err) < 0)
    return -1;
  return 0;
}

/* Steps the statement once and reads its row: 1, 0, -1. */
static int read_one(struct state *s, sqlite3_stmt *stmt, bool documents, struct revision *ret, struct err *err) {
  int rc = db_step(stmt, err);
  if (rc <= 0)
    return rc;
  struct revision r = {0};
  if (read_revision(stmt, documents, &r, err) < 0) {
    err_wrap(err, "state database %s: revision %lld", s->path, (long long)r.number);
    revision_release(&r);
    return -1;
  }
  *ret = r;
  return 1;
}

int state_revisions(struct state *s, const char *project, struct revision_list *ret_list, struct err *err) {
  CLEANUP(revision_list_release) struct revision_list list = {0};
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_read(s, &db, err) < 0)
    return -1;
  int rc =
      db ? db_prepare(db, &stmt, err,
                      "SELECT " REVISION_COLUMNS " FROM revision WHERE project = ? ORDER BY number DESC", "s", project)
         : 0;
  struct revision r;
  while (db && rc >= 0 && (rc = read_one(s, stmt, false, &r, err)) > 0) {
    struct revision *items = realloc(list.items, (list.count + 1) * sizeof(*items));
    if (!items) {
      revision_release(&r);
      return err_no_memory(err);
    }
    list.items = items;
    list.items[list.count++] = r;
  }
  if (rc < 0)
    return -1;
  *ret_list = list;
  list = (struct revision_list){0};
  return 0;
}

int state_revision(struct state *s, const char *project, int64_t number, struct revision *ret_revision,
                   struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_read(s, &db, err) < 0)
    return -1;
  if (!db)
    return 0;
  if (db_prepare(db, &stmt, err,
                 "SELECT " REVISION_COLUMNS ", desired, plan FROM revision WHERE project = ? AND number = ?", "si",
                 project, number) < 0)
    return -1;
  return read_one(s, stmt, true, ret_revision, err);
}

int state_unfinished(struct state *s, const char *project, struct revision *ret_revision, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_read(s, &db, err) < 0)
    return -1;
  if (!db)
    return 0;
  if (db_prepare(db, &stmt, err,
                 "SELECT " REVISION_COLUMNS ", desired, plan FROM revision WHERE project = ? AND"
                 " (outcome IN ('running', 'stuck') OR (outcome = 'committed' AND NOT cleaned)) ORDER BY number DESC LIMIT 1",
                 "s", project) < 0)
    return -1;
  return read_one(s, stmt, true, ret_revision, err);
}

/* The first column of the first row; 0 when there is none. */
static int read_number(sqlite3_stmt *stmt, int64_t *ret_number, struct err *err) {
  int rc = db_step(stmt, err);
  if (rc < 0)
    return -1;
  *ret_number = rc ? sqlite3_column_int64(stmt, 0) : 0;
  return 0;
}

int state_current(struct state *s, const char *project, int64_t *ret_number, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_read(s, &db, err) < 0)
    return -1;
  if (!db) {
    *ret_number = 0;
    return 0;
  }
  if (db_prepare(db, &stmt, err, "SELECT current FROM project WHERE name = ?", "s", project) < 0)
    return -1;
  return read_number(stmt, ret_number, err);
}

int state_previous(struct state *s, const char *project, int64_t number, int64_t *ret_number, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_read(s, &db, err) < 0)
    return -1;
  if (!db) {
    *ret_number = 0;
    return 0;
  }
  if (db_prepare(db, &stmt, err,
                 "SELECT max(number) FROM revision WHERE project = ? AND number < ? AND outcome = 'committed'"
                 " AND kind <> 'down'",
                 "si", project, number) < 0)
    return -1;
  return read_number(stmt, ret_number, err);
}

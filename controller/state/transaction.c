/* The rows of a revision that its transaction writes outside of the journal. */
#include <string.h>

#include "api/base/json.h"
#include "controller/log/log.h"
#include "controller/state/db.h"
#include "controller/state/state.h"

/* *ret_text is NULL for no document. */
static int document_text(const cJSON *json, char **ret_text, struct err *err) {
  *ret_text = json && !cJSON_IsNull(json) ? json_text(json) : NULL;
  return !json || cJSON_IsNull(json) || *ret_text ? 0 : err_no_memory(err);
}

static int next_number(sqlite3 *db, const char *project, int64_t *ret_number, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  if (db_prepare(db, &stmt, err, "SELECT coalesce(max(number), 0) + 1 FROM revision WHERE project = ?", "s", project) <
          0 ||
      db_step(stmt, err) < 0)
    return -1;
  *ret_number = sqlite3_column_int64(stmt, 0);
  return 0;
}

int state_begin(struct state *s, const char *project, const char *kind, const char *summary, int64_t base,
                const cJSON *desired, const cJSON *plan, int64_t *ret_number, struct err *err) {
  CLEANUP_FREE char *desired_text = NULL;
  CLEANUP_FREE char *plan_text = NULL;
  sqlite3 *db = NULL;
  int64_t number = 0;
  if (db_for_write(s, &db, err) < 0 || document_text(desired, &desired_text, err) < 0 ||
      document_text(plan, &plan_text, err) < 0 || db_begin(db, err) < 0)
    return -1;
  if (next_number(db, project, &number, err) < 0 ||
      db_run(db, err,
             "INSERT INTO revision (project, number, base, kind, outcome, summary, started_us, desired, plan)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
             "siisssiss", project, number, base, kind, revision_outcome_name(REVISION_RUNNING), summary ? summary : "",
             log_now_us(), desired_text, plan_text) < 0 ||
      db_commit(db, err) < 0) {
    db_rollback(db);
    return -1;
  }
  *ret_number = number;
  return 0;
}

static int adopt(sqlite3 *db, const char *project, int64_t number, int64_t base, const char *kind,
                 enum revision_outcome outcome, const char *summary, struct err *err) {
  int64_t now = log_now_us();
  if (db_run(db, err,
             "INSERT OR IGNORE INTO revision (project, number, base, kind, outcome, cleaned, summary, started_us, ended_us)"
             " VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)",
             "siisssii", project, number, base, kind, revision_outcome_name(outcome), summary, now, now) < 0)
    return -1;
  if (outcome != REVISION_COMMITTED)
    return 0;
  return db_run(db, err,
                "INSERT INTO project (name, current) SELECT project, number FROM revision"
                " WHERE project = ? AND number = ? AND outcome = 'committed'"
                " ON CONFLICT (name) DO UPDATE SET current = max(current, excluded.current)",
                "si", project, number);
}

int state_adopt(struct state *s, const char *project, int64_t number, int64_t base, const char *kind,
                enum revision_outcome outcome, const char *summary, struct err *err) {
  sqlite3 *db = NULL;
  if (db_for_write(s, &db, err) < 0 || db_begin(db, err) < 0)
    return -1;
  if (adopt(db, project, number, base, kind, outcome, summary, err) == 0 && db_commit(db, err) == 0)
    return 0;
  db_rollback(db);
  return -1;
}

int state_next_epoch(struct state *s, const char *project, int64_t *ret_epoch, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  sqlite3 *db = NULL;
  if (db_for_write(s, &db, err) < 0 ||
      db_prepare(db, &stmt, err,
                 "INSERT INTO epoch (project, number) VALUES (?, 1)"
                 " ON CONFLICT (project) DO UPDATE SET number = number + 1 RETURNING number",
                 "s", project) < 0 ||
      db_step(stmt, err) < 0)
    return -1;
  *ret_epoch = sqlite3_column_int64(stmt, 0);
  return db_step(stmt, err) < 0 ? -1 : 0;
}

int state_set_desired(struct state *s, const char *project, int64_t number, const cJSON *desired, struct err *err) {
  CLEANUP_FREE char *text = NULL;
  sqlite3 *db = NULL;
  if (db_for_write(s, &db, err) < 0 || document_text(desired, &text, err) < 0 ||
      db_run(db, err, "UPDATE revision SET desired = ? WHERE project = ? AND number = ?", "ssi", text, project,
             number) < 0)
    return -1;
  if (sqlite3_changes(db) != 1)
    return err_set(err, ERR_INTERNAL, "%s has no revision %lld", project, (long long)number);
  return 0;
}

/* What may be forgotten: not the revision that holds now, and nothing that recovery may still need. */
#define TRIMMABLE                                                                                                      \
  "project = ?1 AND number < ?2 AND number <> coalesce((SELECT current FROM project WHERE name = ?1), 0)"              \
  " AND (outcome IN ('failed', 'put back') OR (outcome = 'committed' AND cleaned))"

int state_trim(struct state *s, const char *project, int64_t older_than, struct err *err) {
  sqlite3 *db = NULL;
  if (db_for_write(s, &db, err) < 0 || db_begin(db, err) < 0)
    return -1;
  if (db_run(db, err, "DELETE FROM journal WHERE revision_id IN (SELECT id FROM revision WHERE " TRIMMABLE ")", "si",
             project, older_than) == 0 &&
      db_run(db, err, "UPDATE revision SET desired = NULL, plan = NULL WHERE " TRIMMABLE, "si", project, older_than) ==
          0 &&
      db_commit(db, err) == 0)
    return 0;
  db_rollback(db);
  return -1;
}

/* How long steps have really taken, by kind. */
#include <string.h>

#include "api/base/json.h"
#include "controller/state/db.h"
#include "controller/state/state.h"

/* The present step's intent, and what has been summed up: {KIND: {"ms", "count"}}. */
struct sums {
  int64_t revision, step, intent_us;
  cJSON *kinds;
};

static int add(struct sums *sums, const char *kind, int64_t ms, struct err *err) {
  cJSON *entry = cJSON_GetObjectItemCaseSensitive(sums->kinds, kind);
  if (!entry && !json_put(sums->kinds, kind, entry = cJSON_CreateObject()))
    return err_no_memory(err);
  return json_put_int(entry, "ms", json_int(entry, "ms", 0) + ms) &&
                 json_put_int(entry, "count", json_int(entry, "count", 0) + 1)
             ? 0
             : err_no_memory(err);
}

/* Columns: revision_id, step, mark, kind, at_us; by step, then in the order of writing. */
static int take_row(struct sums *sums, sqlite3_stmt *stmt, struct err *err) {
  int64_t revision = sqlite3_column_int64(stmt, 0), step = sqlite3_column_int64(stmt, 1);
  int64_t at_us = sqlite3_column_int64(stmt, 4);
  const char *mark = (const char *)sqlite3_column_text(stmt, 2), *kind = (const char *)sqlite3_column_text(stmt, 3);
  bool intent = mark && strcmp(mark, journal_mark_name(JOURNAL_INTENT)) == 0;
  bool same = revision == sums->revision && step == sums->step;
  if (!intent && same && sums->intent_us >= 0 && kind && at_us >= sums->intent_us &&
      add(sums, kind, (at_us - sums->intent_us) / 1000, err) < 0)
    return -1;
  sums->revision = revision;
  sums->step = step;
  sums->intent_us = intent ? at_us : -1;
  return 0;
}

int state_step_ms(struct state *s, const char *project, cJSON **ret_step_ms, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  CLEANUP_JSON cJSON *kinds = cJSON_CreateObject(), *means = cJSON_CreateObject();
  struct sums sums = {.step = -1, .intent_us = -1, .kinds = kinds};
  sqlite3 *db = NULL;
  int rc = 0;
  if (!kinds || !means)
    return err_no_memory(err);
  if (db_for_read(s, &db, err) < 0)
    return -1;
  if (db && db_prepare(db, &stmt, err,
                       "SELECT j.revision_id, step, mark, j.kind, at_us FROM journal j JOIN revision r"
                       " ON r.id = j.revision_id WHERE r.project = ? AND mark IN ('intent', 'done')"
                       " ORDER BY j.revision_id, step, seq",
                       "s", project) < 0)
    return -1;
  while (db && (rc = db_step(stmt, err)) > 0)
    if (take_row(&sums, stmt, err) < 0)
      return -1;
  for (const cJSON *k = kinds->child; rc == 0 && k; k = k->next)
    if (!json_put_int(means, k->string, json_int(k, "ms", 0) / json_int(k, "count", 1)))
      return err_no_memory(err);
  if (rc < 0)
    return -1;
  *ret_step_ms = STEAL(means);
  return 0;
}

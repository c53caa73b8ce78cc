/* Taking up what a crash cut off: from this state's journal, or from the record that the engines keep when the journal
 * is another operator's or lost. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/daemon/session_private.h"
#include "controller/deploy/record.h"

/* --- by the journal ---------------------------------------------------------------------------------------------- */

static int recover_journaled(struct session *s, struct revision *r, struct outcome *ret_outcome, struct err *err) {
  struct steps steps = {0};
  struct journal_rows rows = {0};
  struct journal *journal = NULL;
  struct transaction_run run = {
      .project = s->fleet->name,
      .revision = r->number,
      .facts = {.base = r->base, .kind = r->kind, .started_at = r->started_at},
      .begin = r->outcome == REVISION_COMMITTED ? BEGIN_CLEANUP : BEGIN_UNDO,
      .strict_cleanup = strcmp(r->kind, "down") == 0,
  };
  int rc = steps_from_json(r->plan, &steps, err);
  if (rc == 0)
    rc = state_journal(s->state, s->fleet->name, r->number, &rows, err);
  if (rc == 0)
    rc = journal_open(s->state, &s->loop, s->fleet->name, r->number, &journal, err);
  run.steps = &steps;
  run.rows = &rows;
  run.journal = journal;
  if (rc == 0) {
    rc = session_transact(s, &run, ret_outcome, err);
    journal_close(journal);
  }
  steps_release(&steps);
  journal_rows_release(&rows);
  return rc;
}

static int recover_own(struct session *s, bool *ret_found, struct outcome *ret_outcome, struct err *err) {
  CLEANUP(revision_release) struct revision r = {0};
  int found = state_unfinished(s->state, s->fleet->name, &r, err);
  *ret_found = found > 0;
  if (found <= 0)
    return found;
  if (session_lock(s, err) < 0 || recover_journaled(s, &r, ret_outcome, err) < 0)
    return -1;
  ret_outcome->revision = r.number;
  log_emit(s->options.log, LOG_TRANSACTION_RECOVERED, LOG_FIELDS(.project = s->fleet->name, .revision = r.number),
           "revision %lld, which was cut off, is %s", (long long)r.number,
           ret_outcome->result == SESSION_STUCK ? "still not whole"
           : r.outcome == REVISION_COMMITTED    ? "finished"
                                                : "undone");
  return 0;
}

/* --- by the engines' records ------------------------------------------------------------------------------------- */

struct searching {
  bool done;
  struct record_list list;
  struct err err;
};

static void found_records(void *arg, struct record_list *list, struct err *err) {
  struct searching *x = arg;
  x->done = true;
  if (list)
    x->list = *list;
  else
    err_move(&x->err, err);
}

static int find_records(struct session *s, struct record_list *ret_list, struct err *err) {
  struct searching x = {0};
  if (session_engines(s, err) < 0 || record_find(&s->machines, s->fleet->name, found_records, &x, err) < 0)
    return -1;
  session_await(s, &x.done);
  if (x.err.kind)
    return err_move(err, &x.err);
  *ret_list = x.list;
  return 0;
}

struct removing {
  size_t pending;
  bool done;
  struct err err;
};

static void mark_removed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct removing *x = arg;
  if (!reply && err->http_status != 404 && !x->err.kind)
    err_move(&x->err, err);
  x->done = --x->pending == 0;
}

/* What a finished transaction could not remove. */
static int remove_marks(struct session *s, const struct record *r, struct err *err) {
  struct removing x = {.pending = 1};
  const cJSON *id;
  cJSON_ArrayForEach(id, r->ids) {
    struct engine *e = machines_engine(&s->machines, id->string);
    if (!e || !cJSON_IsString(id))
      continue;
    x.pending++;
    container_remove(e, id->valuestring, true, false, mark_removed, &x);
  }
  x.done = --x.pending == 0;
  session_await(s, &x.done);
  return x.err.kind ? err_move(err, &x.err) : 0;
}

/* Is it a transaction of this state folder? 1, 0, -1. What is not finished here the journal has taken care of. */
static int is_own(struct session *s, const struct record *r, struct err *err) {
  CLEANUP(revision_list_release) struct revision_list list = {0};
  if (state_revisions(s->state, s->fleet->name, &list, err) < 0)
    return -1;
  for (size_t i = 0; i < list.count; i++)
    if (list.items[i].number == r->revision)
      return strcmp(list.items[i].started_at, r->started_at) == 0;
  return 0;
}

static char *tell(const struct record *r) {
  char who[300] = "a tandem that cannot be told";
  char *text = NULL;
  if (r->holder.pid)
    holder_text(&r->holder, who, sizeof(who));
  int len = asprintf(
      &text, "the engines' record tells of it: %s: %s; begun %s by %s, from revision %lld, with its state in %s",
      r->kind, r->summary, r->started_at, who, (long long)r->base,
      *r->holder.state_dir ? r->holder.state_dir : "a folder that is not told");
  return len < 0 ? NULL : text;
}

/* The state learns what the engines know, so that numbers go on from there. */
static int adopt_record(struct session *s, const struct record *r, const struct outcome *o, struct err *err) {
  const char *project = s->fleet->name;
  if (o->result == SESSION_STUCK && !o->gone)
    return 0;
  if (!r->committed && r->base > 0 &&
      state_adopt(s->state, project, r->base, 0, "adopt", REVISION_COMMITTED, "found on the engines", err) < 0)
    return -1;
  return state_adopt(s->state, project, r->revision, r->base, r->kind,
                     r->committed ? REVISION_COMMITTED : REVISION_PUT_BACK, r->summary, err);
}

static int recover_record(struct session *s, const struct record *r, struct outcome *ret_outcome, struct err *err) {
  CLEANUP(journal_rows_release) struct journal_rows rows = {0};
  struct steps steps = {0};
  struct transaction_run run = {
      .project = s->fleet->name,
      .revision = r->revision,
      .facts = {.base = r->base, .kind = r->kind, .started_at = r->started_at},
      .steps = &steps,
      .rows = &rows,
      .begin = r->committed ? BEGIN_CLEANUP : BEGIN_UNDO,
      .strict_cleanup = strcmp(r->kind, "down") == 0,
  };
  const struct observed *observed;
  if (session_observe(s, &observed, err) < 0 || record_rows(r, observed, &rows, err) < 0 ||
      steps_from_json(r->steps, &steps, err) < 0)
    return -1;
  int rc = session_transact(s, &run, ret_outcome, err);
  steps_release(&steps);
  if (rc < 0)
    return -1;
  ret_outcome->revision = r->revision;
  ret_outcome->told = tell(r);
  log_emit(s->options.log, LOG_TRANSACTION_RECOVERED, LOG_FIELDS(.project = s->fleet->name, .revision = r->revision),
           "revision %lld of another state folder, which was cut off, is %s", (long long)r->revision,
           ret_outcome->result == SESSION_STUCK ? "still not whole"
           : r->committed                       ? "finished"
                                                : "undone");
  return adopt_record(s, r, ret_outcome, err);
}

/* Of several the newest comes first: each was made on top of the one before. */
static int recover_records(struct session *s, struct record_list *list, bool *ret_found, struct outcome *ret_outcome,
                           struct err *err) {
  for (size_t i = 0; i < list->count; i++) {
    int own = is_own(s, &list->items[i], err);
    if (own < 0 || (own > 0 && remove_marks(s, &list->items[i], err) < 0))
      return -1;
    if (own > 0)
      continue;
    outcome_release(ret_outcome);
    *ret_found = true;
    if (recover_record(s, &list->items[i], ret_outcome, err) < 0)
      return -1;
    if (ret_outcome->result == SESSION_STUCK)
      break;
  }
  return 0;
}

/* Looked for without the lock, and again with it: its holder may have come to an end by itself. */
static int recover_others(struct session *s, bool *ret_found, struct outcome *ret_outcome, struct err *err) {
  CLEANUP(record_list_release) struct record_list list = {0};
  if (find_records(s, &list, err) < 0)
    return -1;
  if (!list.count)
    return 0;
  record_list_release(&list);
  if (session_lock(s, err) < 0 || find_records(s, &list, err) < 0)
    return -1;
  return recover_records(s, &list, ret_found, ret_outcome, err);
}

int session_check_records(struct session *s, struct err *err) {
  CLEANUP(record_list_release) struct record_list list = {0};
  if (find_records(s, &list, err) < 0)
    return -1;
  for (size_t i = 0; i < list.count; i++) {
    CLEANUP_FREE char *text = NULL;
    int own = is_own(s, &list.items[i], err);
    if (own < 0 || (own > 0 && remove_marks(s, &list.items[i], err) < 0))
      return -1;
    if (own > 0)
      continue;
    text = tell(&list.items[i]);
    return err_set(err, ERR_CONFLICT,
                   "revision %lld was cut off, and this state folder knows nothing of it: %s; `tandem recover` %s it",
                   (long long)list.items[i].revision, text ? text : "",
                   list.items[i].committed ? "finishes" : "undoes");
  }
  return 0;
}

/* --- what the commands call -------------------------------------------------------------------------------------- */

static int recover(struct session *s, bool others, bool *ret_found, struct outcome *ret_outcome, struct err *err) {
  const struct fleet *fleet;
  struct state *state;
  struct outcome outcome = {.put_back_ms = -1};
  uint64_t began = uv_hrtime();
  *ret_found = false;
  if (session_fleet(s, &fleet, err) < 0 || session_state(s, true, &state, err) < 0)
    return -1;
  int rc = recover_own(s, ret_found, &outcome, err);
  if (rc == 0 && !*ret_found && others)
    rc = recover_others(s, ret_found, &outcome, err);
  outcome.duration_ms = (int64_t)((uv_hrtime() - began) / 1000000);
  if (rc == 0 && *ret_found)
    rc = session_current(s, &outcome.holds, err);
  if (rc < 0 || !*ret_found)
    outcome_release(&outcome);
  else
    *ret_outcome = outcome;
  return rc;
}

int session_recover(struct session *s, bool *ret_found, struct outcome *ret_outcome, struct err *err) {
  return recover(s, true, ret_found, ret_outcome, err);
}

int session_recover_first(struct session *s, struct err *err) {
  bool found;
  struct outcome outcome = {0};
  if (recover(s, false, &found, &outcome, err) < 0)
    return -1;
  bool stuck = found && outcome.result == SESSION_STUCK && !outcome.gone;
  if (stuck)
    err_set(err, ERR_CONFLICT, "revision %lld was cut off and cannot be put back whole: %s",
            (long long)outcome.revision, outcome.left.count ? outcome.left.items[0] : "see tandem recover");
  outcome_release(&outcome);
  return stuck ? -1 : 0;
}

/* A new container under a temporary name, or a parked one whose service has no live one. */
static bool is_trace(const struct observed *o, const struct observed_container *c) {
  if (c->role != CONTAINER_PARKED)
    return c->role == CONTAINER_NEW;
  for (size_t i = 0; i < o->machine_count; i++)
    if (observed_live(&o->machines[i], c->service, ""))
      return false;
  return true;
}

int session_traces(struct session *s, struct strv *ret_traces, struct err *err) {
  const struct observed *o;
  char text[700];
  if (session_observe(s, &o, err) < 0)
    return -1;
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++) {
      const struct observed_container *c = &o->machines[i].containers[k];
      snprintf(text, sizeof(text), "%s on %s, %s", c->name, o->machines[i].name, c->state);
      if (is_trace(o, c) && strv_add(ret_traces, text, err) < 0)
        return -1;
    }
  return 0;
}

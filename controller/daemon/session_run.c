/* Carrying a plan out, and taking up what a crash cut off. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/json.h"
#include "controller/daemon/session_private.h"
#include "controller/deploy/tar_cache.h"

void outcome_release(struct outcome *o) {
  cJSON_Delete(o->failure);
  strv_release(&o->left);
  *o = (struct outcome){0};
}

/* --- one transaction on the session's loop ----------------------------------------------------------------------- */

struct execution {
  struct session *session;
  const struct transaction_run *run;
  struct work work;
  struct transaction *transaction;
  struct outcome *outcome;
  uv_signal_t interrupt, terminate;
  int signals, signals_open;
  bool done, watch_closed;
};

static void on_signal(uv_signal_t *handle, int number) {
  struct execution *x = handle->data;
  if (x->signals++ == 0) {
    if (x->transaction)
      transaction_interrupt(x->transaction);
    return;
  }
  uv_signal_stop(handle); /* a second one ends at once; recover finishes */
  signal(number, SIG_DFL);
  raise(number);
}

static void listen_for_signals(struct execution *x) {
  uv_signal_init(&x->session->loop, &x->interrupt);
  uv_signal_init(&x->session->loop, &x->terminate);
  x->interrupt.data = x->terminate.data = x;
  uv_signal_start(&x->interrupt, on_signal, SIGINT);
  uv_signal_start(&x->terminate, on_signal, SIGTERM);
}

static void note_closed(uv_handle_t *handle) {
  ((struct execution *)handle->data)->signals_open--;
}

static void stop_listening(struct execution *x) {
  x->signals_open = 2;
  uv_close((uv_handle_t *)&x->interrupt, note_closed);
  uv_close((uv_handle_t *)&x->terminate, note_closed);
  while (x->signals_open)
    uv_run(&x->session->loop, UV_RUN_ONCE);
}

static void set_watch_closed(void *arg) {
  ((struct execution *)arg)->watch_closed = true;
}

static void transaction_ended(void *arg, struct transaction_outcome *o) {
  static const enum session_result results[] = {
      [TRANSACTION_COMMITTED] = SESSION_DONE,
      [TRANSACTION_FAILED_CLEAN] = SESSION_FAILED_CLEAN,
      [TRANSACTION_PUT_BACK] = SESSION_PUT_BACK,
      [TRANSACTION_STUCK] = SESSION_STUCK,
  };
  struct execution *x = arg;
  x->outcome->result = results[o->result];
  x->outcome->failure = o->failure;
  x->outcome->left = o->left;
  x->outcome->put_back_ms = o->put_back_ms;
  x->outcome->put_back_services = o->put_back_services;
  x->transaction = NULL;
  x->done = true;
}

/* The IDs that builds and copies have found out go into the stored revision. */
static int store_image_ids(void *arg, struct err *err) {
  struct execution *x = arg;
  struct desired *d = x->work.desired;
  if (!d || !x->run->journal)
    return 0;
  for (size_t i = 0; i < x->work.steps->count; i++) {
    const struct step *s = &x->work.steps->items[i];
    const char *id = json_str(x->work.results[i], "id", NULL);
    bool image = s->kind == STEP_IMAGE_BUILD || s->kind == STEP_IMAGE_PULL || s->kind == STEP_IMAGE_COPY ||
                 s->kind == STEP_IMAGE_TAG || s->kind == STEP_IMAGE_HOLD;
    if (image && id && desired_set_image_id(d, s->machine, s->object, id, err) < 0)
      return -1;
  }
  return state_set_desired(x->session->state, x->run->project, x->run->revision, d->doc, err);
}

static int execute(struct execution *x, struct err *err) {
  struct session *s = x->session;
  const struct transaction_run *run = x->run;
  struct transaction_options options = {
      .work = &x->work,
      .journal = run->journal,
      .parallelism = run->parallelism > 0 ? run->parallelism : 8,
      .begin = run->begin,
      .rows = run->rows,
      .strict_cleanup = run->strict_cleanup,
      .before_commit = store_image_ids,
      .cb = transaction_ended,
      .arg = x,
  };
  listen_for_signals(x);
  int rc = transaction_start(&options, &x->transaction, err);
  if (rc == 0)
    session_await(s, &x->done);
  stop_listening(x);
  return rc;
}

static void release_work(struct execution *x) {
  struct work *w = &x->work;
  if (w->watch) {
    watch_close(w->watch, set_watch_closed, x);
    session_await(x->session, &x->watch_closed);
  }
  tar_cache_free(w->tars);
  for (size_t i = 0; w->results && i < x->run->steps->count; i++)
    cJSON_Delete(w->results[i]);
  free(w->results);
}

int session_transact(struct session *s, const struct transaction_run *run, struct outcome *ret_outcome,
                     struct err *err) {
  struct execution x = {.session = s, .run = run, .outcome = ret_outcome};
  if (mkdir(s->options.state_dir, 0700) < 0 && errno != EEXIST)
    return err_set_errno(err, errno, "%s", s->options.state_dir);
  x.work = (struct work){
      .loop = &s->loop,
      .log = s->options.log,
      .machines = &s->machines,
      .project = run->project,
      .revision = run->revision,
      .steps = run->steps,
      .desired = run->desired,
      .results = calloc(run->steps->count + 1, sizeof(cJSON *)),
      .temporary_dir = s->options.state_dir,
      .tars = tar_cache_new(&s->loop, s->options.state_dir),
      .watch = watch_open(&s->machines, run->project, s->options.log),
  };
  int rc = x.work.results && x.work.tars && x.work.watch ? execute(&x, err) : err_no_memory(err);
  release_work(&x);
  return rc;
}

/* --- a plan as a revision ---------------------------------------------------------------------------------------- */

static int run_journaled(struct session *s, const struct plan *plan, const char *summary, struct desired *desired,
                         struct outcome *ret_outcome, struct err *err) {
  CLEANUP_JSON cJSON *graph = NULL;
  struct journal *journal = NULL;
  struct transaction_run run = {
      .project = plan->project,
      .steps = &plan->steps,
      .desired = desired,
      .parallelism = (int)plan->parallelism,
      .strict_cleanup = strcmp(plan->kind, "down") == 0,
  };
  if (steps_to_json(&plan->steps, &graph, err) < 0 ||
      state_begin(s->state, plan->project, plan->kind, summary, plan->base_revision, plan->desired, graph,
                  &run.revision, err) < 0 ||
      journal_open(s->state, &s->loop, plan->project, run.revision, &journal, err) < 0)
    return -1;
  run.journal = journal;
  ret_outcome->revision = run.revision;
  log_emit(s->options.log, LOG_TRANSACTION_BEGIN,
           LOG_FIELDS(.project = plan->project, .revision = run.revision, .total = (int64_t)plan->steps.count), "%s: %s",
           plan->kind, summary);
  int rc = session_transact(s, &run, ret_outcome, err);
  journal_close(journal);
  return rc;
}

static int forget_old(struct session *s, const char *project, int retain, struct err *err) {
  int64_t oldest;
  if (session_oldest_kept(s, retain, &oldest, err) < 0)
    return -1;
  return state_trim(s->state, project, oldest, err);
}

int session_run(struct session *s, const struct plan *plan, const char *summary, struct outcome *ret_outcome,
                struct err *err) {
  struct outcome outcome = {.put_back_ms = -1};
  struct desired *desired = NULL;
  uint64_t began = uv_hrtime();
  if (session_engines(s, err) < 0 || (plan->desired && desired_load(plan->desired, plan->project, &desired, err) < 0))
    return -1;
  struct transaction_run build = {
      .project = plan->project, .steps = &plan->steps, .desired = desired, .parallelism = (int)plan->parallelism};
  int rc = strcmp(plan->kind, "build") == 0 ? session_transact(s, &build, &outcome, err)
                                            : run_journaled(s, plan, summary, desired, &outcome, err);
  int retain = desired ? desired->retain : 1;
  desired_free(desired);
  if (rc == 0)
    rc = session_current(s, &outcome.holds, err);
  if (rc == 0 && outcome.result == SESSION_DONE && outcome.revision)
    rc = forget_old(s, plan->project, retain > 0 ? retain : 1, err);
  outcome.duration_ms = (int64_t)((uv_hrtime() - began) / 1000000);
  if (rc < 0)
    outcome_release(&outcome);
  else
    *ret_outcome = outcome;
  return rc;
}

/* --- recovery ---------------------------------------------------------------------------------------------------- */

static int recover(struct session *s, struct revision *r, struct outcome *ret_outcome, struct err *err) {
  struct steps steps = {0};
  struct journal_rows rows = {0};
  struct journal *journal = NULL;
  struct transaction_run run = {
      .project = s->fleet->name,
      .revision = r->number,
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

int session_recover(struct session *s, bool *ret_found, struct outcome *ret_outcome, struct err *err) {
  const struct fleet *fleet;
  struct state *state;
  struct revision r = {0};
  struct outcome outcome = {.put_back_ms = -1};
  *ret_found = false;
  if (session_fleet(s, &fleet, err) < 0 || session_state(s, true, &state, err) < 0)
    return -1;
  int found = state_unfinished(state, fleet->name, &r, err);
  if (found <= 0)
    return found;
  uint64_t began = uv_hrtime();
  int rc = session_engines(s, err);
  if (rc == 0)
    rc = recover(s, &r, &outcome, err);
  outcome.revision = r.number;
  outcome.duration_ms = (int64_t)((uv_hrtime() - began) / 1000000);
  if (rc == 0)
    rc = session_current(s, &outcome.holds, err);
  if (rc == 0) {
    *ret_found = true;
    *ret_outcome = outcome;
    log_emit(s->options.log, LOG_TRANSACTION_RECOVERED, LOG_FIELDS(.project = fleet->name, .revision = r.number),
             "revision %lld, which was cut off, is %s", (long long)r.number,
             outcome.result == SESSION_STUCK ? "still not whole" : r.outcome == REVISION_COMMITTED ? "finished" : "undone");
  } else {
    outcome_release(&outcome);
  }
  revision_release(&r);
  return rc;
}

int session_recover_first(struct session *s, struct err *err) {
  bool found;
  struct outcome outcome = {0};
  if (session_recover(s, &found, &outcome, err) < 0)
    return -1;
  bool stuck = found && outcome.result == SESSION_STUCK;
  if (stuck)
    err_set(err, ERR_CONFLICT, "revision %lld was cut off and cannot be put back whole: %s", (long long)outcome.revision,
            outcome.left.count ? outcome.left.items[0] : "see tandem recover");
  outcome_release(&outcome);
  return stuck ? -1 : 0;
}

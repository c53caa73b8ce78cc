/* Carrying a plan out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/json.h"
#include "controller/daemon/session_private.h"
#include "controller/deploy/tar_cache.h"

void outcome_release(struct outcome *o) {
  free(o->told);
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
  x->outcome->gone = o->gone;
  x->outcome->put_back_ms = o->put_back_ms;
  x->outcome->put_back_services = o->put_back_services;
  x->transaction = NULL;
  x->session->transaction = NULL;
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
  s->transaction = x->transaction;
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
      .facts = &run->facts,
      .steps = run->steps,
      .desired = run->desired,
      .results = calloc(run->steps->count + 1, sizeof(cJSON *)),
      .temporary_dir = s->options.state_dir,
      .tars = tar_cache_new(&s->loop, s->options.state_dir),
      .watch = watch_open(&s->machines, run->project, s->options.log),
  };
  int rc = x.work.results && x.work.tars && x.work.watch ? execute(&x, err) : err_no_memory(err);
  if (rc == 0)
    session_confirm_lock(s, ret_outcome);
  release_work(&x);
  return rc;
}

/* --- a plan as a revision ---------------------------------------------------------------------------------------- */

/* The revision's own time, as the state tells it: with the number it names the transaction for good. */
static int begin_revision(struct session *s, const struct plan *plan, const char *summary, struct revision_list *list,
                          struct transaction_run *run, struct err *err) {
  CLEANUP_JSON cJSON *graph = NULL;
  int64_t current;
  if (session_current(s, &current, err) < 0 ||
      (plan->base_revision > current &&
       state_adopt(s->state, plan->project, plan->base_revision, 0, "adopt", REVISION_COMMITTED,
                   "found on the engines; the state folder knew nothing of it", err) < 0) ||
      steps_to_json(&plan->steps, &graph, err) < 0 ||
      state_begin(s->state, plan->project, plan->kind, summary, plan->base_revision, plan->desired, graph,
                  &run->revision, err) < 0 ||
      state_revisions(s->state, plan->project, list, err) < 0)
    return -1;
  run->facts = (struct transaction_facts){.base = plan->base_revision,
                                          .kind = plan->kind,
                                          .summary = summary,
                                          .started_at = list->items[0].started_at,
                                          .command = s->options.command,
                                          .state_dir = s->options.state_dir};
  return 0;
}

static int run_journaled(struct session *s, const struct plan *plan, const char *summary, struct desired *desired,
                         struct outcome *ret_outcome, struct err *err) {
  CLEANUP(revision_list_release) struct revision_list list = {0};
  struct journal *journal = NULL;
  struct transaction_run run = {
      .project = plan->project,
      .steps = &plan->steps,
      .desired = desired,
      .parallelism = (int)plan->parallelism,
      .strict_cleanup = strcmp(plan->kind, "down") == 0,
  };
  if (begin_revision(s, plan, summary, &list, &run, err) < 0 ||
      journal_open(s->state, &s->loop, plan->project, run.revision, &journal, err) < 0)
    return -1;
  run.journal = journal;
  ret_outcome->revision = run.revision;
  log_emit(s->options.log, LOG_TRANSACTION_BEGIN,
           LOG_FIELDS(.project = plan->project, .revision = run.revision, .total = (int64_t)plan->steps.count),
           "%s: %s", plan->kind, summary);
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
  if (session_lock(s, err) < 0 || (plan->desired && desired_load(plan->desired, plan->project, &desired, err) < 0))
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

/* A small fleet of busybox services on the testbed's two engines, described by desired documents: what transactions
 * are tried on without a manifest. Each lab has a project name of its own and leaves nothing behind. */
#ifndef TANDEM_TEST_LAB_H
#define TANDEM_TEST_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/engine/container.h"
#include "api/engine/container.h"
#include "controller/deploy/record.h"
#include "controller/deploy/tar_cache.h"
#include "controller/deploy/transaction.h"
#include "controller/observe/observe.h"
#include "controller/plan/fields.h"

struct lab {
  uv_loop_t loop;
  struct machines machines;
  struct state *state;
  struct log *log;
  char project[64];
  char dir[64];
  int64_t current; /* committed revision */
  bool resources;  /* the fleet has a second network and a volume too */
  const struct record *record; /* what a transaction goes by instead of the journal; NULL: the journal */
  int64_t reconnect_ms; /* how long transactions wait for a machine; 0: as ever */
  struct transaction *transaction; /* while one runs */
  int settle_ms; /* as in struct work; 1000 */
  /* Of the last run: */
  struct transaction_outcome outcome;
  int64_t revision;
};

struct lab_wait {
  bool done;
  struct observed *observed;
  cJSON *json;
  struct err err;
};

static inline void lab_flag(void *arg) {
  *(bool *)arg = true;
}

static inline void lab_await(struct lab *lab, const bool *flag) {
  while (!*flag)
    uv_run(&lab->loop, UV_RUN_ONCE);
}

static inline const char *lab_env(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value && *value ? value : fallback;
}

/* Connects to both engines and takes the state's lock, for a project and a folder that are there already. */
static inline void lab_open_at(struct lab *lab, const char *project, const char *dir) {
  char unix_path[256];
  bool opened = false;
  struct err err = ERR_INIT;
  memset(lab, 0, sizeof(*lab));
  lab->settle_ms = 1000;
  snprintf(lab->project, sizeof(lab->project), "%s", project);
  snprintf(lab->dir, sizeof(lab->dir), "%s", dir);
  assert_int_equal(uv_loop_init(&lab->loop), 0);
  snprintf(unix_path, sizeof(unix_path), "unix://%s/mainpc/docker.sock",
           lab_env("TANDEM_TESTBED", "/var/tmp/tandem-testbed"));
  struct machine list[] = {
      {.name = (char *)"mainpc", .endpoint = (char *)lab_env("TANDEM_MAINPC_ENDPOINT", unix_path)},
      {.name = (char *)"pc2",
       .endpoint = (char *)lab_env("TANDEM_PC2_ENDPOINT", "tcp://10.77.0.2:2376"),
       .tls_ca = (char *)lab_env("TANDEM_PC2_CA", NULL),
       .tls_cert = (char *)lab_env("TANDEM_PC2_CERT", NULL),
       .tls_key = (char *)lab_env("TANDEM_PC2_KEY", NULL)},
  };
  struct fleet fleet = {.machines = list, .machine_count = 2};
  lab->log = log_new();
  assert_non_null(lab->log);
  if (getenv("LAB_LOG"))
    assert_int_equal(log_add_stream(lab->log, stderr, LOG_FORMAT_TEXT, LOG_DEBUG, NULL), 0);
  assert_int_equal(machines_open(&lab->loop, &fleet, lab->log, &lab->machines, lab_flag, &opened, &err), 0);
  lab_await(lab, &opened);
  if (machines_check(&lab->machines, &err) < 0)
    fail_msg("%s (is the testbed up, and its env set?)", err_text(&err));
  if (state_open(lab->dir, STATE_WRITE, "lab", &lab->state, &err) < 0)
    fail_msg("%s", err_text(&err));
  assert_int_equal(state_current(lab->state, lab->project, &lab->current, NULL), 0);
}

static inline void lab_open(struct lab *lab) {
  static int number;
  char project[64], dir[] = "/tmp/tandem-lab-XXXXXX";
  snprintf(project, sizeof(project), "lab%d-%d", (int)getpid(), number++);
  assert_non_null(mkdtemp(dir));
  lab_open_at(lab, project, dir);
}

static inline void lab_observed(void *arg, struct observed *observed, struct err *err) {
  struct lab_wait *w = arg;
  w->observed = observed;
  if (err)
    err_move(&w->err, err);
  w->done = true;
}

static inline struct observed *lab_observe(struct lab *lab) {
  struct lab_wait w = {0};
  assert_int_equal(observe_start(&lab->machines, lab->project, lab_observed, &w, NULL), 0);
  lab_await(lab, &w.done);
  if (!w.observed)
    fail_msg("%s", err_text(&w.err));
  return w.observed;
}

/* The records of transactions that the engines hold. */
static inline void lab_records_found(void *arg, struct record_list *list, struct err *err) {
  struct record_list *ret = arg;
  if (!list)
    fail_msg("%s", err_text(err));
  free(ret->items); /* the mark of one that waits */
  *ret = *list;
}

static inline struct record_list lab_records(struct lab *lab) {
  struct record_list list = {.items = malloc(1), .count = SIZE_MAX};
  assert_int_equal(record_find(&lab->machines, lab->project, lab_records_found, &list, NULL), 0);
  while (list.count == SIZE_MAX)
    uv_run(&lab->loop, UV_RUN_ONCE);
  return list;
}

static inline void lab_listed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct lab_wait *w = arg;
  if (!reply)
    fail_msg("%s", err_text(err));
  w->json = cJSON_Duplicate(reply->json, true);
  w->done = true;
}

/* How many locks and records of the project the engines hold. */
static inline int lab_marks(struct lab *lab) {
  char label[128];
  int count = 0;
  snprintf(label, sizeof(label), "tandem.project=%s", lab->project);
  const char *const labels[] = {label, "tandem.token"};
  const char *const records[] = {label, "tandem.role=record"};
  for (size_t i = 0; i < 2 * lab->machines.count; i++) {
    struct lab_wait w = {0};
    container_list(lab->machines.items[i / 2].engine, i % 2 ? labels : records, 2, lab_listed, &w);
    lab_await(lab, &w.done);
    count += cJSON_GetArraySize(w.json);
    cJSON_Delete(w.json);
  }
  return count;
}

/* --- desired documents ------------------------------------------------------------------------------------------- */

/* A service: shell command, further members of the create body and of HostConfig (JSON, with a leading comma, or ""),
 * in which @ stands for the project; depends, files: JSON lists. */
struct lab_service {
  const char *name, *machine, *command, *body, *host, *depends, *files;
  enum update_order order;
};

static inline void lab_fill_in(const char *project, const char *text, char *out, size_t size) {
  size_t len = 0;
  for (; text && *text && len + 1 < size; text++)
    if (*text == '@')
      len += (size_t)snprintf(out + len, size - len, "%s", project);
    else
      out[len++] = *text;
  assert_true(len < size);
  out[len] = '\0';
}

static inline cJSON *lab_service_json(const struct lab *lab, const struct lab_service *s) {
  char text[4096], hash[65], host[1024], extra[1024];
  lab_fill_in(lab->project, s->host, host, sizeof(host));
  lab_fill_in(lab->project, s->body, extra, sizeof(extra));
  snprintf(text, sizeof(text),
           "{\"Image\":\"%s\",\"Cmd\":[\"sh\",\"-c\",\"%s\"],\"StopTimeout\":1,\"Labels\":{"
           "\"com.docker.compose.project\":\"%s\",\"com.docker.compose.service\":\"%s\",\"tandem.project\":\"%s\","
           "\"tandem.service\":\"%s\"},\"HostConfig\":{\"NetworkMode\":\"%s_default\"%s}%s}",
           lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"), s->command, lab->project, s->name, lab->project,
           s->name, lab->project, host, extra);
  cJSON *body = cJSON_Parse(text);
  if (!body)
    fail_msg("bad body: %s", text);
  CLEANUP_JSON cJSON *files = s->files ? cJSON_Parse(s->files) : NULL;
  assert_int_equal(fields_spec_hash(body, files, hash, NULL), 0);
  json_put_str(cJSON_GetObjectItemCaseSensitive(body, "Labels"), "tandem.spec-hash", hash);
  cJSON *json = cJSON_CreateObject();
  snprintf(text, sizeof(text), "%s-%s-1", lab->project, s->name);
  json_put_str(json, "name", s->name);
  json_put_str(json, "machine", s->machine);
  json_put_str(json, "container_name", text);
  json_put_str(json, "image", lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"));
  json_put(json, "body", body);
  json_put(json, "depends_on", cJSON_Parse(s->depends ? s->depends : "[]"));
  if (files)
    json_put(json, "files", STEAL(files));
  json_put_str(json, "spec_hash", hash);
  json_put_str(json, "config_hash", "none");
  json_put_int(json, "monitor_ms", 300);
  json_put_int(json, "order", s->order);
  json_put_int(json, "stop_grace_s", 1);
  return json;
}

/* A second network and a volume, both on mainpc. */
static inline void lab_add_resources(const struct lab *lab, cJSON *doc) {
  char text[512];
  lab_fill_in(lab->project,
              "{\"machine\":\"mainpc\",\"name\":\"@_side\",\"body\":{\"Name\":\"@_side\",\"Labels\":{"
              "\"com.docker.compose.project\":\"@\"}}}",
              text, sizeof(text));
  cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(doc, "networks"), cJSON_Parse(text));
  lab_fill_in(lab->project,
              "[{\"machine\":\"mainpc\",\"name\":\"@_data\",\"body\":{\"Name\":\"@_data\",\"Labels\":{"
              "\"com.docker.compose.project\":\"@\"}}}]",
              text, sizeof(text));
  json_put(doc, "volumes", cJSON_Parse(text));
}

static inline struct desired *lab_desire(const struct lab *lab, const struct lab_service *services, size_t count) {
  cJSON *doc = cJSON_CreateObject(), *list = cJSON_CreateArray();
  char text[1024];
  json_put_int(doc, "format", 1);
  json_put_str(doc, "project", lab->project);
  json_put_int(doc, "parallelism", 4);
  json_put_int(doc, "retain", 2);
  json_put(doc, "machines", cJSON_Parse("[{\"name\":\"mainpc\"},{\"name\":\"pc2\"}]"));
  snprintf(text, sizeof(text), "[{\"machine\":\"mainpc\",\"ref\":\"%s\"},{\"machine\":\"pc2\",\"ref\":\"%s\"}]",
           lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"),
           lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"));
  json_put(doc, "images", cJSON_Parse(text));
  snprintf(text, sizeof(text),
           "[{\"machine\":\"mainpc\",\"name\":\"%s_default\",\"body\":{\"Name\":\"%s_default\",\"Labels\":{"
           "\"com.docker.compose.project\":\"%s\"}}},{\"machine\":\"pc2\",\"name\":\"%s_default\",\"body\":{\"Name\":"
           "\"%s_default\",\"Labels\":{\"com.docker.compose.project\":\"%s\"}}}]",
           lab->project, lab->project, lab->project, lab->project, lab->project, lab->project);
  json_put(doc, "networks", cJSON_Parse(text));
  if (lab->resources)
    lab_add_resources(lab, doc);
  json_put(doc, "services", list);
  for (size_t i = 0; i < count; i++)
    cJSON_AddItemToArray(list, lab_service_json(lab, &services[i]));
  struct desired *d = NULL;
  assert_int_equal(desired_load(doc, lab->project, &d, NULL), 0);
  cJSON_Delete(doc);
  return d;
}

/* --- running a plan ---------------------------------------------------------------------------------------------- */

static inline void lab_ended(void *arg, struct transaction_outcome *outcome) {
  struct lab_wait *w = arg;
  w->done = true;
  *(struct transaction_outcome *)w->json = *outcome;
}

static inline void lab_outcome_release(struct lab *lab) {
  cJSON_Delete(lab->outcome.failure);
  strv_release(&lab->outcome.left);
  memset(&lab->outcome, 0, sizeof(lab->outcome));
}

/* The command ends before anything has changed. */
static inline void lab_give_up(struct lab *lab, struct err *err) {
  lab->outcome.result = TRANSACTION_FAILED_CLEAN;
  lab->outcome.failure = cJSON_CreateObject();
  json_put_str(lab->outcome.failure, "reason", err_text(err));
  err_release(err);
}

/* Walks steps as one transaction of lab->revision, as the daemon's session does. */
static inline void lab_transact(struct lab *lab, const struct steps *steps, struct desired *desired,
                                enum transaction_begin begin, const struct journal_rows *rows, bool strict) {
  struct journal *journal = NULL;
  struct lab_wait w = {.json = (cJSON *)&lab->outcome};
  struct err err = ERR_INIT;
  bool closed = false;
  lab_outcome_release(lab);
  if (!lab->record && journal_open(lab->state, &lab->loop, lab->project, lab->revision, &journal, &err) < 0) {
    lab_give_up(lab, &err);
    return;
  }
  CLEANUP(revision_list_release) struct revision_list list = {0};
  assert_int_equal(state_revisions(lab->state, lab->project, &list, NULL), 0);
  struct transaction_facts facts = {.base = lab->current,
                                    .kind = "lab",
                                    .started_at = lab->record ? lab->record->started_at : list.items[0].started_at};
  log_emit(lab->log, LOG_TRANSACTION_BEGIN, LOG_FIELDS(.project = lab->project, .revision = lab->revision), "begin");
  struct work work = {
      .loop = &lab->loop,
      .log = lab->log,
      .machines = &lab->machines,
      .project = lab->project,
      .revision = lab->revision,
      .facts = &facts,
      .steps = steps,
      .desired = desired,
      .results = calloc(steps->count + 1, sizeof(cJSON *)),
      .temporary_dir = lab->dir,
      .reconnect_ms = lab->reconnect_ms,
      .settle_ms = lab->settle_ms,
      .tars = tar_cache_new(&lab->loop, lab->dir),
      .watch = watch_open(&lab->machines, lab->project, lab->log),
  };
  struct transaction_options options = {.work = &work,
                                        .journal = journal,
                                        .parallelism = 4,
                                        .begin = begin,
                                        .rows = rows,
                                        .strict_cleanup = strict,
                                        .cb = lab_ended,
                                        .arg = &w};
  if (transaction_start(&options, &lab->transaction, &err) < 0)
    fail_msg("%s", err_text(&err));
  lab_await(lab, &w.done);
  lab->transaction = NULL;
  watch_close(work.watch, lab_flag, &closed);
  lab_await(lab, &closed);
  journal_close(journal);
  tar_cache_free(work.tars);
  for (size_t i = 0; i < steps->count; i++)
    cJSON_Delete(work.results[i]);
  free(work.results);
  assert_int_equal(state_current(lab->state, lab->project, &lab->current, NULL), 0);
}

static inline void lab_execute(struct lab *lab, const struct plan *plan, struct desired *desired) {
  CLEANUP_JSON cJSON *graph = NULL;
  assert_int_equal(steps_to_json(&plan->steps, &graph, NULL), 0);
  lab_outcome_release(lab);
  struct err err = ERR_INIT;
  if (state_begin(lab->state, lab->project, plan->kind, "lab", lab->current, plan->desired, graph, &lab->revision,
                  &err) < 0) {
    lab_give_up(lab, &err);
    return;
  }
  lab_transact(lab, &plan->steps, desired, BEGIN_FORWARD, NULL, strcmp(plan->kind, "down") == 0);
}

static inline void lab_due(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* What `tandem recover` does. False: there was nothing to recover. */
static inline bool lab_recover(struct lab *lab) {
  struct revision r = {0};
  struct steps steps = {0};
  struct journal_rows rows = {0};
  struct err err = ERR_INIT;
  int found = state_unfinished(lab->state, lab->project, &r, &err);
  if (found < 0)
    fail_msg("%s", err_text(&err));
  if (found) {
    if (steps_from_json(r.plan, &steps, &err) < 0 || state_journal(lab->state, lab->project, r.number, &rows, &err) < 0)
      fail_msg("%s", err_text(&err));
    lab->revision = r.number;
    lab_transact(lab, &steps, NULL, r.outcome == REVISION_COMMITTED ? BEGIN_CLEANUP : BEGIN_UNDO, &rows,
                 strcmp(r.kind, "down") == 0);
  }
  steps_release(&steps);
  journal_rows_release(&rows);
  revision_release(&r);
  return found;
}

/* For what was sent before a kill and may take effect still. */
static inline void lab_settle(struct lab *lab) {
  bool due = false;
  uv_timer_t timer;
  uv_timer_init(&lab->loop, &timer);
  timer.data = &due;
  uv_timer_start(&timer, lab_due, (uint64_t)lab->settle_ms, 0);
  lab_await(lab, &due);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&lab->loop, UV_RUN_NOWAIT);
}

/* What `tandem recover` does without the state folder. False: the engines hold no record. */
static inline bool lab_recover_by_record(struct lab *lab, bool *ret_committed) {
  struct record_list list = lab_records(lab);
  struct steps steps = {0};
  struct journal_rows rows = {0};
  struct err err = ERR_INIT;
  bool found = list.count > 0;
  assert_true(list.count <= 1);
  if (found) {
    struct observed *o = lab_observe(lab);
    lab->record = &list.items[0];
    lab->revision = lab->record->revision;
    *ret_committed = lab->record->committed;
    if (record_rows(lab->record, o, &rows, &err) < 0 || steps_from_json(lab->record->steps, &steps, &err) < 0)
      fail_msg("%s", err_text(&err));
    lab_transact(lab, &steps, NULL, *ret_committed ? BEGIN_CLEANUP : BEGIN_UNDO, &rows, false);
    lab->record = NULL;
    observed_free(o);
  }
  steps_release(&steps);
  journal_rows_release(&rows);
  record_list_release(&list);
  return found;
}

/* Plans and runs; the plan is given back for looking at (caller frees). */
static inline struct plan *lab_apply(struct lab *lab, const struct lab_service *services, size_t count) {
  struct desired *d = lab_desire(lab, services, count);
  struct observed *o = lab_observe(lab);
  struct plan_options options = {.kind = "apply", .base_revision = lab->current, .keep_parked_from = lab->current};
  struct plan *plan = NULL;
  struct err err = ERR_INIT;
  if (plan_make(d, o, &options, &plan, &err) < 0)
    fail_msg("%s", err_text(&err));
  if (!plan_is_empty(plan))
    lab_execute(lab, plan, d);
  desired_free(d);
  observed_free(o);
  return plan;
}

static inline void lab_down(struct lab *lab) {
  struct observed *o = lab_observe(lab);
  struct plan_options options = {.kind = "down", .base_revision = lab->current, .remove_volumes = true};
  struct plan *plan = NULL;
  assert_int_equal(plan_down(lab->project, o, &options, &plan, NULL), 0);
  if (plan->steps.count)
    lab_execute(lab, plan, NULL);
  plan_free(plan);
  observed_free(o);
}

static inline void lab_disconnect(struct lab *lab) {
  bool closed = false;
  lab_outcome_release(lab);
  state_close(lab->state);
  machines_close(&lab->machines, lab_flag, &closed);
  lab_await(lab, &closed);
  uv_run(&lab->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&lab->loop), 0);
  log_free(lab->log);
}

static inline void lab_close(struct lab *lab) {
  char command[128];
  lab_down(lab);
  struct observed *left = lab_observe(lab);
  for (size_t i = 0; i < left->machine_count; i++)
    assert_int_equal(left->machines[i].container_count, 0);
  observed_free(left);
  lab_disconnect(lab);
  snprintf(command, sizeof(command), "rm -rf %s", lab->dir);
  assert_int_equal(system(command), 0);
}

/* "NAME STATE ID12 STARTED;" of every container of the project on both machines, sorted: equal text, equal fleet. */
static inline char *lab_picture(struct lab *lab) {
  struct observed *o = lab_observe(lab);
  struct buf out = BUF_INIT(0);
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++) {
      const struct observed_container *c = &o->machines[i].containers[k];
      const cJSON *policy = json_at(c->inspect, "HostConfig.RestartPolicy");
      assert_int_equal(buf_printf(&out, NULL, "%s %s %s %.12s %s\n", o->machines[i].name, c->name, c->state, c->id,
                                  json_str(policy, "Name", "")),
                       0);
    }
  observed_free(o);
  return buf_steal(&out);
}

#endif

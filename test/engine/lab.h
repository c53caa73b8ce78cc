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

static void lab_flag(void *arg) {
  *(bool *)arg = true;
}

static void lab_await(struct lab *lab, const bool *flag) {
  while (!*flag)
    uv_run(&lab->loop, UV_RUN_ONCE);
}

static const char *lab_env(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value && *value ? value : fallback;
}

static void lab_open(struct lab *lab) {
  static int number;
  char unix_path[256];
  bool opened = false;
  struct err err = ERR_INIT;
  memset(lab, 0, sizeof(*lab));
  snprintf(lab->project, sizeof(lab->project), "lab%d-%d", (int)getpid(), number++);
  snprintf(lab->dir, sizeof(lab->dir), "/tmp/tandem-lab-XXXXXX");
  assert_non_null(mkdtemp(lab->dir));
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
  if (getenv("LAB_LOG")) {
    lab->log = log_new();
    assert_int_equal(log_add_stream(lab->log, stderr, LOG_FORMAT_TEXT, LOG_DEBUG, NULL), 0);
  }
  assert_int_equal(machines_open(&lab->loop, &fleet, lab->log, &lab->machines, lab_flag, &opened, &err), 0);
  lab_await(lab, &opened);
  if (machines_check(&lab->machines, &err) < 0)
    fail_msg("%s (is the testbed up, and its env set?)", err_text(&err));
  if (state_open(lab->dir, STATE_WRITE, "lab", &lab->state, &err) < 0)
    fail_msg("%s", err_text(&err));
}

static void lab_observed(void *arg, struct observed *observed, struct err *err) {
  struct lab_wait *w = arg;
  w->observed = observed;
  if (err)
    err_move(&w->err, err);
  w->done = true;
}

static struct observed *lab_observe(struct lab *lab) {
  struct lab_wait w = {0};
  assert_int_equal(observe_start(&lab->machines, lab->project, lab_observed, &w, NULL), 0);
  lab_await(lab, &w.done);
  if (!w.observed)
    fail_msg("%s", err_text(&w.err));
  return w.observed;
}

/* --- desired documents ------------------------------------------------------------------------------------------- */

/* A service: shell command, further members of the create body and of HostConfig (JSON, with a leading comma, or "");
 * depends: JSON list. */
struct lab_service {
  const char *name, *machine, *command, *body, *host, *depends;
};

static cJSON *lab_service_json(const struct lab *lab, const struct lab_service *s) {
  char text[4096], hash[65];
  snprintf(text, sizeof(text),
           "{\"Image\":\"%s\",\"Cmd\":[\"sh\",\"-c\",\"%s\"],\"StopTimeout\":1,\"Labels\":{"
           "\"com.docker.compose.project\":\"%s\",\"com.docker.compose.service\":\"%s\",\"tandem.project\":\"%s\","
           "\"tandem.service\":\"%s\"},\"HostConfig\":{\"NetworkMode\":\"%s_default\"%s}%s}",
           lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"), s->command, lab->project, s->name, lab->project,
           s->name, lab->project, s->host ? s->host : "", s->body ? s->body : "");
  cJSON *body = cJSON_Parse(text);
  if (!body)
    fail_msg("bad body: %s", text);
  assert_int_equal(fields_spec_hash(body, NULL, hash, NULL), 0);
  json_put_str(cJSON_GetObjectItemCaseSensitive(body, "Labels"), "tandem.spec-hash", hash);
  cJSON *json = cJSON_CreateObject();
  snprintf(text, sizeof(text), "%s-%s-1", lab->project, s->name);
  json_put_str(json, "name", s->name);
  json_put_str(json, "machine", s->machine);
  json_put_str(json, "container_name", text);
  json_put_str(json, "image", lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"));
  json_put(json, "body", body);
  json_put(json, "depends_on", cJSON_Parse(s->depends ? s->depends : "[]"));
  json_put_str(json, "spec_hash", hash);
  json_put_str(json, "config_hash", "none");
  json_put_int(json, "monitor_ms", 300);
  json_put_int(json, "stop_grace_s", 1);
  return json;
}

static struct desired *lab_desire(const struct lab *lab, const struct lab_service *services, size_t count) {
  cJSON *doc = cJSON_CreateObject(), *list = cJSON_CreateArray();
  char text[1024];
  json_put_int(doc, "format", 1);
  json_put_str(doc, "project", lab->project);
  json_put_int(doc, "parallelism", 4);
  json_put_int(doc, "retain", 2);
  json_put(doc, "machines", cJSON_Parse("[{\"name\":\"mainpc\"},{\"name\":\"pc2\"}]"));
  snprintf(text, sizeof(text), "[{\"machine\":\"mainpc\",\"ref\":\"%s\"},{\"machine\":\"pc2\",\"ref\":\"%s\"}]",
           lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"), lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"));
  json_put(doc, "images", cJSON_Parse(text));
  snprintf(text, sizeof(text),
           "[{\"machine\":\"mainpc\",\"name\":\"%s_default\",\"body\":{\"Name\":\"%s_default\",\"Labels\":{"
           "\"com.docker.compose.project\":\"%s\"}}},{\"machine\":\"pc2\",\"name\":\"%s_default\",\"body\":{\"Name\":"
           "\"%s_default\",\"Labels\":{\"com.docker.compose.project\":\"%s\"}}}]",
           lab->project, lab->project, lab->project, lab->project, lab->project, lab->project);
  json_put(doc, "networks", cJSON_Parse(text));
  json_put(doc, "services", list);
  for (size_t i = 0; i < count; i++)
    cJSON_AddItemToArray(list, lab_service_json(lab, &services[i]));
  struct desired *d = NULL;
  assert_int_equal(desired_load(doc, lab->project, &d, NULL), 0);
  cJSON_Delete(doc);
  return d;
}

/* --- running a plan ---------------------------------------------------------------------------------------------- */

static void lab_ended(void *arg, struct transaction_outcome *outcome) {
  struct lab_wait *w = arg;
  w->done = true;
  *(struct transaction_outcome *)w->json = *outcome;
}

static void lab_outcome_release(struct lab *lab) {
  cJSON_Delete(lab->outcome.failure);
  strv_release(&lab->outcome.left);
  memset(&lab->outcome, 0, sizeof(lab->outcome));
}

static void lab_execute(struct lab *lab, const struct plan *plan, struct desired *desired) {
  struct journal *journal = NULL;
  struct lab_wait w = {.json = (cJSON *)&lab->outcome};
  struct transaction *t;
  cJSON *graph = NULL;
  bool closed = false;
  lab_outcome_release(lab);
  assert_int_equal(steps_to_json(&plan->steps, &graph, NULL), 0);
  assert_int_equal(state_begin(lab->state, lab->project, plan->kind, "lab", lab->current, plan->desired, graph,
                               &lab->revision, NULL),
                   0);
  cJSON_Delete(graph);
  assert_int_equal(journal_open(lab->state, &lab->loop, lab->project, lab->revision, &journal, NULL), 0);
  struct work work = {
      .loop = &lab->loop,
      .log = lab->log,
      .machines = &lab->machines,
      .project = lab->project,
      .revision = lab->revision,
      .steps = &plan->steps,
      .desired = desired,
      .results = calloc(plan->steps.count + 1, sizeof(cJSON *)),
      .temporary_dir = lab->dir,
      .tars = tar_cache_new(&lab->loop, lab->dir),
      .watch = watch_open(&lab->machines, lab->project, lab->log),
  };
  struct transaction_options options = {.work = &work, .journal = journal, .parallelism = 4, .cb = lab_ended, .arg = &w};
  assert_int_equal(transaction_start(&options, &t, NULL), 0);
  lab_await(lab, &w.done);
  watch_close(work.watch, lab_flag, &closed);
  lab_await(lab, &closed);
  journal_close(journal);
  tar_cache_free(work.tars);
  for (size_t i = 0; i < plan->steps.count; i++)
    cJSON_Delete(work.results[i]);
  free(work.results);
  if (lab->outcome.result == TRANSACTION_COMMITTED)
    lab->current = lab->revision;
}

/* Plans and runs; the plan is given back for looking at (caller frees). */
static struct plan *lab_apply(struct lab *lab, const struct lab_service *services, size_t count) {
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

static void lab_down(struct lab *lab) {
  struct observed *o = lab_observe(lab);
  struct plan_options options = {.kind = "down", .base_revision = lab->current, .remove_volumes = true};
  struct plan *plan = NULL;
  assert_int_equal(plan_down(lab->project, o, &options, &plan, NULL), 0);
  if (plan->steps.count)
    lab_execute(lab, plan, NULL);
  plan_free(plan);
  observed_free(o);
}

static void lab_close(struct lab *lab) {
  bool closed = false;
  char command[128];
  lab_down(lab);
  struct observed *left = lab_observe(lab);
  for (size_t i = 0; i < left->machine_count; i++)
    assert_int_equal(left->machines[i].container_count, 0);
  observed_free(left);
  lab_outcome_release(lab);
  state_close(lab->state);
  machines_close(&lab->machines, lab_flag, &closed);
  lab_await(lab, &closed);
  uv_run(&lab->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&lab->loop), 0);
  log_free(lab->log);
  snprintf(command, sizeof(command), "rm -rf %s", lab->dir);
  assert_int_equal(system(command), 0);
}

/* "NAME STATE ID12 STARTED;" of every container of the project on both machines, sorted: equal text, equal fleet. */
static char *lab_picture(struct lab *lab) {
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

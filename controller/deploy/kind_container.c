/* Rows of the table of step kinds that act on a container that is there. Every one names it by its full ID. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/deploy/kind.h"

/* Looks at the step's container, then cb(op, inspect document or NULL when it is gone). */
typedef void look_cb(struct op *op, const cJSON *inspect);

static void looked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  look_cb *cb = (look_cb *)op->data;
  op->call = NULL;
  if (!reply && err->http_status != 404)
    op_done(op, err);
  else
    cb(op, reply ? reply->json : NULL);
}

static void look(struct op *op, look_cb *cb) {
  const char *id = work_container(op->work, op->step);
  if (!id) {
    cb(op, NULL); /* it was never created */
    return;
  }
  op->data = (void *)cb;
  op->call = container_inspect(op->engine, id, looked, op);
}

static void answer(struct op *op, bool applied) {
  op->answer = applied ? PROBE_APPLIED : PROBE_NOT_APPLIED;
  op_done(op, NULL);
}

/* The ID for a run: its create has succeeded, so it is known. */
static const char *run_id(struct op *op) {
  const char *id = work_container(op->work, op->step);
  if (!id)
    op_fail(op, ERR_INTERNAL, "no container ID for step %d", op->step->index);
  return id;
}

/* Undo of a step on a container that this transaction has made, or that is gone: a late call changes nothing that
 * stays. */
static void note_settled(struct op *op, const cJSON *inspect) {
  op->settled = !inspect || !op->step->container;
}

static bool is_running(const cJSON *inspect) {
  const cJSON *state = json_get(inspect, "State");
  return json_bool(state, "Running", false) || json_bool(state, "Restarting", false);
}

/* --- update, with what was set read back ------------------------------------------------------------------------- */

static bool policy_holds(const cJSON *want, const cJSON *have) {
  const char *a = json_str(want, "Name", ""), *b = json_str(have, "Name", "");
  return strcmp(*a ? a : "no", *b ? b : "no") == 0 &&
         json_int(want, "MaximumRetryCount", 0) == json_int(have, "MaximumRetryCount", 0);
}

/* The engine answers 200 to updates that it ignores, so every field that was sent is compared. Swap is left out where
 * the kernel cannot limit it (the engine then keeps -1 or 0). */
static const char *update_missing(const cJSON *update, const cJSON *inspect) {
  const cJSON *host = json_get(inspect, "HostConfig");
  for (const cJSON *f = update ? update->child : NULL; f; f = f->next) {
    if (strcmp(f->string, "RestartPolicy") == 0) {
      if (!policy_holds(f, json_get(host, f->string)))
        return f->string;
    } else if (strcmp(f->string, "MemorySwap") == 0) {
      int64_t swap = json_int(host, f->string, 0);
      if (swap > 0 && swap != (int64_t)f->valuedouble)
        return f->string;
    } else if (json_int(host, f->string, 0) != (int64_t)f->valuedouble) {
      return f->string;
    }
  }
  return NULL;
}

static const cJSON *wanted_update(const struct op *op) {
  return json_get(op->step->args, op->stage ? "previous" : "update");
}

static void update_verified(struct op *op, const cJSON *inspect) {
  const char *field = update_missing(wanted_update(op), inspect);
  if (!inspect)
    op_fail(op, ERR_CONFLICT, "the container is gone");
  else if (field)
    op_fail(op, ERR_ENGINE, "the engine took the update but did not change %s", field);
  else
    op_done(op, NULL);
}

static void update_sent(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err);
  else
    look(op, update_verified);
}

static void send_update(struct op *op, bool back) {
  const char *id = run_id(op);
  op->stage = back;
  if (id)
    op->call = container_update(op->engine, id, wanted_update(op), update_sent, op);
}

void update_run(struct op *op) {
  send_update(op, false);
}

static void update_looked(struct op *op, const cJSON *inspect) {
  answer(op, inspect && !update_missing(json_get(op->step->args, "update"), inspect));
}

void update_probe(struct op *op) {
  look(op, update_looked);
}

static void update_back(struct op *op, const cJSON *inspect) {
  note_settled(op, inspect);
  if (!inspect && op->step->container)
    op_gone(op);
  else if (!inspect || !update_missing(json_get(op->step->args, "previous"), inspect))
    op_done(op, NULL);
  else {
    op->settled = true;
    send_update(op, true);
  }
}

void update_undo(struct op *op) {
  look(op, update_back);
}

/* --- restart policy: "no" before a stop -------------------------------------------------------------------------- */

static void send_policy(struct op *op, const cJSON *policy) {
  const char *id = run_id(op);
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  cJSON *copy = policy ? cJSON_Duplicate(policy, true) : cJSON_CreateObject();
  if (!id) {
    cJSON_Delete(copy);
    return;
  }
  bool complete = copy && (policy || json_put_str(copy, "Name", "no"));
  if (!complete)
    cJSON_Delete(copy);
  if (!complete || !json_put(body, "RestartPolicy", copy))
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op->call = container_update(op->engine, id, body, op_reply, op);
}

void policy_run(struct op *op) {
  send_policy(op, NULL);
}

static void policy_looked(struct op *op, const cJSON *inspect) {
  answer(op, inspect && policy_holds(NULL, json_at(inspect, "HostConfig.RestartPolicy")));
}

void policy_probe(struct op *op) {
  look(op, policy_looked);
}

static void policy_back(struct op *op, const cJSON *inspect) {
  const cJSON *previous = json_get(op->step->args, "previous");
  note_settled(op, inspect);
  if (!inspect)
    op_gone(op);
  else if (policy_holds(previous, json_at(inspect, "HostConfig.RestartPolicy")))
    op_done(op, NULL);
  else {
    op->settled = true;
    send_policy(op, previous);
  }
}

void policy_undo(struct op *op) {
  look(op, policy_back);
}

/* --- stop and start ---------------------------------------------------------------------------------------------- */

static void send_stop(struct op *op) {
  const char *id = run_id(op);
  int grace = (int)json_int(op->step->args, "grace_s", 10);
  if (id)
    op->call = container_stop(op->engine, id, -1, grace + 60, op_reply, op);
}

static void send_start(struct op *op) {
  const char *id = run_id(op);
  if (id)
    op->call = container_start(op->engine, id, op_reply, op);
}

void stop_run(struct op *op) {
  send_stop(op);
}

static void stop_looked(struct op *op, const cJSON *inspect) {
  answer(op, !inspect || !is_running(inspect));
}

void stop_probe(struct op *op) {
  look(op, stop_looked);
}

static void stop_back(struct op *op, const cJSON *inspect) {
  note_settled(op, inspect);
  if (!inspect)
    op_gone(op);
  else if (is_running(inspect))
    op_done(op, NULL);
  else {
    op->settled = true;
    send_start(op);
  }
}

void stop_undo(struct op *op) {
  look(op, stop_back);
}

void start_run(struct op *op) {
  send_start(op);
}

/* A container that ended at once was started too; one that never ran has no start time. */
static void start_looked(struct op *op, const cJSON *inspect) {
  const char *status = json_str(json_get(inspect, "State"), "Status", "");
  const char *started = json_str(json_get(inspect, "State"), "StartedAt", "0001");
  bool fresh = !op->step->container; /* else it has run before, and only running tells */
  answer(op, is_running(inspect) || (fresh && strcmp(status, "created") != 0 && strncmp(started, "0001", 4) != 0));
}

void start_probe(struct op *op) {
  look(op, start_looked);
}

static void start_back(struct op *op, const cJSON *inspect) {
  note_settled(op, inspect);
  if (!inspect || !is_running(inspect))
    op_done(op, NULL);
  else {
    op->settled = true;
    send_stop(op);
  }
}

void start_undo(struct op *op) {
  look(op, start_back);
}

/* --- unpause ------------------------------------------------------------------------------------------------------ */

static bool is_paused(const cJSON *inspect) {
  return json_bool(json_get(inspect, "State"), "Paused", false);
}

void unpause_run(struct op *op) {
  const char *id = run_id(op);
  if (id)
    op->call = container_unpause(op->engine, id, op_reply, op);
}

static void unpause_looked(struct op *op, const cJSON *inspect) {
  answer(op, inspect && !is_paused(inspect));
}

void unpause_probe(struct op *op) {
  look(op, unpause_looked);
}

static void unpause_back(struct op *op, const cJSON *inspect) {
  note_settled(op, inspect);
  if (!inspect)
    op_fail(op, ERR_CONFLICT, "the container is gone");
  else if (is_paused(inspect))
    op_done(op, NULL);
  else if (!is_running(inspect))
    op_fail(op, ERR_CONFLICT, "it runs no more, so it cannot be paused again");
  else
    op_take_back(op, container_pause(op->engine, op->step->container, op_reply, op));
}

void unpause_undo(struct op *op) {
  look(op, unpause_back);
}

/* --- rename ------------------------------------------------------------------------------------------------------ */

static bool is_named(const cJSON *inspect, const char *name) {
  const char *have = json_str(inspect, "Name", "");
  return strcmp(*have == '/' ? have + 1 : have, name) == 0;
}

static void send_rename(struct op *op, const char *name) {
  const char *id = run_id(op);
  if (id)
    op->call = container_rename(op->engine, id, name, op_reply, op);
}

void rename_run(struct op *op) {
  send_rename(op, step_arg(op->step, "to", ""));
}

static void rename_looked(struct op *op, const cJSON *inspect) {
  answer(op, inspect && is_named(inspect, step_arg(op->step, "to", "")));
}

void rename_probe(struct op *op) {
  look(op, rename_looked);
}

static void rename_back(struct op *op, const cJSON *inspect) {
  const char *from = step_arg(op->step, "from", "");
  op->settled = !inspect; /* a late one, also of a container that will go, takes a name that others need */
  if (!inspect && op->step->container)
    op_gone(op);
  else if (!inspect || is_named(inspect, from))
    op_done(op, NULL);
  else {
    op->settled = true;
    send_rename(op, from);
  }
}

void rename_undo(struct op *op) {
  look(op, rename_back);
}

/* --- removal, after the commit ----------------------------------------------------------------------------------- */

static void remove_looked(struct op *op, const cJSON *inspect) {
  const char *project = json_str(json_at(inspect, "Config.Labels"), "com.docker.compose.project", "");
  if (!inspect)
    op_done(op, NULL);
  else if (strcmp(project, op->work->project) != 0)
    op_fail(op, ERR_CONFLICT, "the container belongs to project \"%s\"", project);
  else
    op->call = container_remove(op->engine, op->step->container, false, false, op_reply_gone, op);
}

void remove_run(struct op *op) {
  look(op, remove_looked);
}

static void remove_probed(struct op *op, const cJSON *inspect) {
  answer(op, !inspect);
}

void remove_probe(struct op *op) {
  look(op, remove_probed);
}

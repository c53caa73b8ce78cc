/* Rows that wait: a gate looks at its container at the start, after each event of it, and every few seconds in case
 * an event was lost. An engine probes a new container's health only after a whole interval, so gate.ready also runs
 * the healthcheck's own command by itself, every second until it passes; gate.hold then waits for the engine's word. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/deploy/kind.h"
#include "controller/gate/judge.h"

enum { TICK_MS = 1000, LOOK_EVERY_TICKS = 5 };

struct gate {
  struct op *op;
  struct watch_subscription *subscription;
  uv_timer_t tick, end; /* end: the hold's end, or the deadline */
  int open_timers, ticks;
  struct engine_call *look, *probe;
  bool ending, looking, probing, look_once_more, hold, at_end, late, started;
  bool died, oom; /* seen in events: a restarted container's inspect has forgotten them */
  int64_t exit_code, restarts;
  cJSON *command; /* the early probe's; NULL: none */
  struct err err;
};

static void gate_finish(struct gate *g) {
  if (!g->ending || g->open_timers || g->looking || g->probing)
    return;
  struct op *op = g->op;
  struct err err = g->err;
  cJSON_Delete(g->command);
  free(g);
  op_done(op, err.kind ? &err : NULL);
  err_release(&err);
}

static void timer_closed(uv_handle_t *handle) {
  struct gate *g = handle->data;
  g->open_timers--;
  gate_finish(g);
}

/* Ends the gate once; calls under way are cut short and waited for. */
static void gate_end(struct gate *g) {
  if (g->ending)
    return;
  g->ending = true;
  g->op->cancel = NULL;
  watch_unsubscribe(g->subscription);
  uv_close((uv_handle_t *)&g->tick, timer_closed);
  uv_close((uv_handle_t *)&g->end, timer_closed);
  if (g->looking)
    engine_call_cancel(g->look);
  if (g->probing)
    engine_call_cancel(g->probe);
}

/* The state as it was found goes into the result, for the diagnosis. */
static void gate_fail(struct gate *g, const char *reason, const cJSON *inspect) {
  if (g->ending)
    return;
  const cJSON *state = json_get(inspect, "State");
  if (state && !g->op->result && (g->op->result = cJSON_CreateObject()))
    json_put(g->op->result, "State", cJSON_Duplicate(state, true));
  err_set(&g->err, ERR_GATE, "%s", reason);
  gate_end(g);
}

static void gate_look(struct gate *g);

static void on_end(uv_timer_t *timer) {
  struct gate *g = timer->data;
  g->late = g->at_end;
  g->at_end = true;
  gate_look(g);
}

/* The first look tells how long this may take, and how to probe. */
static void gate_begin(struct gate *g, const cJSON *inspect) {
  g->started = true;
  /* Made by this transaction: any restart is one too many. */
  g->restarts = g->op->step->container ? json_int(inspect, "RestartCount", 0) : 0;
  int64_t deadline = gate_deadline_ms(inspect);
  if (g->hold)
    uv_timer_start(&g->end, on_end, (uint64_t)json_int(g->op->step->args, "monitor_ms", 10000), 0);
  else if (deadline >= 0)
    uv_timer_start(&g->end, on_end, (uint64_t)deadline, 0);
  if (!g->hold && !json_bool(g->op->step->args, "completes", false))
    g->command = gate_probe_command(inspect);
}

static enum gate_answer gate_judge(struct gate *g, const cJSON *inspect, char *reason, size_t size) {
  bool completes = json_bool(g->op->step->args, "completes", false);
  return g->hold ? gate_judge_hold(inspect, g->restarts, reason, size)
                 : gate_judge_ready(inspect, completes, g->restarts, reason, size);
}

/* What the events said of its end is put where the judge and the diagnosis look for it. */
static void gate_judge_failed(struct gate *g, const cJSON *inspect, char *reason, size_t size) {
  CLEANUP_JSON cJSON *doc = cJSON_Duplicate(inspect, true);
  cJSON *state = cJSON_GetObjectItemCaseSensitive(doc, "State");
  if (g->died) {
    json_put_int(state, "ExitCode", g->exit_code);
    json_put_bool(state, "OOMKilled", g->oom || json_bool(state, "OOMKilled", false));
    gate_judge(g, doc, reason, size);
  }
  gate_fail(g, reason, doc);
}

/* A hold whose engine has not probed yet goes on for as long as its healthcheck may take. */
static void gate_extend(struct gate *g, const cJSON *inspect) {
  if (g->hold && !g->late)
    uv_timer_start(&g->end, on_end, (uint64_t)gate_deadline_ms(inspect), 0);
  else
    gate_fail(g, "never healthy: its health checks did not come to an answer in time", inspect);
}

static void gate_decide(struct gate *g, const cJSON *inspect) {
  char reason[512] = "";
  enum gate_answer answer = gate_judge(g, inspect, reason, sizeof(reason));
  if (answer == GATE_FAIL)
    gate_judge_failed(g, inspect, reason, sizeof(reason));
  else if (answer == GATE_PASS && (!g->hold || g->at_end))
    gate_end(g);
  else if (answer == GATE_WAIT && g->at_end && (!g->hold || g->late || !uv_is_active((uv_handle_t *)&g->end)))
    gate_extend(g, inspect);
}

static void gate_looked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct gate *g = arg;
  g->looking = false;
  if (!g->ending && !reply) {
    err_move(&g->err, err);
    gate_end(g);
  } else if (!g->ending) {
    if (!g->started)
      gate_begin(g, reply->json);
    gate_decide(g, reply->json);
    if (g->look_once_more)
      gate_look(g);
  }
  gate_finish(g);
}

static void gate_look(struct gate *g) {
  g->look_once_more = g->looking;
  if (g->ending || g->looking)
    return;
  g->looking = true;
  g->look = container_inspect(g->op->engine, work_container(g->op->work, g->op->step), gate_looked, g);
}

/* --- the early probe --------------------------------------------------------------------------------------------- */

static void gate_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct gate *g = arg;
  (void)err; /* not running yet, or not any more: the looks tell */
  g->probing = false;
  if (!g->ending && reply && json_int(reply->json, "ExitCode", -1) == 0)
    gate_end(g);
  gate_finish(g);
}

static void gate_probe(struct gate *g) {
  const char *argv[64];
  size_t argc = 0;
  const cJSON *word;
  if (!g->command || g->probing || g->ending)
    return;
  cJSON_ArrayForEach(word, g->command) if (argc < COUNT_OF(argv)) argv[argc++] = word->valuestring;
  g->probing = true;
  g->probe = container_exec(g->op->engine, work_container(g->op->work, g->op->step), argv, argc, NULL, 0, NULL,
                            gate_probed, g);
}

static void on_tick(uv_timer_t *timer) {
  struct gate *g = timer->data;
  gate_probe(g);
  if (++g->ticks % LOOK_EVERY_TICKS == 0)
    gate_look(g);
}

static void on_event(void *arg, const cJSON *event) {
  struct gate *g = arg;
  const char *action = json_str(event, "Action", "");
  if (strcmp(action, "die") == 0) {
    const char *code = json_str(json_at(event, "Actor.Attributes"), "exitCode", "0");
    g->died = true;
    g->exit_code = strtoll(code, NULL, 10);
  } else if (strcmp(action, "oom") == 0) {
    g->oom = true;
  }
  gate_look(g);
}

static void gate_cancel(struct op *op) {
  struct gate *g = op->data;
  err_set(&g->err, ERR_CANCELLED, "cancelled");
  gate_end(g);
}

static void gate_run(struct op *op, bool hold) {
  const char *id = work_container(op->work, op->step);
  struct gate *g = id ? calloc(1, sizeof(*g)) : NULL;
  if (!g) {
    op_fail(op, id ? ERR_NO_MEMORY : ERR_INTERNAL, id ? "out of memory" : "no container to watch");
    return;
  }
  g->op = op;
  g->hold = hold;
  op->data = g;
  op->cancel = gate_cancel;
  uv_timer_init(op->work->loop, &g->tick);
  uv_timer_init(op->work->loop, &g->end);
  g->tick.data = g->end.data = g;
  g->open_timers = 2;
  uv_timer_start(&g->tick, on_tick, TICK_MS / 4, TICK_MS);
  if (op->work->watch)
    g->subscription = watch_subscribe(op->work->watch, id, on_event, g);
  gate_look(g);
}

void ready_run(struct op *op) {
  gate_run(op, false);
}

void hold_gate_run(struct op *op) {
  gate_run(op, true);
}

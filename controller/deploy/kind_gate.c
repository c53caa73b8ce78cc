/* Rows that wait: a gate looks at its container at the start, after each event of it, and every few seconds in case
 * an event was lost. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/deploy/kind.h"
#include "controller/gate/judge.h"

enum { LOOK_AGAIN_MS = 5000 };

struct gate {
  struct op *op;
  struct watch_subscription *subscription;
  uv_timer_t again, end; /* end: the hold's end, or the ready gate's deadline */
  int closing;
  bool looking, look_once_more, hold, at_end, started;
  int64_t restarts;
  struct err err;
};

static void gate_closed(uv_handle_t *handle) {
  struct gate *g = handle->data;
  if (--g->closing)
    return;
  struct op *op = g->op;
  struct err err = g->err;
  free(g);
  op_done(op, err.kind ? &err : NULL);
  err_release(&err);
}

/* Ends the gate once; a look under way keeps it alive until its reply. */
static void gate_end(struct gate *g) {
  if (g->closing)
    return;
  g->op->cancel = NULL;
  watch_unsubscribe(g->subscription);
  g->subscription = NULL;
  g->closing = 2;
  uv_close((uv_handle_t *)&g->again, gate_closed);
  uv_close((uv_handle_t *)&g->end, gate_closed);
}

static void gate_fail(struct gate *g, const char *reason) {
  if (!g->err.kind)
    err_set(&g->err, ERR_GATE, "%s", reason);
  gate_end(g);
}

static void gate_look(struct gate *g);

static void on_end(uv_timer_t *timer) {
  struct gate *g = timer->data;
  g->at_end = true;
  gate_look(g);
}

/* The first look tells how long this may take. */
static void gate_begin(struct gate *g, const cJSON *inspect) {
  g->started = true;
  g->restarts = json_int(inspect, "RestartCount", 0);
  if (!g->op->step->container) /* made by this transaction: any restart is one too many */
    g->restarts = 0;
  int64_t ms = g->hold ? json_int(g->op->step->args, "monitor_ms", 10000) : gate_deadline_ms(inspect);
  if (ms >= 0)
    uv_timer_start(&g->end, on_end, (uint64_t)ms, 0);
}

static void gate_decide(struct gate *g, const cJSON *inspect) {
  char reason[512] = "";
  bool completes = json_bool(g->op->step->args, "completes", false);
  enum gate_answer answer = g->hold ? gate_judge_hold(inspect, g->restarts, reason, sizeof(reason))
                                    : gate_judge_ready(inspect, completes, g->restarts, reason, sizeof(reason));
  if (answer == GATE_FAIL)
    gate_fail(g, reason);
  else if (answer == GATE_PASS && (!g->hold || g->at_end))
    gate_end(g);
  else if (answer == GATE_WAIT && g->at_end)
    gate_fail(g, "never healthy: its health checks did not come to an answer in time");
}

static void gate_looked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct gate *g = arg;
  g->looking = false;
  g->op->call = NULL;
  if (g->op->cancelled) {
    err_set(&g->err, ERR_CANCELLED, "cancelled");
    gate_end(g);
  } else if (!reply) {
    err_move(&g->err, err);
    gate_end(g);
  } else {
    if (!g->started)
      gate_begin(g, reply->json);
    gate_decide(g, reply->json);
    if (g->look_once_more && !g->closing)
      gate_look(g);
  }
}

static void gate_look(struct gate *g) {
  if (g->closing)
    return;
  if (g->looking) {
    g->look_once_more = true;
    return;
  }
  g->looking = true;
  g->look_once_more = false;
  g->op->call = container_inspect(g->op->engine, work_container(g->op->work, g->op->step), gate_looked, g);
}

static void on_event(void *arg) {
  gate_look(arg);
}

static void on_again(uv_timer_t *timer) {
  gate_look(timer->data);
}

static void gate_cancel(struct op *op) {
  struct gate *g = op->data;
  if (g->looking)
    return; /* the reply sees op->cancelled */
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
  uv_timer_init(op->work->loop, &g->again);
  uv_timer_init(op->work->loop, &g->end);
  g->again.data = g->end.data = g;
  uv_timer_start(&g->again, on_again, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
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

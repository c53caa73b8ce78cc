/* Rows that connect a container to a network and disconnect it: a new one beside its create, and one that is there when
 * an operator has changed its networks by hand. */
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "api/engine/resource.h"
#include "controller/deploy/kind.h"

static const cJSON *connection(const struct op *op, const cJSON *inspect) {
  return json_get(json_at(inspect, "NetworkSettings.Networks"), op->step->object);
}

/* Looks at the step's container; `looked` gets its document. */
static void look(struct op *op, engine_cb *looked) {
  const char *id = work_container(op->work, op->step);
  if (!id)
    op_fail(op, ERR_INTERNAL, "no container to look at");
  else
    op->call = container_inspect(op->engine, id, looked, op);
}

static void network_found(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  const struct desired_service *want = op->work->desired ? desired_service(op->work->desired, op->step->service) : NULL;
  const char *id = work_container(op->work, op->step);
  op->call = NULL;
  if (!reply) {
    op_done(op, err);
    return;
  }
  if (!want || !id) {
    op_fail(op, ERR_INTERNAL, "no container to connect");
    return;
  }
  const cJSON *endpoint = json_get(json_at(want->body, "NetworkingConfig.EndpointsConfig"), op->step->object);
  op->call = network_connect(op->engine, json_str(reply->json, "Id", ""), id, endpoint, op_reply, op);
}

void connect_run(struct op *op) {
  op->call = network_inspect(op->engine, op->step->object, network_found, op);
}

static void connect_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  if (!reply) {
    op_done(op, err);
    return;
  }
  op->answer = connection(op, reply->json) ? PROBE_APPLIED : PROBE_NOT_APPLIED;
  op_done(op, NULL);
}

void connect_probe(struct op *op) {
  look(op, connect_probed);
}

static void connect_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  const cJSON *have = reply ? connection(op, reply->json) : NULL;
  op->call = NULL;
  if (!reply && err->http_status != 404)
    op_done(op, err);
  else if (!have)
    op_done(op, NULL);
  else
    op_take_back(op, network_disconnect(op->engine, json_str(have, "NetworkID", ""), op->step->container, true,
                                        op_reply_gone, op));
}

/* A container that this transaction has made takes its connections along when it is removed. */
void connect_undo(struct op *op) {
  if (op->step->container) {
    look(op, connect_back);
    return;
  }
  op->settled = true;
  op_done(op, NULL);
}

void disconnect_run(struct op *op) {
  op->call = network_disconnect(op->engine, step_arg(op->step, "id", ""), op->step->container, false, op_reply, op);
}

static void disconnect_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  if (!reply && err->http_status != 404) {
    op_done(op, err);
    return;
  }
  op->answer = reply && connection(op, reply->json) ? PROBE_NOT_APPLIED : PROBE_APPLIED;
  op_done(op, NULL);
}

void disconnect_probe(struct op *op) {
  look(op, disconnect_probed);
}

static void disconnect_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err);
  else if (connection(op, reply->json))
    op_done(op, NULL);
  else
    op_take_back(op, network_connect(op->engine, step_arg(op->step, "id", ""), op->step->container,
                                     json_get(op->step->args, "previous"), op_reply, op));
}

void disconnect_undo(struct op *op) {
  look(op, disconnect_back);
}

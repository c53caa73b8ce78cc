/* Rows for networks and volumes. */
#include <string.h>

#include "api/base/json.h"
#include "api/engine/resource.h"
#include "controller/deploy/kind.h"

void network_create_run(struct op *op) {
  CLEANUP_JSON cJSON *body = cJSON_Duplicate(json_get(op->step->args, "body"), true);
  /* Engines of API 1.41 make a second network of the same name unless told to look. */
  if (!body || !json_put_bool(body, "CheckDuplicate", true))
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op->call = network_create(op->engine, body, op_reply_id, op);
}

static bool is_ours(const struct op *op, const cJSON *doc) {
  return strcmp(json_str(json_get(doc, "Labels"), "com.docker.compose.project", ""), op->work->project) == 0;
}

static void network_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  op_probed(arg, reply, err, is_ours);
}

void network_create_probe(struct op *op) {
  op->call = network_inspect(op->engine, op->step->object, network_probed, op);
}

static void network_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err->http_status == 404 ? NULL : err);
  else if (!is_ours(op, reply->json))
    op_done(op, NULL);
  else
    op_take_back(op, network_remove(op->engine, json_str(reply->json, "Id", ""), op_reply_gone, op));
}

void network_create_undo(struct op *op) {
  const char *id = json_str(op->work->results[op->step->index], "id", op->step->object);
  op->call = network_inspect(op->engine, id, network_back, op);
}

void network_remove_run(struct op *op) {
  op->call = network_remove(op->engine, step_arg(op->step, "id", ""), op_reply_gone, op);
}

void volume_create_run(struct op *op) {
  op->call = volume_create(op->engine, json_get(op->step->args, "body"), op_reply, op);
}

static void volume_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  op_probed(arg, reply, err, is_ours);
}

void volume_create_probe(struct op *op) {
  op->call = volume_inspect(op->engine, op->step->object, volume_probed, op);
}

static void volume_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err->http_status == 404 ? NULL : err);
  else if (!is_ours(op, reply->json))
    op_done(op, NULL);
  else
    op_take_back(op, volume_remove(op->engine, op->step->object, op_reply_gone, op));
}

void volume_create_undo(struct op *op) {
  op->call = volume_inspect(op->engine, op->step->object, volume_back, op);
}

void volume_remove_run(struct op *op) {
  op->call = volume_remove(op->engine, op->step->object, op_reply_gone, op);
}

#include "controller/deploy/work.h"

#include "api/base/json.h"

void op_done(struct op *op, struct err *err) {
  op->call = NULL;
  op->done(op, err);
}

void op_fail(struct op *op, enum err_kind kind, const char *format, ...) {
  CLEANUP_ERR struct err err = ERR_INIT;
  va_list args;
  va_start(args, format);
  err_setv(&err, kind, format, args);
  va_end(args);
  op_done(op, &err);
}

void op_gone(struct op *op) {
  op->gone = true;
  op_fail(op, ERR_CONFLICT, "the container is gone");
}

void op_take_back(struct op *op, struct engine_call *call) {
  op->settled = true;
  op->call = call;
}

void op_reply(void *arg, const struct engine_reply *reply, struct err *err) {
  (void)reply;
  op_done(arg, err);
}

void op_reply_gone(void *arg, const struct engine_reply *reply, struct err *err) {
  (void)reply;
  op_done(arg, err && err->http_status == 404 ? NULL : err);
}

/* Ends it with the document's Id, where it has one, as the result. */
static void done_with_id(struct op *op, const cJSON *json) {
  const char *id = json_str(json, "Id", NULL);
  if (id && op_result(op, "id", id, NULL) < 0)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op_done(op, NULL);
}

void op_reply_id(void *arg, const struct engine_reply *reply, struct err *err) {
  if (reply)
    done_with_id(arg, reply->json);
  else
    op_done(arg, err);
}

void op_probed(struct op *op, const struct engine_reply *reply, struct err *err,
               bool (*is_ours)(const struct op *op, const cJSON *inspect)) {
  if (!reply && err->http_status != 404) {
    op_done(op, err);
    return;
  }
  bool applied = reply && is_ours(op, reply->json);
  op->answer = applied ? PROBE_APPLIED : PROBE_NOT_APPLIED;
  done_with_id(op, applied ? reply->json : NULL);
}

int op_result(struct op *op, const char *name, const char *value, struct err *err) {
  if (!op->result && !(op->result = cJSON_CreateObject()))
    return err_no_memory(err);
  return json_put_str(op->result, name, value) ? 0 : err_no_memory(err);
}

const char *work_container(const struct work *work, const struct step *step) {
  if (step->container)
    return step->container;
  bool creates = step->kind == STEP_CONTAINER_CREATE || step->kind == STEP_RECORD_CREATE;
  int from = creates ? step->index : step->creator;
  return from >= 0 ? json_str(work->results[from], "id", NULL) : NULL;
}

const char *step_arg(const struct step *step, const char *name, const char *fallback) {
  return json_str(step->args, name, fallback);
}

/* Rows for the transaction's record on each engine (record.h). */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/deploy/kind.h"
#include "controller/deploy/mark.h"
#include "controller/state/holder.h"

static const char *started(const struct op *op) {
  const struct transaction_facts *f = op->work->facts;
  return f && f->started_at ? f->started_at : "";
}

static char *record_name(const struct op *op, bool committed) {
  char what[64];
  snprintf(what, sizeof(what), "r%lld.%s", (long long)op->work->revision, committed ? "committed" : "running");
  return mark_name(op->work->project, what);
}

static bool put_number(cJSON *labels, const char *name, int64_t value) {
  char text[32];
  snprintf(text, sizeof(text), "%lld", (long long)value);
  return json_put_str(labels, name, text);
}

static bool put_facts(const struct op *op, cJSON *labels) {
  static const struct transaction_facts none = {0};
  const struct transaction_facts *f = op->work->facts ? op->work->facts : &none;
  struct holder self;
  holder_self(f->command, f->state_dir, &self);
  CLEANUP_JSON cJSON *holder = holder_json(&self);
  CLEANUP_FREE char *text = holder ? json_text(holder) : NULL;
  return text && json_put_str(labels, "tandem.holder", text) && put_number(labels, "tandem.base", f->base) &&
         json_put_str(labels, "tandem.kind", f->kind ? f->kind : "") &&
         json_put_str(labels, "tandem.summary", f->summary ? f->summary : "") &&
         json_put_str(labels, "tandem.started", started(op));
}

static cJSON *record_labels(const struct op *op) {
  CLEANUP_JSON cJSON *labels = cJSON_CreateObject(), *steps = NULL;
  if (!labels || steps_to_json(op->work->steps, &steps, NULL) < 0)
    return NULL;
  CLEANUP_FREE char *text = json_text(steps);
  if (text && json_put_str(labels, "tandem.project", op->work->project) &&
      json_put_str(labels, "tandem.role", "record") && put_number(labels, "tandem.revision", op->work->revision) &&
      put_facts(op, labels) && json_put_str(labels, "tandem.steps", text))
    return STEAL(labels);
  return NULL;
}

/* --- create, with the image for it where that is missing --------------------------------------------------------- */

static void created(void *arg, const struct engine_reply *reply, struct err *err);

static void send_create(struct op *op) {
  CLEANUP_FREE char *name = record_name(op, false);
  CLEANUP_JSON cJSON *labels = record_labels(op), *body = labels ? mark_body(STEAL(labels)) : NULL;
  if (!name || !body)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op->call = container_create(op->engine, name, NULL, body, created, op);
}

static void imported(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err);
  else
    send_create(op);
}

static void created(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply && err->http_status == 404 && op->stage++ == 0)
    op->call = mark_import(op->engine, imported, op);
  else
    op_reply_id(op, reply, err);
}

void record_create_run(struct op *op) {
  send_create(op);
}

static bool is_ours(const struct op *op, const cJSON *inspect) {
  const cJSON *labels = json_at(inspect, "Config.Labels");
  char revision[32];
  snprintf(revision, sizeof(revision), "%lld", (long long)op->work->revision);
  return strcmp(json_str(labels, "tandem.role", ""), "record") == 0 &&
         strcmp(json_str(labels, "tandem.project", ""), op->work->project) == 0 &&
         strcmp(json_str(labels, "tandem.revision", ""), revision) == 0 &&
         strcmp(json_str(labels, "tandem.started", ""), started(op)) == 0;
}

/* By the ID where it is known, else by the name that a create may have left. */
static void look(struct op *op, engine_cb *cb) {
  const char *id = work_container(op->work, op->step);
  CLEANUP_FREE char *name = id ? NULL : record_name(op, false);
  if (!id && !name)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op->call = container_inspect(op->engine, id ? id : name, cb, op);
}

static void record_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  op_probed(arg, reply, err, is_ours);
}

void record_create_probe(struct op *op) {
  look(op, record_probed);
}

static void record_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err->http_status == 404 ? NULL : err);
  else if (!is_ours(op, reply->json))
    op_done(op, NULL);
  else
    op_take_back(op, container_remove(op->engine, json_str(reply->json, "Id", ""), true, false, op_reply_gone, op));
}

void record_create_undo(struct op *op) {
  look(op, record_back);
}

/* --- after the commit: may be repeated, and finds what is gone already ------------------------------------------- */

static void renamed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  bool done = err && (err->http_status == 404 || err->http_status == 400); /* gone, or named so already */
  (void)reply;
  op_done(op, done ? NULL : err);
}

void record_commit_run(struct op *op) {
  const char *id = work_container(op->work, op->step);
  CLEANUP_FREE char *name = record_name(op, true);
  if (!name)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else if (!id)
    op_fail(op, ERR_CONFLICT, "the record is not there");
  else
    op->call = container_rename(op->engine, id, name, renamed, op);
}

void record_remove_run(struct op *op) {
  const char *id = work_container(op->work, op->step);
  if (!id)
    op_fail(op, ERR_CONFLICT, "the record is not there");
  else
    op->call = container_remove(op->engine, id, true, false, op_reply_gone, op);
}

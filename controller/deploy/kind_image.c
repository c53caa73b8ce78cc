/* Rows that bring images to a machine. A tag that had another owner before gets it back on undo. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/image.h"
#include "controller/deploy/kind.h"
#include "controller/deploy/tar_cache.h"
#include "controller/plan/ref.h"

static const struct desired_image *wanted(const struct op *op) {
  return op->work->desired ? desired_image(op->work->desired, op->step->machine, op->step->object) : NULL;
}

static void progress(void *arg, const char *line) {
  struct op *op = arg;
  log_emit(op->work->log, LOG_STEP_PROGRESS,
           LOG_FIELDS(.project = op->work->project, .revision = op->work->revision, .machine = op->step->machine,
                      .service = op->step->service, .step = step_kind_name(op->step->kind)),
           "%s", line);
}

/* The image's ID goes into the result: the revision is stored with it. */
static void identify(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err);
  else
    op->call = image_inspect(op->engine, op->step->object, op_reply_id, op);
}

/* --- build ------------------------------------------------------------------------------------------------------- */

static cJSON *build_labels(const struct op *op, const struct desired_image *want) {
  const cJSON *own = json_get(want->build, "labels");
  cJSON *labels = cJSON_IsObject(own) ? cJSON_Duplicate(own, true) : cJSON_CreateObject();
  if (labels && json_put_str(labels, "tandem.build-hash", want->build_hash) &&
      json_put_str(labels, "tandem.project", op->work->project))
    return labels;
  cJSON_Delete(labels);
  return NULL;
}

static void tar_ready(void *arg, const char *tar, const char *dockerfile, struct err *err) {
  struct op *op = arg;
  const struct desired_image *want = wanted(op);
  if (!tar || op->cancelled) {
    if (err)
      op_done(op, err);
    else
      op_fail(op, ERR_CANCELLED, "cancelled");
    return;
  }
  CLEANUP_JSON cJSON *labels = build_labels(op, want);
  if (!labels) {
    op_fail(op, ERR_NO_MEMORY, "out of memory");
    return;
  }
  const cJSON *b = want->build;
  struct image_build_options options = {
      .tag = want->ref,
      .dockerfile = dockerfile,
      .target = json_str(b, "target", NULL),
      .network_mode = json_str(b, "network", NULL),
      .platform = want->platform,
      .build_args = json_get(b, "args"),
      .labels = labels,
      .cache_from = json_get(b, "cache_from"),
      .extra_hosts = json_get(b, "extra_hosts"),
      .shm_size_bytes = json_int(b, "shm_size", 0),
      .no_cache = json_bool(b, "no_cache", false),
      .pull = json_bool(b, "pull", false),
      .buildkit = true,
  };
  op->call = image_build(op->engine, &options, tar, progress, identify, op);
}

void build_run(struct op *op) {
  const struct desired_image *want = wanted(op);
  CLEANUP_ERR struct err err = ERR_INIT;
  if (!want || !want->build)
    op_fail(op, ERR_INTERNAL, "image %s has no build in the desired state", op->step->object);
  else if (tar_cache_get(op->work->tars, want->build, tar_ready, op, &err) < 0)
    op_done(op, &err);
}

static void build_looked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  const struct desired_image *want = wanted(op);
  if (!reply && err->http_status != 404) {
    op_done(op, err);
    return;
  }
  const char *id = reply ? json_str(reply->json, "Id", "") : "";
  const char *hash = json_str(json_at(reply ? reply->json : NULL, "Config.Labels"), "tandem.build-hash", "");
  bool built = want && want->build_hash && strcmp(hash, want->build_hash) == 0;
  bool pulled = op->step->kind == STEP_IMAGE_PULL && *id && strcmp(id, step_arg(op->step, "previous", "")) != 0;
  op->answer = built || pulled ? PROBE_APPLIED : PROBE_NOT_APPLIED;
  if (op->answer == PROBE_APPLIED && op_result(op, "id", id, NULL) < 0)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op_done(op, NULL);
}

void build_probe(struct op *op) {
  op->call = image_inspect(op->engine, op->step->object, build_looked, op);
}

void pull_run(struct op *op) {
  const struct desired_image *want = wanted(op);
  op->call = image_pull(op->engine, op->step->object, want ? want->platform : NULL, progress, identify, op);
}

/* --- tag and copy ------------------------------------------------------------------------------------------------ */

static void send_tag(struct op *op) {
  const char *id = step_arg(op->step, "id", "");
  if (op_result(op, "id", id, NULL) < 0)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op->call = image_tag(op->engine, id, op->step->object, op_reply, op);
}

void tag_run(struct op *op) {
  send_tag(op);
}

static void tag_looked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  const char *want = step_arg(op->step, "id", "");
  if (!reply && err->http_status != 404) {
    op_done(op, err);
    return;
  }
  bool same = reply && strcmp(json_str(reply->json, "Id", ""), want) == 0;
  op->answer = same ? PROBE_APPLIED : PROBE_NOT_APPLIED;
  if (same && op_result(op, "id", want, NULL) < 0)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op_done(op, NULL);
}

void tag_probe(struct op *op) {
  op->call = image_inspect(op->engine, op->step->object, tag_looked, op);
}

static void copied(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err);
  else
    send_tag(op);
}

void copy_run(struct op *op) {
  const char *from = step_arg(op->step, "from", "");
  struct engine *source = machines_engine(op->work->machines, from);
  if (!source)
    op_fail(op, ERR_UNREACHABLE, "machine %s is not reachable", from);
  else
    op->call = image_copy(source, op->engine, step_arg(op->step, "id", ""), NULL, copied, op);
}

/* Undo: who owns the tag now decides what is to be done. */
static void image_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  const char *previous = step_arg(op->step, "previous", NULL);
  op->call = NULL;
  if (!reply && err->http_status != 404) {
    op_done(op, err);
    return;
  }
  const char *now = reply ? json_str(reply->json, "Id", "") : NULL;
  if (previous && now && strcmp(now, previous) == 0)
    op_done(op, NULL);
  else if (previous)
    op->call = image_tag(op->engine, previous, op->step->object, op_reply, op);
  else if (now)
    op->call = image_remove(op->engine, op->step->object, op_reply_gone, op);
  else
    op_done(op, NULL);
}

void image_undo(struct op *op) {
  op->settled = true; /* a late tag is held by nothing and does no harm */
  op->call = image_inspect(op->engine, op->step->object, image_back, op);
}

/* --- hold: tandem's own tag -------------------------------------------------------------------------------------- */

static void hold_found(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply) {
    op_done(op, err);
    return;
  }
  const char *id = json_str(reply->json, "Id", "");
  CLEANUP_FREE char *hold = ref_hold(op->work->project, id);
  if (!hold || op_result(op, "id", id, NULL) < 0 || op_result(op, "hold", hold, NULL) < 0)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op->call = image_tag(op->engine, id, hold, op_reply, op);
}

void hold_run(struct op *op) {
  op->call = image_inspect(op->engine, op->step->object, hold_found, op);
}

/* Tagging again does no harm. */
void hold_probe(struct op *op) {
  op->answer = PROBE_NOT_APPLIED;
  op_done(op, NULL);
}

/* The tag may be an older revision's too (equal builds give equal images), so it stays: the next plan releases what
 * no kept revision needs. */
void hold_undo(struct op *op) {
  op->settled = true;
  op_done(op, NULL);
}

void release_run(struct op *op) {
  op->call = image_remove(op->engine, op->step->object, op_reply_gone, op);
}

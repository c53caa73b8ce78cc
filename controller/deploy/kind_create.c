/* Rows that make a container: create, files. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/deploy/files_tar.h"
#include "controller/deploy/kind.h"

static const struct desired_service *wanted(const struct op *op) {
  return op->work->desired ? desired_service(op->work->desired, op->step->service) : NULL;
}

static void revision_text(const struct op *op, char out[32]) {
  snprintf(out, 32, "%lld", (long long)op->work->revision);
}

/* Which container a "service:NAME" in the body means: the one this transaction makes on that machine. NULL when the
 * service's container is not of this transaction; then the name does, since its container keeps its name. */
static const char *service_container(const struct op *op, const char *service) {
  for (size_t i = 0; i < op->work->steps->count; i++) {
    const struct step *s = &op->work->steps->items[i];
    if (s->kind == STEP_CONTAINER_CREATE && s->service && strcmp(s->service, service) == 0 &&
        strcmp(s->machine, op->step->machine) == 0)
      return work_container(op->work, s);
  }
  const struct desired_service *other = desired_service(op->work->desired, service);
  return other ? other->container_name : NULL;
}

static int resolve_mode(const struct op *op, cJSON *host, const char *key, struct err *err) {
  const char *mode = json_str(host, key, "");
  if (strncmp(mode, "service:", 8) != 0)
    return 0;
  const char *id = service_container(op, mode + 8);
  char text[512];
  if (!id)
    return err_set(err, ERR_CONFLICT, "%s: there is no container of service %s on %s", key, mode + 8,
                   op->step->machine);
  snprintf(text, sizeof(text), "container:%s", id);
  return json_put_str(host, key, text) ? 0 : err_no_memory(err);
}

static int resolve_volumes_from(const struct op *op, cJSON *host, struct err *err) {
  cJSON *item;
  cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(host, "VolumesFrom")) {
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    if (strncmp(text, "service:", 8) != 0)
      continue;
    const char *id = service_container(op, text + 8);
    if (!id || !cJSON_SetValuestring(item, id))
      return err_set(err, ERR_CONFLICT, "volumes_from: there is no container of %s on %s", text, op->step->machine);
  }
  return 0;
}

/* Below API 1.44 only the first network may be given at create; the others have steps of their own. */
static void keep_first_network(cJSON *body) {
  const char *first = json_str(json_get(body, "HostConfig"), "NetworkMode", "");
  cJSON *endpoints = (cJSON *)json_at(body, "NetworkingConfig.EndpointsConfig");
  for (cJSON *e = endpoints ? endpoints->child : NULL, *next; e; e = next) {
    next = e->next;
    if (strcmp(e->string, first) != 0)
      cJSON_Delete(cJSON_DetachItemViaPointer(endpoints, e));
  }
}

static cJSON *create_body(const struct op *op, const struct desired_service *want, struct err *err) {
  CLEANUP_JSON cJSON *body = cJSON_Duplicate(want->body, true);
  cJSON *labels = cJSON_GetObjectItemCaseSensitive(body, "Labels");
  cJSON *host = cJSON_GetObjectItemCaseSensitive(body, "HostConfig");
  char revision[32];
  revision_text(op, revision);
  if (!labels || !json_put_str(labels, "tandem.revision", revision)) {
    err_no_memory(err);
    return NULL;
  }
  if (resolve_mode(op, host, "NetworkMode", err) < 0 || resolve_mode(op, host, "PidMode", err) < 0 ||
      resolve_mode(op, host, "IpcMode", err) < 0 || resolve_volumes_from(op, host, err) < 0)
    return NULL;
  if (engine_api_minor(op->engine) < 44)
    keep_first_network(body);
  return STEAL(body);
}

static void created(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  if (!reply) {
    op_done(op, err);
    return;
  }
  const char *id = json_str(reply->json, "Id", "");
  if (strlen(id) != 64)
    op_fail(op, ERR_PROTOCOL, "create answered without a full container ID");
  else if (op_result(op, "id", id, NULL) < 0)
    op_fail(op, ERR_NO_MEMORY, "out of memory");
  else
    op_done(op, NULL);
}

void create_run(struct op *op) {
  const struct desired_service *want = wanted(op);
  CLEANUP_ERR struct err err = ERR_INIT;
  if (!want) {
    op_fail(op, ERR_INTERNAL, "service %s is not in the desired state", op->step->service);
    return;
  }
  CLEANUP_JSON cJSON *body = create_body(op, want, &err);
  if (!body)
    op_done(op, &err);
  else
    op->call = container_create(op->engine, step_arg(op->step, "name", ""), want->platform, body, created, op);
}

/* --- probe and undo: by the ID where the reply came, else by name and this transaction's labels ------------------ */

static bool is_ours(const struct op *op, const cJSON *inspect) {
  char revision[32];
  const cJSON *labels = json_at(inspect, "Config.Labels");
  revision_text(op, revision);
  return strcmp(json_str(labels, "tandem.revision", ""), revision) == 0 &&
         strcmp(json_str(labels, "tandem.service", ""), op->step->service) == 0 &&
         strcmp(json_str(labels, "tandem.project", ""), op->work->project) == 0;
}

static void create_probed(void *arg, const struct engine_reply *reply, struct err *err) {
  op_probed(arg, reply, err, is_ours);
}

static void look_for_created(struct op *op, engine_cb *cb) {
  const char *id = work_container(op->work, op->step);
  op->call = container_inspect(op->engine, id ? id : step_arg(op->step, "name", ""), cb, op);
}

void create_probe(struct op *op) {
  look_for_created(op, create_probed);
}

static void create_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct op *op = arg;
  op->call = NULL;
  if (!reply)
    op_done(op, err->http_status == 404 ? NULL : err);
  else if (!is_ours(op, reply->json))
    op_done(op, NULL); /* another one's: a create that was refused with 409 */
  else
    op_take_back(op, container_remove(op->engine, json_str(reply->json, "Id", ""), true, true, op_reply_gone, op));
}

void create_undo(struct op *op) {
  look_for_created(op, create_back);
}

/* --- files ------------------------------------------------------------------------------------------------------- */

void files_run(struct op *op) {
  const struct desired_service *want = wanted(op);
  const char *id = work_container(op->work, op->step);
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_FREE char *tar = NULL;
  size_t bytes = 0;
  if (!want || !id)
    op_fail(op, ERR_INTERNAL, "no container to put files into");
  else if (files_tar(want->files, &tar, &bytes, &err) < 0)
    op_done(op, &err);
  else
    op->call = container_archive_put(op->engine, id, "/", tar, bytes, op_reply, op);
}

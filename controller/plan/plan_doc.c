/* The plan as an object: begin, finish, free, count, and its JSON form. */
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/planner.h"

static const char *const action_names[PLAN_ACTION_COUNT] = {
    [PLAN_KEEP] = "keep",     [PLAN_CREATE] = "create", [PLAN_RECREATE] = "re-create", [PLAN_MOVE] = "move",
    [PLAN_UPDATE] = "update", [PLAN_START] = "start",   [PLAN_REMOVE] = "remove",
};

const char *plan_action_name(enum plan_action action) {
  return (size_t)action < PLAN_ACTION_COUNT ? action_names[action] : "unknown";
}

int planner_begin(struct planner *p, const char *project, struct err *err) {
  struct plan *plan = p->plan;
  if (!plan->project)
    plan->project = strdup(project);
  plan->kind = strdup(p->options->kind);
  plan->base_revision = p->options->base_revision;
  plan->parallelism = p->options->parallelism ? p->options->parallelism : p->desired ? p->desired->parallelism : 8;
  plan->machines = calloc(p->observed->machine_count + 1, sizeof(*plan->machines));
  if (!plan->project || !plan->kind || !plan->machines)
    return err_no_memory(err);
  for (size_t i = 0; i < p->observed->machine_count; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    struct plan_machine *it = &plan->machines[plan->machine_count++];
    it->name = strdup(m->name);
    it->engine_version = strdup(m->version ? m->version : "");
    if (!it->name || !it->engine_version)
      return err_no_memory(err);
  }
  return 0;
}

int planner_finish(struct planner *p, struct err *err) {
  struct plan *plan = p->plan;
  bool transaction = strcmp(plan->kind, "build") != 0 && strcmp(plan->kind, "status") != 0;
  if (transaction && !plan_is_empty(plan) && planner_record(p, err) < 0)
    return -1;
  if (steps_check(&plan->steps, err) < 0)
    return -1;
  CLEANUP_JSON cJSON *key = cJSON_CreateObject();
  cJSON *steps = NULL;
  if (!key || steps_to_json(&plan->steps, &steps, err) < 0 || !json_put(key, "steps", steps) ||
      !json_put_int(key, "base", plan->base_revision) ||
      (plan->desired && !json_put(key, "desired", cJSON_Duplicate(plan->desired, true))))
    return err_no_memory(err);
  return json_hash(key, plan->fingerprint, err);
}

void plan_free(struct plan *plan) {
  if (!plan)
    return;
  for (size_t i = 0; i < plan->service_count; i++) {
    struct plan_service *s = &plan->services[i];
    struct field_changes changes = {.items = s->changes, .count = s->change_count};
    field_changes_release(&changes);
    free(s->name);
    free(s->from_machine);
    free(s->to_machine);
    free(s->image_note);
  }
  for (size_t i = 0; i < plan->image_count; i++) {
    free(plan->images[i].machine);
    free(plan->images[i].ref);
    free(plan->images[i].how);
  }
  for (size_t i = 0; i < plan->machine_count; i++) {
    free(plan->machines[i].name);
    free(plan->machines[i].engine_version);
  }
  free(plan->services);
  free(plan->images);
  free(plan->machines);
  free(plan->project);
  free(plan->kind);
  strv_release(&plan->resources);
  strv_release(&plan->warnings);
  steps_release(&plan->steps);
  cJSON_Delete(plan->desired);
  cJSON_Delete(plan->basis);
  rollback_release(&plan->rollback);
  free(plan);
}

size_t plan_count(const struct plan *plan, enum plan_action action) {
  size_t n = 0;
  for (size_t i = 0; i < plan->service_count; i++)
    n += plan->services[i].action == action;
  return n;
}

bool plan_is_empty(const struct plan *plan) {
  bool down = strcmp(plan->kind, "down") == 0;
  for (size_t i = 0; i < plan->steps.count; i++)
    if (down || plan->steps.items[i].phase != PHASE_CLEANUP)
      return false;
  return true;
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static bool add(cJSON *list, cJSON *item, bool complete) {
  if (item && complete && cJSON_AddItemToArray(list, item))
    return true;
  cJSON_Delete(item);
  return false;
}

static bool put_opt(cJSON *object, const char *name, const char *value) {
  return !value || json_put_str(object, name, value);
}

static cJSON *changes_json(const struct plan_service *s) {
  cJSON *list = cJSON_CreateArray();
  for (size_t i = 0; list && i < s->change_count; i++) {
    const struct plan_change *c = &s->changes[i];
    cJSON *item = cJSON_CreateObject();
    bool ok = item && json_put_str(item, "field", c->field) && json_put_str(item, "from", c->from) &&
              json_put_str(item, "to", c->to) && json_put_bool(item, "live", c->live);
    if (!add(list, item, ok)) {
      cJSON_Delete(list);
      return NULL;
    }
  }
  return list;
}

static bool put_services(cJSON *json, const struct plan *plan) {
  cJSON *list = cJSON_CreateArray();
  if (!json_put(json, "services", list))
    return false;
  for (size_t i = 0; i < plan->service_count; i++) {
    const struct plan_service *s = &plan->services[i];
    cJSON *item = cJSON_CreateObject();
    bool ok = item && json_put_str(item, "service", s->name) && json_put_str(item, "action", action_names[s->action]) &&
              put_opt(item, "from_machine", s->from_machine) && put_opt(item, "to_machine", s->to_machine) &&
              json_put_bool(item, "start_first", s->start_first) && json_put_bool(item, "restored", s->restored) &&
              json_put_bool(item, "downtime", s->downtime) && put_opt(item, "image", s->image_note) &&
              json_put(item, "changes", changes_json(s));
    if (!add(list, item, ok))
      return false;
  }
  return true;
}

static bool put_images(cJSON *json, const struct plan *plan) {
  cJSON *list = cJSON_CreateArray();
  if (!json_put(json, "images", list))
    return false;
  for (size_t i = 0; i < plan->image_count; i++) {
    const struct plan_image *it = &plan->images[i];
    cJSON *item = cJSON_CreateObject();
    bool ok = item && json_put_str(item, "machine", it->machine) && json_put_str(item, "ref", it->ref) &&
              json_put_str(item, "how", it->how) && json_put_bool(item, "tier", it->tier);
    if (!add(list, item, ok))
      return false;
  }
  return true;
}

static bool put_machines(cJSON *json, const struct plan *plan) {
  cJSON *list = cJSON_CreateArray();
  if (!json_put(json, "machines", list))
    return false;
  for (size_t i = 0; i < plan->machine_count; i++) {
    cJSON *item = cJSON_CreateObject();
    bool ok = item && json_put_str(item, "machine", plan->machines[i].name) &&
              json_put_str(item, "engine", plan->machines[i].engine_version) &&
              json_put_int(item, "services", (int64_t)plan->machines[i].services);
    if (!add(list, item, ok))
      return false;
  }
  return true;
}

static bool put_strings(cJSON *json, const char *name, const struct strv *v) {
  return json_put(json, name, json_strings(v->items, v->count));
}

static bool put_rollback(cJSON *json, const struct plan *plan, struct err *err) {
  cJSON *rollback = NULL;
  return rollback_to_json(&plan->rollback, &rollback, err) == 0 && json_put(json, "rollback", rollback);
}

int plan_to_json(const struct plan *plan, cJSON **ret_json, struct err *err) {
  CLEANUP_JSON cJSON *json = cJSON_CreateObject();
  cJSON *steps = NULL;
  bool ok = json && json_put_int(json, "format", 2) && json_put_str(json, "project", plan->project) &&
            json_put_str(json, "kind", plan->kind) && json_put_int(json, "base_revision", plan->base_revision) &&
            put_machines(json, plan) &&
            put_images(json, plan) && put_strings(json, "resources", &plan->resources) && put_services(json, plan) &&
            put_strings(json, "warnings", &plan->warnings) &&
            (!plan->rollback.revision || put_rollback(json, plan, err)) &&
            (!plan->basis || json_put(json, "basis", cJSON_Duplicate(plan->basis, true))) &&
            steps_to_json(&plan->steps, &steps, err) == 0 && json_put(json, "steps", steps);
  char fingerprint[65];
  if (!ok)
    return err_no_memory(err);
  if (json_hash(json, fingerprint, err) < 0)
    return -1;
  if (!json_put_str(json, "fingerprint", fingerprint))
    return err_no_memory(err);
  *ret_json = STEAL(json);
  return 0;
}

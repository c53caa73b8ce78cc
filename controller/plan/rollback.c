#include "controller/plan/rollback.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/plan.h"

void rollback_release(struct rollback *r) {
  strv_release(&r->needs);
  strv_release(&r->copies);
}

/* --- images ------------------------------------------------------------------------------------------------------ */

static int assess_image(const struct desired_image *image, const struct observed *o, struct rollback *r,
                        struct err *err) {
  const struct observed_machine *m = observed_machine(o, image->machine);
  char text[700];
  if (m && observed_image_by_id(m, image->id))
    return 0;
  for (size_t i = 0; m && i < o->machine_count; i++) {
    if (!observed_image_by_id(&o->machines[i], image->id))
      continue;
    snprintf(text, sizeof(text), "image %s from %s to %s", image->ref, o->machines[i].name, image->machine);
    return strv_add_once(&r->copies, text, err);
  }
  r->possible = false;
  if (m)
    snprintf(text, sizeof(text), "image %s (gone from %s): a %s", image->ref, image->machine,
             image->build ? "build" : "pull");
  else
    snprintf(text, sizeof(text), "machine %s", image->machine);
  return strv_add_once(&r->needs, text, err);
}

int rollback_assess(const struct desired *target, const struct observed *observed, int64_t revision,
                    struct rollback *ret, struct err *err) {
  *ret = (struct rollback){.revision = revision, .possible = true};
  for (size_t i = 0; i < target->service_count; i++) {
    const struct desired_service *s = &target->services[i];
    const struct desired_image *image = desired_image(target, s->machine, s->image);
    if (image && image->id && assess_image(image, observed, ret, err) < 0)
      return -1;
  }
  return 0;
}

int rollback_to_json(const struct rollback *r, cJSON **ret_json, struct err *err) {
  CLEANUP_JSON cJSON *json = cJSON_CreateObject();
  if (!json || !json_put_int(json, "revision", r->revision) || !json_put_bool(json, "possible", r->possible) ||
      !json_put_bool(json, "offline", r->possible) ||
      !json_put(json, "needs", json_strings(r->needs.items, r->needs.count)) ||
      !json_put(json, "copies", json_strings(r->copies.items, r->copies.count)) ||
      (r->estimate_ms > 0 && !json_put_int(json, "estimate_ms", r->estimate_ms)))
    return err_no_memory(err);
  *ret_json = STEAL(json);
  return 0;
}

/* --- time -------------------------------------------------------------------------------------------------------- */

/* What a step takes, and by when it is done within its phase. */
struct timed {
  int64_t takes, done;
};

static int64_t longest_way(const struct steps *s, struct timed *t, enum step_phase phase) {
  int64_t longest = 0;
  for (bool changed = true; changed;) { /* the graph has no cycle, so this ends */
    changed = false;
    for (size_t i = 0; i < s->count; i++) {
      int64_t begins = 0;
      if (s->items[i].phase != phase)
        continue;
      for (size_t k = 0; k < s->items[i].after_count; k++) {
        int before = s->items[i].after[k];
        if (s->items[before].phase == phase && t[before].done > begins)
          begins = t[before].done;
      }
      changed = changed || t[i].done != begins + t[i].takes;
      t[i].done = begins + t[i].takes;
      longest = t[i].done > longest ? t[i].done : longest;
    }
  }
  return longest;
}

static bool waits_only(enum step_kind kind) {
  return kind == STEP_GATE_READY || kind == STEP_GATE_HOLD;
}

/* So many steps at a time on each machine: the busiest one's work. */
static int64_t slots_need(const struct steps *s, const struct timed *t, enum step_phase phase, int64_t parallelism) {
  int64_t most = 0;
  for (size_t i = 0; i < s->count; i++) {
    int64_t sum = 0;
    for (size_t k = i; k < s->count; k++)
      if (s->items[k].phase == phase && !waits_only(s->items[k].kind) &&
          strcmp(s->items[k].machine, s->items[i].machine) == 0)
        sum += t[k].takes;
    most = sum > most ? sum : most;
  }
  return parallelism > 0 ? most / parallelism : most;
}

static int64_t all_phases(const struct steps *s, struct timed *t, enum step_phase first, int64_t parallelism) {
  int64_t total = 0;
  for (enum step_phase phase = first; phase < PHASE_CLEANUP; phase++) {
    int64_t way = longest_way(s, t, phase), work = slots_need(s, t, phase, parallelism);
    total += way > work ? way : work;
  }
  return total;
}

/* -1: never measured, and neither was the other kind that is the same Engine call. */
static int64_t measured(const cJSON *step_ms, enum step_kind kind) {
  enum step_kind alike = kind == STEP_IMAGE_TAG          ? STEP_IMAGE_HOLD
                         : kind == STEP_CONTAINER_POLICY ? STEP_CONTAINER_UPDATE
                         : kind == STEP_CONTAINER_UPDATE ? STEP_CONTAINER_POLICY
                                                         : kind;
  return json_int(step_ms, step_kind_name(kind), json_int(step_ms, step_kind_name(alike), -1));
}

static int64_t takes(const struct step *s, const cJSON *step_ms) {
  return s->kind == STEP_GATE_HOLD ? json_int(s->args, "monitor_ms", 0) : measured(step_ms, s->kind);
}

int rollback_estimate(const struct steps *steps, int64_t parallelism, const cJSON *step_ms, int64_t *ret_ms,
                      struct err *err) {
  CLEANUP_FREE struct timed *t = calloc(steps->count + 1, sizeof(*t));
  if (!t)
    return err_no_memory(err);
  *ret_ms = 0;
  for (size_t i = 0; i < steps->count; i++) {
    if (steps->items[i].phase != PHASE_CLEANUP && (t[i].takes = takes(&steps->items[i], step_ms)) < 0)
      return 0;
  }
  *ret_ms = all_phases(steps, t, PHASE_PREPARE, parallelism);
  return 0;
}

static enum plan_action action_of(const struct plan *plan, const struct step *s) {
  for (size_t i = 0; s->service && i < plan->service_count; i++)
    if (strcmp(plan->services[i].name, s->service) == 0)
      return plan->services[i].action;
  return PLAN_KEEP;
}

/* Going back stops what the plan creates, starts and proves what it removes, and does the rest alike. */
static int64_t mirrored(const struct plan *plan, const struct step *s, const struct desired *base,
                        const cJSON *step_ms) {
  enum plan_action action = action_of(plan, s);
  if (action == PLAN_CREATE)
    return s->kind == STEP_CONTAINER_START ? measured(step_ms, STEP_CONTAINER_STOP) : 0;
  if (action != PLAN_REMOVE || s->kind != STEP_CONTAINER_STOP)
    return takes(s, step_ms);
  const struct desired_service *service = desired_service(base, s->service);
  int64_t start = measured(step_ms, STEP_CONTAINER_START), ready = measured(step_ms, STEP_GATE_READY);
  return start < 0 || ready < 0 ? -1 : start + ready + (service ? service->monitor_ms : 0);
}

int rollback_estimate_mirrored(const struct plan *plan, const struct desired *base, const cJSON *step_ms,
                               int64_t *ret_ms, struct err *err) {
  const struct steps *steps = &plan->steps;
  CLEANUP_FREE struct timed *t = calloc(steps->count + 1, sizeof(*t));
  if (!t)
    return err_no_memory(err);
  *ret_ms = 0;
  for (size_t i = 0; i < steps->count; i++) {
    const struct step *s = &steps->items[i];
    bool counts = s->phase == PHASE_SWITCH || s->phase == PHASE_PROVE;
    if (counts && (t[i].takes = mirrored(plan, s, base, step_ms)) < 0)
      return 0;
  }
  *ret_ms = all_phases(steps, t, PHASE_SWITCH, plan->parallelism);
  return 0;
}

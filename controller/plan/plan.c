/* The planner's way: decide about each service, add its steps, then order services by their dependencies. */
#include "controller/plan/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/basis.h"
#include "controller/plan/planner.h"

int planner_warn(struct planner *p, struct err *err, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  return strv_add(&p->plan->warnings, text, err);
}

/* --- what is there for a service --------------------------------------------------------------------------------- */

static void find_present(struct planner *p, struct service_work *w) {
  w->on = observed_machine(p->observed, w->machine);
  w->live = observed_live(w->on, w->name, w->want->container_name);
  w->old = w->live;
  w->old_machine = w->machine;
  for (size_t i = 0; i < p->observed->machine_count && !w->old; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    if (m == w->on)
      continue;
    w->old = observed_live(m, w->name, w->want->container_name);
    w->old_machine = m->name;
  }
}

static const char *label(const struct observed_container *c, const char *name) {
  return json_str(json_at(c->inspect, "Config.Labels"), name, NULL);
}

/* Made from the same specification, by tandem or by docker compose. */
static bool same_spec(const struct desired_service *want, const struct observed_container *c) {
  const char *spec = label(c, "tandem.spec-hash");
  if (spec)
    return strcmp(spec, want->spec_hash) == 0;
  const char *config = label(c, "com.docker.compose.config-hash");
  return config && strcmp(config, want->config_hash) == 0;
}

static bool same_image(const struct service_work *w, const struct observed_container *c) {
  return w->image && w->image->id && strcmp(w->image->id, c->image_id) == 0;
}

static void drop_differences(struct service_work *w) {
  field_changes_release(&w->changes);
  cJSON_Delete(w->update);
  cJSON_Delete(w->previous);
  w->update = w->previous = NULL;
  w->rewire = false;
}

/* Limits, restart policy and networks. */
static int diff_live(struct service_work *w, const struct observed_container *c, bool *ret_recreate, struct err *err) {
  drop_differences(w);
  if (fields_diff_live(w->want->body, c->inspect, &w->changes, &w->update, &w->previous, ret_recreate, err) < 0)
    return -1;
  return planner_network_diff(w, c, ret_recreate, err);
}

/* The newest parked container that is just what is wanted. */
static int find_parked(struct service_work *w, struct err *err) {
  const struct observed_container *best = NULL;
  for (size_t i = 0; i < w->on->container_count; i++) {
    const struct observed_container *c = &w->on->containers[i];
    bool recreate = false;
    if (c->role != CONTAINER_PARKED || strcmp(c->service, w->name) != 0 || !same_spec(w->want, c) ||
        !same_image(w, c) || (best && best->role_revision > c->role_revision))
      continue;
    if (diff_live(w, c, &recreate, err) < 0)
      return -1;
    if (!recreate)
      best = c;
  }
  bool recreate;
  drop_differences(w);
  w->parked = best;
  return best ? diff_live(w, best, &recreate, err) : 0;
}

/* --- what to do with it ------------------------------------------------------------------------------------------ */

static void short_id(const char *id, char out[16]) {
  snprintf(out, 16, "%.12s", strncmp(id, "sha256:", 7) == 0 ? id + 7 : id);
}

/* The tag has left the image that the container runs with: somebody has moved or removed it. */
static int show_tag_change(struct service_work *w, bool *ret_any, struct err *err) {
  *ret_any = w->old && same_image(w, w->old) && w->image->note && strcmp(w->image->note, "tag") == 0;
  if (!*ret_any)
    return 0;
  const struct observed_image *now = observed_image(w->on, w->want->image);
  char field[300], from[16], to[16];
  snprintf(field, sizeof(field), "image tag %s", w->want->image);
  short_id(now ? now->id : "", from);
  short_id(w->image->id, to);
  return field_changes_add(&w->changes, field, now ? from : NULL, to, true, err);
}

static int show_image_change(struct service_work *w, struct err *err) {
  bool tagged;
  if (!w->old || same_image(w, w->old))
    return show_tag_change(w, &tagged, err);
  char from[32], to[32];
  snprintf(from, sizeof(from), "%.19s", w->old->image_id);
  snprintf(to, sizeof(to), "%.19s", w->image && w->image->id ? w->image->id : "to be built");
  return field_changes_add(&w->changes, "image id", from, to, false, err);
}

static bool is_paused(const struct observed_container *c) {
  return strcmp(c->state, "paused") == 0;
}

static int show_state_change(struct service_work *w, struct err *err) {
  if ((!w->live->running || is_paused(w->live)) &&
      field_changes_add(&w->changes, "state", w->live->state, "running", true, err) < 0)
    return -1;
  if (strcmp(w->live->name, w->want->container_name) == 0)
    return 0;
  return field_changes_add(&w->changes, "name", w->live->name, w->want->container_name, true, err);
}

static bool any_member(const cJSON *object) {
  return object && object->child;
}

/* May both run side by side? Not with a host port, a fixed name, a volume or a GPU of the old one. */
static bool can_start_first(const struct service_work *w) {
  const cJSON *host = json_get(w->want->body, "HostConfig");
  bool volumes = any_member(json_get(host, "Binds")) || any_member(json_get(host, "Mounts"));
  bool gpu = any_member(json_get(host, "DeviceRequests"));
  if (strcmp(w->old_machine, w->machine) != 0)
    return !volumes;
  bool own_network = strcmp(json_str(host, "NetworkMode", ""), "host") == 0;
  return !volumes && !gpu && !own_network && !w->want->container_name_set &&
         !any_member(json_get(host, "PortBindings"));
}

static void choose_order(struct service_work *w) {
  w->start_first = w->old && w->old->running && w->want->order != ORDER_STOP_FIRST && can_start_first(w);
}

/* What the revision that holds has there, and the engines have not. */
static int show_missing(struct planner *p, struct service_work *w, struct err *err) {
  const struct desired_service *held = p->options->held ? desired_service(p->options->held, w->name) : NULL;
  return held ? field_changes_add(&w->changes, "state", "missing", "running", false, err) : 0;
}

static int decide_replace(struct planner *p, struct service_work *w, enum plan_action action, struct err *err) {
  w->action = action;
  drop_differences(w);
  if (w->old) {
    cJSON *update = NULL, *previous = NULL;
    bool recreate;
    int rc = fields_diff_live(w->want->body, w->old->inspect, &w->changes, &update, &previous, &recreate, err);
    cJSON_Delete(update);
    cJSON_Delete(previous);
    if (rc < 0 || fields_diff_spec(w->want->body, w->old->inspect, w->want->secret_env, &w->changes, err) < 0 ||
        show_image_change(w, err) < 0)
      return -1;
  } else if (show_missing(p, w, err) < 0) {
    return -1;
  }
  bool ignored = false;
  if (w->live && planner_network_diff(w, w->live, &ignored, err) < 0)
    return -1;
  w->rewire = false;
  choose_order(w);
  return 0;
}

static int decide(struct planner *p, struct service_work *w, struct err *err) {
  find_present(p, w);
  for (size_t i = 0; i < p->desired->image_count; i++) {
    const struct desired_image *image = &p->desired->images[i];
    if (strcmp(image->ref, w->want->image) != 0 || strcmp(image->machine, w->machine) != 0)
      continue;
    if (planner_image(p, i, err) < 0)
      return -1;
    w->image = &p->images[i];
  }
  bool recreate = false;
  if (w->live && same_spec(w->want, w->live) && same_image(w, w->live)) {
    if (diff_live(w, w->live, &recreate, err) < 0)
      return -1;
    if (!recreate) {
      bool named = strcmp(w->live->name, w->want->container_name) == 0;
      bool start = !w->live->running || is_paused(w->live) || !named, tagged;
      if (show_tag_change(w, &tagged, err) < 0)
        return -1;
      w->action = start ? PLAN_START : w->update || w->rewire || tagged ? PLAN_UPDATE : PLAN_KEEP;
      return show_state_change(w, err);
    }
  }
  return decide_replace(p, w, w->live ? PLAN_RECREATE : w->old ? PLAN_MOVE : PLAN_CREATE, err);
}

/* --- graph ------------------------------------------------------------------------------------------------------- */

static struct service_work *find_work(struct planner *p, const char *name) {
  for (size_t i = 0; i < p->service_count; i++)
    if (strcmp(p->services[i].name, name) == 0)
      return &p->services[i];
  return NULL;
}

static bool changes_container(const struct service_work *w) {
  return w->want && w->action != PLAN_KEEP;
}

static int order_services(struct planner *p, struct err *err) {
  struct steps *s = &p->plan->steps;
  for (size_t i = 0; i < p->service_count; i++) {
    struct service_work *w = &p->services[i];
    const cJSON *list = w->want ? w->want->depends_on : NULL, *d;
    cJSON_ArrayForEach(d, list) {
      struct service_work *target = find_work(p, json_str(d, "service", ""));
      if (!target || !changes_container(target) || !changes_container(w))
        continue;
      bool started = json_int(d, "condition", DEPENDS_STARTED) == DEPENDS_STARTED && !target->start_first;
      if (steps_order(s, w->entry, started ? target->start : target->ready, err) < 0 ||
          steps_order(s, w->start, started ? target->start : target->ready, err) < 0)
        return -1;
      /* Callers reach the old one until they have been switched to the new one. */
      if (target->start_first && target->old_stop >= 0 && w->start >= 0 &&
          steps_order(s, target->old_stop, w->start, err) < 0)
        return -1;
    }
  }
  return 0;
}

/* A gate that a later step of the switch waits for belongs to the switch. */
static void pull_gates_forward(struct steps *s) {
  for (size_t i = 0; i < s->count; i++) {
    if (s->items[i].phase != PHASE_SWITCH)
      continue;
    for (size_t k = 0; k < s->items[i].after_count; k++) {
      struct step *before = &s->items[s->items[i].after[k]];
      if (before->phase == PHASE_PROVE)
        before->phase = PHASE_SWITCH;
    }
  }
}

static void mark_completions(struct planner *p) {
  for (size_t i = 0; i < p->service_count; i++) {
    const cJSON *list = p->services[i].want ? p->services[i].want->depends_on : NULL, *d;
    cJSON_ArrayForEach(d, list) {
      struct service_work *target = find_work(p, json_str(d, "service", ""));
      if (target && json_int(d, "condition", 0) == DEPENDS_COMPLETED)
        target->completes = true;
    }
  }
}

static int plan_resources(struct planner *p, bool network, struct err *err) {
  const struct desired_resource *all = network ? p->desired->networks : p->desired->volumes;
  size_t count = network ? p->desired->network_count : p->desired->volume_count;
  const char *word = network ? "network" : "volume";
  for (size_t i = 0; i < count; i++) {
    const struct observed_machine *m = observed_machine(p->observed, all[i].machine);
    if (!m)
      return err_set(err, ERR_CONFLICT, "machine %s is not in the manifest any more", all[i].machine);
    const struct observed_resource *have = network ? m->networks : m->volumes;
    size_t have_count = network ? m->network_count : m->volume_count;
    size_t same = 0;
    for (size_t k = 0; k < have_count; k++)
      same += strcmp(have[k].name, all[i].name) == 0;
    if (same > 1)
      return err_set(err, ERR_CONFLICT, "%s has %zu networks named %s; containers cannot tell them apart: remove one",
                     m->name, same, all[i].name);
    if (same)
      continue;
    if (all[i].external)
      return err_set(err, ERR_CONFLICT, "external %s %s is not on %s: make it there first (docker %s create %s)", word,
                     all[i].name, m->name, word, all[i].name);
    cJSON *args = cJSON_CreateObject();
    if (!args || !json_put(args, "body", cJSON_Duplicate(all[i].body, true))) {
      cJSON_Delete(args);
      return err_no_memory(err);
    }
    char text[512];
    snprintf(text, sizeof(text), "%s %s on %s", word, all[i].name, m->name);
    if (steps_add(&p->plan->steps, network ? STEP_NETWORK_CREATE : STEP_VOLUME_CREATE, PHASE_PREPARE, m->name, NULL,
                  all[i].name, args, err) < 0 ||
        strv_add(&p->plan->resources, text, err) < 0)
      return -1;
  }
  return 0;
}

/* Creates wait for the networks and volumes of their machine. */
static int order_resources(struct planner *p, struct err *err) {
  struct steps *s = &p->plan->steps;
  for (size_t i = 0; i < s->count; i++) {
    if (s->items[i].kind != STEP_NETWORK_CREATE && s->items[i].kind != STEP_VOLUME_CREATE)
      continue;
    for (size_t k = 0; k < s->count; k++)
      if (s->items[k].kind == STEP_CONTAINER_CREATE && strcmp(s->items[k].machine, s->items[i].machine) == 0 &&
          steps_order(s, (int)k, (int)i, err) < 0)
        return -1;
  }
  return 0;
}

/* --- services that are no longer wanted -------------------------------------------------------------------------- */

static int add_removed(struct planner *p, const struct observed_machine *m, const struct observed_container *c,
                       struct err *err) {
  struct service_work *items = realloc(p->services, (p->service_count + 1) * sizeof(*items));
  if (!items)
    return err_no_memory(err);
  p->services = items;
  items[p->service_count++] = (struct service_work){
      .name = c->service,
      .machine = m->name,
      .on = m,
      .old = c,
      .old_machine = m->name,
      .action = PLAN_REMOVE,
      .create = -1,
      .start = -1,
      .ready = -1,
      .entry = -1,
      .old_stop = -1,
  };
  return 0;
}

static bool is_taken_care_of(const struct planner *p, const struct observed_container *c) {
  for (size_t i = 0; i < p->service_count; i++)
    if (p->services[i].old == c || p->services[i].live == c)
      return true;
  return false;
}

static bool is_one_off(const struct observed_container *c) {
  const char *oneoff = label(c, "com.docker.compose.oneoff");
  return oneoff && strcmp(oneoff, "True") == 0;
}

static int find_removed(struct planner *p, struct err *err) {
  for (size_t i = 0; i < p->observed->machine_count; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    for (size_t k = 0; k < m->container_count; k++) {
      const struct observed_container *c = &m->containers[k];
      if (c->role == CONTAINER_NEW) {
        if (planner_container_step(p, STEP_CONTAINER_REMOVE, PHASE_CLEANUP, m->name, c->service, c, NULL, err) < 0 ||
            planner_warn(p, err, "%s on %s is left from a transaction that nobody remembers; it is removed", c->name,
                         m->name) < 0)
          return -1;
      } else if (c->role == CONTAINER_LIVE && !is_one_off(c) && !is_taken_care_of(p, c) &&
                 add_removed(p, m, c, err) < 0) {
        return -1;
      }
    }
  }
  return 0;
}

/* --- result ------------------------------------------------------------------------------------------------------ */

static int report_service(struct service_work *w, struct plan_service *it, struct err *err) {
  *it = (struct plan_service){
      .name = strdup(w->name),
      .action = w->action,
      .from_machine = w->old ? strdup(w->old_machine) : NULL,
      .to_machine = w->want ? strdup(w->machine) : NULL,
      .changes = w->changes.items,
      .change_count = w->changes.count,
      .start_first = w->start_first,
      .restored = w->parked != NULL,
      .downtime = w->old && w->old->running && w->action != PLAN_KEEP && w->action != PLAN_UPDATE &&
                  w->action != PLAN_START && !w->start_first,
  };
  w->changes = (struct field_changes){0};
  if (w->image && w->image->note && !w->parked) {
    char note[256];
    snprintf(note, sizeof(note), w->image->from ? "%s from %s" : "%s", w->image->note, w->image->from);
    if (!(it->image_note = strdup(note)))
      return err_no_memory(err);
  }
  return it->name && (!w->old || it->from_machine) && (!w->want || it->to_machine) ? 0 : err_no_memory(err);
}

static int by_plan_name(const void *a, const void *b) {
  return strcmp(((const struct plan_service *)a)->name, ((const struct plan_service *)b)->name);
}

static int report(struct planner *p, struct err *err) {
  struct plan *plan = p->plan;
  plan->services = calloc(p->service_count + 1, sizeof(*plan->services));
  if (!plan->services)
    return err_no_memory(err);
  for (size_t i = 0; i < p->service_count; i++)
    if (report_service(&p->services[i], &plan->services[plan->service_count++], err) < 0)
      return -1;
  qsort(plan->services, plan->service_count, sizeof(*plan->services), by_plan_name);
  for (size_t i = 0; i < plan->service_count; i++)
    for (size_t m = 0; plan->services[i].to_machine && m < plan->machine_count; m++)
      plan->machines[m].services += strcmp(plan->machines[m].name, plan->services[i].to_machine) == 0;
  if (!(plan->desired = cJSON_Duplicate(p->desired->doc, true)))
    return err_no_memory(err);
  return 0;
}

static int make_work(struct planner *p, struct err *err) {
  p->images = calloc(p->desired->image_count + 1, sizeof(*p->images));
  p->services = calloc(p->desired->service_count + 1, sizeof(*p->services));
  if (!p->images || !p->services)
    return err_no_memory(err);
  for (size_t i = 0; i < p->desired->service_count; i++) {
    const struct desired_service *want = &p->desired->services[i];
    if (!observed_machine(p->observed, want->machine))
      return err_set(err, ERR_CONFLICT, "%s: machine %s is not in the manifest any more", want->name, want->machine);
    p->services[p->service_count++] = (struct service_work){
        .want = want,
        .name = want->name,
        .machine = want->machine,
        .create = -1,
        .start = -1,
        .ready = -1,
        .entry = -1,
        .old_stop = -1,
    };
  }
  return 0;
}

static int look_back(struct planner *p, struct err *err) {
  const struct plan_options *o = p->options;
  struct rollback *r = &p->plan->rollback;
  if (!o->held || !o->base_revision)
    return 0;
  if (rollback_assess(o->held, p->observed, o->base_revision, r, err) < 0)
    return -1;
  return r->possible ? rollback_estimate_mirrored(p->plan, o->held, o->step_ms, &r->estimate_ms, err) : 0;
}

static int make(struct planner *p, struct err *err) {
  if (planner_begin(p, p->desired->project, err) < 0 || make_work(p, err) < 0 || plan_resources(p, true, err) < 0 ||
      plan_resources(p, false, err) < 0)
    return -1;
  mark_completions(p);
  for (size_t i = 0; i < p->service_count; i++) {
    struct service_work *w = &p->services[i];
    if (decide(p, w, err) < 0)
      return -1;
    bool replaced = w->action == PLAN_CREATE || w->action == PLAN_RECREATE || w->action == PLAN_MOVE;
    if (replaced) {
      struct field_changes shown = w->changes;
      w->changes = (struct field_changes){0};
      int rc = find_parked(w, err);
      field_changes_release(&w->changes);
      w->changes = shown;
      if (rc < 0)
        return -1;
    }
  }
  if (find_removed(p, err) < 0)
    return -1;
  for (size_t i = 0; i < p->service_count; i++)
    if (planner_steps(p, &p->services[i], err) < 0)
      return -1;
  if (order_resources(p, err) < 0 || order_services(p, err) < 0)
    return -1;
  pull_gates_forward(&p->plan->steps);
  if (planner_cleanup(p, err) < 0 || report(p, err) < 0 || look_back(p, err) < 0 ||
      basis_make(p->desired, p->observed, p->options->base_revision, &p->plan->basis, err) < 0)
    return -1;
  return planner_finish(p, err);
}

int plan_make(const struct desired *desired, const struct observed *observed, const struct plan_options *options,
              struct plan **ret_plan, struct err *err) {
  struct planner p = {.desired = desired, .observed = observed, .options = options};
  p.plan = calloc(1, sizeof(*p.plan));
  if (!p.plan)
    return err_no_memory(err);
  int rc = make(&p, err);
  for (size_t i = 0; i < p.service_count; i++)
    drop_differences(&p.services[i]);
  free(p.services);
  free(p.images);
  if (rc < 0) {
    plan_free(p.plan);
    return -1;
  }
  *ret_plan = p.plan;
  return 0;
}

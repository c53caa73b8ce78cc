/* The plans that are not about a desired fleet: down and build; and the cleanup that ends every plan. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/planner.h"
#include "controller/plan/ref.h"

/* False without memory too, errno being ENOMEM then. */
static bool is_hold_of(const char *project, const struct observed_image *image) {
  CLEANUP_FREE char *hold = ref_hold(project, image->id);
  return hold && strcmp(hold, image->ref) == 0;
}

static bool is_kept(const struct planner *p, const char *machine, const char *id) {
  for (size_t i = 0; i < p->options->kept_image_count; i++)
    if (strcmp(p->options->kept_images[i], id) == 0)
      return true;
  for (size_t i = 0; p->images && i < p->desired->image_count; i++)
    if (p->images[i].id && strcmp(p->images[i].id, id) == 0 && strcmp(p->desired->images[i].machine, machine) == 0)
      return true;
  return false;
}

static int release_step(struct planner *p, const char *machine, const struct observed_image *image, struct err *err) {
  return steps_add(&p->plan->steps, STEP_IMAGE_RELEASE, PHASE_CLEANUP, machine, NULL, image->ref, NULL, err) < 0 ? -1
                                                                                                                 : 0;
}

static bool is_restored(const struct planner *p, const struct observed_container *c) {
  for (size_t i = 0; i < p->service_count; i++)
    if (p->services[i].parked == c)
      return true;
  return false;
}

int planner_cleanup(struct planner *p, struct err *err) {
  for (size_t i = 0; i < p->observed->machine_count; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    for (size_t k = 0; k < m->container_count; k++) {
      const struct observed_container *c = &m->containers[k];
      if (c->role == CONTAINER_PARKED && c->role_revision < p->options->keep_parked_from && !is_restored(p, c) &&
          planner_container_step(p, STEP_CONTAINER_REMOVE, PHASE_CLEANUP, m->name, c->service, c, NULL, err) < 0)
        return -1;
    }
    errno = 0;
    for (size_t k = 0; k < m->image_count; k++)
      if (is_hold_of(p->plan->project, &m->images[k]) && !is_kept(p, m->name, m->images[k].id) &&
          release_step(p, m->name, &m->images[k], err) < 0)
        return -1;
    if (errno == ENOMEM)
      return err_no_memory(err);
  }
  return 0;
}

/* --- down -------------------------------------------------------------------------------------------------------- */

static int stop_live(struct planner *p, const struct observed_machine *m, const struct observed_container *c,
                     int *ret_step, struct err *err) {
  const cJSON *timeout = json_at(c->inspect, "Config.StopTimeout");
  cJSON *args = cJSON_CreateObject();
  if (!args || !json_put_int(args, "grace_s", cJSON_IsNumber(timeout) ? timeout->valueint : 10)) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  *ret_step = planner_container_step(p, STEP_CONTAINER_STOP, PHASE_SWITCH, m->name, c->service, c, args, err);
  return *ret_step < 0 ? -1 : 0;
}

/* docker compose's label "db:service_healthy:true,cache:…" names the dependency. */
static bool depends_on(const struct observed_container *c, const char *service) {
  const char *s = json_str(json_at(c->inspect, "Config.Labels"), "com.docker.compose.depends_on", "");
  size_t len = strlen(service);
  for (; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
    if (strncmp(s, service, len) == 0 && (s[len] == ':' || s[len] == ',' || !s[len]))
      return true;
  return false;
}

struct stopped {
  const struct observed_container *container;
  int step;
};

static int report_down(struct planner *p, const struct observed_machine *m, const struct observed_container *c,
                       struct err *err) {
  struct plan_service *items = realloc(p->plan->services, (p->plan->service_count + 1) * sizeof(*items));
  if (!items)
    return err_no_memory(err);
  p->plan->services = items;
  struct plan_service *it = &items[p->plan->service_count++];
  *it = (struct plan_service){.action = PLAN_REMOVE, .downtime = c->running};
  it->name = strdup(c->service);
  it->from_machine = strdup(m->name);
  return it->name && it->from_machine ? 0 : err_no_memory(err);
}

static int down_containers(struct planner *p, struct stopped *stopped, size_t *count, struct err *err) {
  for (size_t i = 0; i < p->observed->machine_count; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    for (size_t k = 0; k < m->container_count; k++) {
      const struct observed_container *c = &m->containers[k];
      if (c->role == CONTAINER_LIVE && report_down(p, m, c, err) < 0)
        return -1;
      if (c->running || strcmp(c->state, "restarting") == 0 || strcmp(c->state, "paused") == 0) {
        stopped[*count].container = c;
        if (stop_live(p, m, c, &stopped[(*count)++].step, err) < 0)
          return -1;
      }
      if (planner_container_step(p, STEP_CONTAINER_REMOVE, PHASE_CLEANUP, m->name, c->service, c, NULL, err) < 0)
        return -1;
    }
  }
  return 0;
}

/* Networks and volumes go after the containers of their machine. */
static int down_resource(struct planner *p, const struct observed_machine *m, const struct observed_resource *r,
                         enum step_kind kind, struct err *err) {
  if (!r->project || strcmp(r->project, p->plan->project) != 0)
    return 0;
  cJSON *args = cJSON_CreateObject();
  if (!args || (r->id && !json_put_str(args, "id", r->id))) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  struct steps *s = &p->plan->steps;
  int step = steps_add(s, kind, PHASE_CLEANUP, m->name, NULL, r->name, args, err);
  for (size_t i = 0; step >= 0 && i < s->count; i++)
    if (s->items[i].kind == STEP_CONTAINER_REMOVE && strcmp(s->items[i].machine, m->name) == 0 &&
        steps_order(s, step, (int)i, err) < 0)
      return -1;
  return step < 0 ? -1 : 0;
}

static int down_rest(struct planner *p, struct err *err) {
  for (size_t i = 0; i < p->observed->machine_count; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    for (size_t k = 0; k < m->network_count; k++)
      if (down_resource(p, m, &m->networks[k], STEP_NETWORK_REMOVE, err) < 0)
        return -1;
    for (size_t k = 0; p->options->remove_volumes && k < m->volume_count; k++)
      if (down_resource(p, m, &m->volumes[k], STEP_VOLUME_REMOVE, err) < 0)
        return -1;
    errno = 0;
    for (size_t k = 0; k < m->image_count; k++) {
      if (!is_hold_of(p->plan->project, &m->images[k]))
        continue;
      int at = (int)p->plan->steps.count;
      if (release_step(p, m->name, &m->images[k], err) < 0)
        return -1;
      for (int s = 0; s < at; s++)
        if (p->plan->steps.items[s].kind == STEP_CONTAINER_REMOVE && steps_order(&p->plan->steps, at, s, err) < 0)
          return -1;
    }
    if (errno == ENOMEM)
      return err_no_memory(err);
  }
  return 0;
}

static int down(struct planner *p, struct err *err) {
  size_t total = 0, count = 0;
  for (size_t i = 0; i < p->observed->machine_count; i++)
    total += p->observed->machines[i].container_count;
  CLEANUP_FREE struct stopped *stopped = calloc(total + 1, sizeof(*stopped));
  if (!stopped)
    return err_no_memory(err);
  if (planner_begin(p, p->plan->project, err) < 0 || down_containers(p, stopped, &count, err) < 0)
    return -1;
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < count; k++)
      if (i != k && depends_on(stopped[k].container, stopped[i].container->service) &&
          !depends_on(stopped[i].container, stopped[k].container->service) &&
          steps_order(&p->plan->steps, stopped[i].step, stopped[k].step, err) < 0)
        return -1;
  if (down_rest(p, err) < 0)
    return -1;
  return planner_finish(p, err);
}

static int run_planner(struct planner *p, int (*make)(struct planner *, struct err *), const char *project,
                       struct plan **ret_plan, struct err *err) {
  p->plan = calloc(1, sizeof(*p->plan));
  if (!p->plan || !(p->plan->project = strdup(project))) {
    free(p->plan);
    return err_no_memory(err);
  }
  int rc = make(p, err);
  free(p->images);
  if (rc < 0) {
    plan_free(p->plan);
    return -1;
  }
  *ret_plan = p->plan;
  return 0;
}

int plan_down(const char *project, const struct observed *observed, const struct plan_options *options,
              struct plan **ret_plan, struct err *err) {
  struct planner p = {.observed = observed, .options = options};
  return run_planner(&p, down, project, ret_plan, err);
}

/* --- build ------------------------------------------------------------------------------------------------------- */


static bool is_chosen(const struct desired_image *image, const char *const *names, size_t count) {
  bool all = names == NULL;
  for (size_t i = 0; i < count; i++)
    all = all || (image->tier && strcmp(names[i], image->tier) == 0) ||
          (image->service && strcmp(names[i], image->service) == 0);
  return all;
}

int plan_build(const struct desired *desired, const struct observed *observed, const char *const *names, size_t count,
               const struct plan_options *options, struct plan **ret_plan, struct err *err) {
  struct planner p = {.desired = desired, .observed = observed, .options = options};
  p.plan = calloc(1, sizeof(*p.plan));
  p.images = calloc(desired->image_count + 1, sizeof(*p.images));
  int rc = p.plan && p.images ? planner_begin(&p, desired->project, err) : err_no_memory(err);
  for (size_t i = 0; rc == 0 && i < desired->image_count; i++)
    if (desired->images[i].build && is_chosen(&desired->images[i], names, count))
      rc = planner_image(&p, i, err);
  if (rc == 0 && !(p.plan->desired = cJSON_Duplicate(desired->doc, true)))
    rc = err_no_memory(err);
  if (rc == 0)
    rc = planner_finish(&p, err);
  free(p.images);
  if (rc < 0) {
    plan_free(p.plan);
    return -1;
  }
  *ret_plan = p.plan;
  return 0;
}

/* Plans: of apply, rollback, relocate, down and build. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/daemon/session_private.h"
#include "controller/deploy/context.h"

/* Reads each context once per session. */
static int digest(void *arg, const struct build *build, char ret_hex[65], struct err *err) {
  struct session *s = arg;
  char *key = NULL;
  if (asprintf(&key, "%s\n%s", build->context, build->dockerfile_inline ? "" : build->dockerfile) < 0)
    return err_no_memory(err);
  CLEANUP_FREE char *owned = key;
  if (!s->digests && !(s->digests = cJSON_CreateObject()))
    return err_no_memory(err);
  const char *known = json_str(s->digests, key, NULL);
  if (!known) {
    if (context_digest(build->context, build->dockerfile, ret_hex, err) < 0)
      return -1;
    return json_put_str(s->digests, owned, ret_hex) ? 0 : err_no_memory(err);
  }
  memcpy(ret_hex, known, 65);
  return 0;
}

/* Kept is what can be gone back to: the newest `retain` committed revisions that left a fleet. */
static bool is_kept(const struct revision *r) {
  return r->outcome == REVISION_COMMITTED && strcmp(r->kind, "down") != 0;
}

int session_oldest_kept(struct session *s, int retain, int64_t *ret_number, struct err *err) {
  struct revision_list list = {0};
  if (state_revisions(s->state, s->fleet->name, &list, err) < 0)
    return -1;
  *ret_number = 0;
  for (size_t i = 0; i < list.count && retain > 0; i++) {
    if (!is_kept(&list.items[i]))
      continue;
    *ret_number = list.items[i].number;
    retain--;
  }
  revision_list_release(&list);
  return 0;
}

/* The image IDs that kept revisions need: their tags stay. */
static int collect_kept(struct session *s, int retain, struct strv *kept, struct err *err) {
  struct revision_list list = {0};
  int64_t oldest;
  if (session_oldest_kept(s, retain, &oldest, err) < 0 || state_revisions(s->state, s->fleet->name, &list, err) < 0)
    return -1;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < list.count && list.items[i].number >= oldest; i++) {
    struct desired *d = NULL;
    if (!is_kept(&list.items[i]))
      continue;
    rc = session_desired_of(s, list.items[i].number, &d, err);
    for (size_t k = 0; rc == 0 && d && k < d->image_count; k++)
      if (d->images[k].id)
        rc = strv_add_once(kept, d->images[k].id, err);
    desired_free(d);
  }
  revision_list_release(&list);
  return rc;
}

/* What the engines hold when the state knows nothing of it (its folder is lost, or is another operator's). */
static int64_t observed_revision(const struct observed *o) {
  int64_t newest = 0;
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++)
      if (o->machines[i].containers[k].revision > newest)
        newest = o->machines[i].containers[k].revision;
  return newest;
}

static int plan_once(struct session *s, const char *kind, const struct desired *desired, bool no_build, int parallelism,
                     struct plan **ret_plan, struct err *err) {
  const struct observed *observed;
  CLEANUP_STRV struct strv kept = STRV_INIT;
  struct plan_options options = {.kind = kind, .no_build = no_build, .parallelism = parallelism};
  if (session_current(s, &options.base_revision, err) < 0 || session_observe(s, &observed, err) < 0 ||
      collect_kept(s, desired->retain, &kept, err) < 0)
    return -1;
  if (!options.base_revision)
    options.base_revision = observed_revision(observed);
  options.keep_parked_from = options.base_revision;
  options.kept_images = (const char *const *)kept.items;
  options.kept_image_count = kept.count;
  struct desired *held = NULL;
  CLEANUP_JSON cJSON *step_ms = NULL;
  if (state_step_ms(s->state, s->fleet->name, &step_ms, err) < 0 ||
      session_desired_of(s, options.base_revision, &held, err) < 0)
    return -1;
  options.held = held;
  options.step_ms = step_ms;
  struct plan *plan = NULL;
  int rc = plan_make(desired, observed, &options, &plan, err);
  if (rc == 0)
    rc = session_find_lost(s, &plan->warnings, err);
  desired_free(held);
  if (rc < 0) {
    plan_free(plan);
    return -1;
  }
  *ret_plan = plan;
  return 0;
}

/* A plan that will be carried out is made under the lock; one that changes nothing needs none. */
static bool needs_lock(const struct session *s, const struct plan *plan) {
  return s->writable && !s->lock && !plan_is_empty(plan);
}

static int make_plan(struct session *s, const char *kind, const struct desired *desired, bool no_build, int parallelism,
                     struct plan **ret_plan, struct err *err) {
  struct plan *plan = NULL;
  if ((s->writable && session_recover_first(s, err) < 0) ||
      plan_once(s, kind, desired, no_build, parallelism, &plan, err) < 0)
    return -1;
  if (needs_lock(s, plan)) {
    plan_free(plan);
    if (session_lock(s, err) < 0 || session_check_records(s, err) < 0 ||
        plan_once(s, kind, desired, no_build, parallelism, &plan, err) < 0)
      return -1;
  }
  log_emit(s->options.log, LOG_PLAN_READY, LOG_FIELDS(.project = s->fleet->name, .total = (int64_t)plan->steps.count),
           "%zu steps", plan->steps.count);
  *ret_plan = plan;
  return 0;
}

/* The fleet as desired state, relocations noted in it. */
static int desired_now(struct session *s, struct desired **ret_desired, struct err *err) {
  const struct fleet *fleet;
  if (session_fleet(s, &fleet, err) < 0 || (!s->checked && fleet_check(fleet, err) < 0))
    return -1;
  s->checked = true;
  if (desired_from_fleet(fleet, digest, s, ret_desired, err) < 0)
    return -1;
  cJSON *placements = cJSON_Duplicate(s->placements, true);
  if (placements && json_put((*ret_desired)->doc, "placements", placements))
    return 0;
  desired_free(*ret_desired);
  return err_no_memory(err);
}

static int check_services(const struct desired *next, const struct desired *now, const char *const *services,
                          size_t count, struct err *err) {
  for (size_t i = 0; i < count; i++)
    if (!desired_service(next, services[i]) && !(now && desired_service(now, services[i])))
      return err_set(err, ERR_INPUT, "there is no service %s in the files", services[i]);
  return 0;
}

static int select_services(struct session *s, struct desired **desired, const char *const *services, size_t count,
                           struct err *err) {
  struct desired *now = NULL, *chosen = NULL;
  int64_t current;
  if (session_current(s, &current, err) < 0 || session_desired_of(s, current, &now, err) < 0)
    return -1;
  int rc = check_services(*desired, now, services, count, err);
  if (rc == 0)
    rc = desired_select(*desired, now, services, count, &chosen, err);
  desired_free(now);
  if (rc < 0)
    return -1;
  desired_free(*desired);
  *desired = chosen;
  return 0;
}

int session_plan_apply(struct session *s, const char *const *services, size_t count, bool no_build, int parallelism,
                       struct plan **ret_plan, struct err *err) {
  struct desired *desired = NULL;
  if (desired_now(s, &desired, err) < 0)
    return -1;
  int rc = count ? select_services(s, &desired, services, count, err) : 0;
  if (rc == 0)
    rc = make_plan(s, "apply", desired, no_build, parallelism, ret_plan, err);
  desired_free(desired);
  return rc;
}

int session_plan_rollback(struct session *s, int64_t revision, struct plan **ret_plan, int64_t *ret_target,
                          struct err *err) {
  struct desired *desired = NULL;
  int64_t current, target = revision;
  if (session_current(s, &current, err) < 0)
    return -1;
  if (!target && state_previous(s->state, s->fleet->name, current, &target, err) < 0)
    return -1;
  if (!target)
    return err_set(err, ERR_CONFLICT, "there is no committed revision before revision %lld to go back to",
                   (long long)current);
  if (session_desired_of(s, target, &desired, err) < 0)
    return -1;
  if (!desired)
    return err_set(err, ERR_CONFLICT, "revision %lld is not there, or is no longer kept (see tandem history)",
                   (long long)target);
  int rc = make_plan(s, "rollback", desired, false, 0, ret_plan, err);
  desired_free(desired);
  *ret_target = target;
  return rc;
}

/* Puts the service's new place in front of what the manifest says. */
static int relocate_placement(struct session *s, const char *service, const char *machine, struct err *err) {
  const struct fleet *fleet = s->fleet;
  const struct service *it = fleet_service(fleet, service);
  if (!it)
    return err_set(err, ERR_INPUT, "there is no service %s in the files", service);
  if (!fleet_machine(fleet, machine))
    return err_set(err, ERR_INPUT, "there is no machine %s under x-tandem.machines", machine);
  const char *says = it->machine < fleet->machine_count ? fleet->machines[it->machine].name : "";
  cJSON *p;
  for (int i = cJSON_GetArraySize(s->placements) - 1; i >= 0; i--) {
    p = cJSON_GetArrayItem(s->placements, i);
    if (strcmp(json_str(p, "service", ""), service) == 0) {
      cJSON *old = cJSON_DetachItemViaPointer(s->placements, p);
      struct fleet *plain = NULL; /* what the manifest itself says is not in the placed fleet */
      int rc = manifest_load(&s->options.manifest, &plain, err);
      const struct service *own = rc == 0 ? fleet_service(plain, service) : NULL;
      if (rc == 0 && own && own->machine < plain->machine_count)
        says = fleet_machine(fleet, plain->machines[own->machine].name)->name;
      fleet_free(plain);
      cJSON_Delete(old);
      if (rc < 0)
        return -1;
    }
  }
  if (strcmp(says, machine) == 0)
    return 0;
  p = cJSON_CreateObject();
  if (json_put_str(p, "service", service) && json_put_str(p, "machine", machine) &&
      json_put_str(p, "manifest_machine", says) && cJSON_AddItemToArray(s->placements, p))
    return 0;
  cJSON_Delete(p);
  return err_no_memory(err);
}

static int reload_placed(struct session *s, struct err *err) {
  struct fleet *placed = NULL;
  if (session_load_placed(s, &placed, err) < 0)
    return -1;
  fleet_free(s->fleet);
  s->fleet = placed;
  s->checked = false;
  return 0;
}

/* A move concerns these; other changes in the files wait for an apply. */
static int service_and_callers(const struct fleet *fleet, const char *service, struct strv *names, struct err *err) {
  if (strv_add(names, service, err) < 0)
    return -1;
  for (size_t i = 0; i < fleet->service_count; i++)
    for (size_t k = 0; k < fleet->services[i].dependency_count; k++)
      if (strcmp(fleet->services[i].dependencies[k].service, service) == 0 &&
          strv_add_once(names, fleet->services[i].name, err) < 0)
        return -1;
  return 0;
}

int session_plan_relocate(struct session *s, const char *service, const char *machine, struct plan **ret_plan,
                          struct err *err) {
  const struct fleet *fleet;
  struct desired *desired = NULL;
  CLEANUP_STRV struct strv names = STRV_INIT;
  if (session_fleet(s, &fleet, err) < 0 || relocate_placement(s, service, machine, err) < 0 ||
      reload_placed(s, err) < 0 || desired_now(s, &desired, err) < 0)
    return -1;
  int rc = service_and_callers(s->fleet, service, &names, err);
  if (rc == 0)
    rc = select_services(s, &desired, (const char *const *)names.items, names.count, err);
  if (rc == 0)
    rc = make_plan(s, "relocate", desired, false, 0, ret_plan, err);
  desired_free(desired);
  return rc;
}

int session_plan_down(struct session *s, bool volumes, struct plan **ret_plan, struct err *err) {
  const struct observed *observed;
  struct plan_options options = {.kind = "down", .remove_volumes = volumes};
  const struct fleet *fleet;
  if (session_fleet(s, &fleet, err) < 0 || (s->writable && session_recover_first(s, err) < 0) ||
      session_current(s, &options.base_revision, err) < 0 || session_observe(s, &observed, err) < 0)
    return -1;
  if (plan_down(s->fleet->name, observed, &options, ret_plan, err) < 0)
    return -1;
  if (!needs_lock(s, *ret_plan))
    return 0;
  plan_free(*ret_plan);
  *ret_plan = NULL;
  if (session_lock(s, err) < 0 || session_check_records(s, err) < 0 || session_observe(s, &observed, err) < 0)
    return -1;
  return plan_down(s->fleet->name, observed, &options, ret_plan, err);
}

int session_plan_build(struct session *s, const char *const *names, size_t count, struct plan **ret_plan,
                       struct err *err) {
  const struct observed *observed;
  struct desired *desired = NULL;
  struct plan_options options = {.kind = "build"};
  if (desired_now(s, &desired, err) < 0)
    return -1;
  int rc = session_current(s, &options.base_revision, err);
  if (rc == 0)
    rc = session_observe(s, &observed, err);
  if (rc == 0)
    rc = plan_build(desired, observed, count ? names : NULL, count, &options, ret_plan, err);
  desired_free(desired);
  return rc;
}

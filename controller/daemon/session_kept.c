/* What kept revisions need: whether it is still on the engines, and so what going back to each of them takes. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/daemon/session_private.h"
#include "controller/plan/ref.h"

static int warn(struct strv *warnings, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
static int warn(struct strv *warnings, struct err *err, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  return strv_add_once(warnings, text, err);
}

/* --- parked containers ------------------------------------------------------------------------------------------- */

static bool has_container(const struct observed_machine *m, const char *id) {
  for (size_t i = 0; i < m->container_count; i++)
    if (strcmp(m->containers[i].id, id) == 0)
      return true;
  return false;
}

/* The holding revision's own steps say what it has parked: it renamed it to NAME.rBASE. */
static int find_lost_parked(const struct observed *o, const struct revision *r, struct strv *warnings,
                            struct err *err) {
  struct steps steps = {0};
  char suffix[32];
  int rc = r->plan ? steps_from_json(r->plan, &steps, err) : 0;
  size_t suffix_len = (size_t)snprintf(suffix, sizeof(suffix), ".r%lld", (long long)r->base);
  for (size_t i = 0; rc == 0 && i < steps.count; i++) {
    const struct step *s = &steps.items[i];
    const char *to = json_str(s->args, "to", "");
    const struct observed_machine *m = observed_machine(o, s->machine);
    size_t len = strlen(to);
    bool parks = s->kind == STEP_CONTAINER_RENAME && s->container && len > suffix_len &&
                 strcmp(to + len - suffix_len, suffix) == 0;
    if (parks && m && !has_container(m, s->container))
      rc = warn(warnings, err,
                "parked container %s (revision %lld) is gone from %s (docker container prune?): going back to %lld "
                "re-creates it",
                to, (long long)r->base, s->machine, (long long)r->base);
  }
  steps_release(&steps);
  return rc;
}

/* --- pinned images ----------------------------------------------------------------------------------------------- */

static const char *machine_with(const struct observed *o, const char *id) {
  for (size_t i = 0; i < o->machine_count; i++)
    if (observed_image_by_id(&o->machines[i], id))
      return o->machines[i].name;
  return NULL;
}

static int check_image(const struct observed *o, const char *project, int64_t revision,
                       const struct desired_image *image, struct strv *warnings, struct err *err) {
  const struct observed_machine *m = observed_machine(o, image->machine);
  long long n = (long long)revision;
  if (!m)
    return 0;
  if (!observed_image_by_id(m, image->id)) {
    const char *other = machine_with(o, image->id);
    if (other)
      return warn(warnings, err, "image %s of revision %lld is gone from %s: going back to %lld copies it from %s",
                  image->ref, n, m->name, n, other);
    return warn(warnings, err, "image %s of revision %lld is gone from %s: going back to %lld needs a %s", image->ref,
                n, m->name, n, image->build ? "build" : "pull");
  }
  CLEANUP_FREE char *hold = ref_hold(project, image->id);
  if (!hold)
    return err_no_memory(err);
  if (observed_image(m, hold))
    return 0;
  return warn(warnings, err, "image %s of revision %lld is no longer held on %s (%s is gone): a prune can take it",
              image->ref, n, m->name, hold);
}

static int check_images(struct session *s, int64_t revision, struct strv *warnings, struct err *err) {
  struct desired *d = NULL;
  int rc = session_desired_of(s, revision, &d, err);
  for (size_t i = 0; rc == 0 && d && i < d->service_count; i++) {
    const struct desired_image *image = desired_image(d, d->services[i].machine, d->services[i].image);
    if (image && image->id)
      rc = check_image(s->observed, s->fleet->name, revision, image, warnings, err);
  }
  desired_free(d);
  return rc;
}

/* --- all kept revisions ------------------------------------------------------------------------------------------ */

static int find_kept(struct session *s, struct revision_list *list, int64_t *ret_oldest, int64_t *ret_current,
                     struct err *err) {
  struct desired *held = NULL;
  if (session_current(s, ret_current, err) < 0 || session_desired_of(s, *ret_current, &held, err) < 0)
    return -1;
  int retain = held ? held->retain : s->fleet->update.retain;
  desired_free(held);
  return session_oldest_kept(s, retain, ret_oldest, err) < 0 || state_revisions(s->state, s->fleet->name, list, err) < 0
             ? -1
             : 0;
}

static bool can_go_back_to(const struct revision *r, int64_t oldest) {
  return r->outcome == REVISION_COMMITTED && strcmp(r->kind, "down") != 0 && r->number >= oldest;
}

int session_find_lost(struct session *s, struct strv *warnings, struct err *err) {
  CLEANUP(revision_list_release) struct revision_list list = {0};
  CLEANUP(revision_release) struct revision holding = {0};
  int64_t oldest, current;
  if (find_kept(s, &list, &oldest, &current, err) < 0)
    return -1;
  if (!current)
    return 0;
  if (state_revision(s->state, s->fleet->name, current, &holding, err) < 0)
    return -1;
  if (!holding.desired)
    return 0; /* a down has taken everything */
  if (find_lost_parked(s->observed, &holding, warnings, err) < 0)
    return -1;
  for (size_t i = 0; i < list.count; i++)
    if (can_go_back_to(&list.items[i], oldest) && check_images(s, list.items[i].number, warnings, err) < 0)
      return -1;
  return 0;
}

/* --- history ----------------------------------------------------------------------------------------------------- */

void way_back_list_release(struct way_back_list *list) {
  for (size_t i = 0; i < list->count; i++)
    rollback_release(&list->items[i].rollback);
  free(list->items);
  strv_release(&list->warnings);
  *list = (struct way_back_list){0};
}

static bool creates(const struct plan *plan) {
  for (size_t i = 0; i < plan->steps.count; i++)
    if (plan->steps.items[i].kind == STEP_CONTAINER_CREATE)
      return true;
  return false;
}

static int look_back(struct session *s, int64_t current, const cJSON *step_ms, struct way_back *w, struct err *err) {
  struct desired *target = NULL;
  struct plan *plan = NULL;
  struct plan_options options = {.kind = "rollback", .base_revision = current, .keep_parked_from = current};
  int rc = session_desired_of(s, w->revision, &target, err);
  if (rc < 0 || !target)
    return rc;
  rc = rollback_assess(target, s->observed, w->revision, &w->rollback, err);
  if (rc == 0 && w->rollback.possible) {
    CLEANUP_ERR struct err why = ERR_INIT;
    if (plan_make(target, s->observed, &options, &plan, &why) == 0) {
      w->recreates = creates(plan);
      rc = rollback_estimate(&plan->steps, plan->parallelism, step_ms, &w->rollback.estimate_ms, err);
    } else {
      w->rollback.possible = false;
      rc = strv_add(&w->rollback.needs, err_text(&why), err);
    }
  }
  w->known = rc == 0;
  plan_free(plan);
  desired_free(target);
  return rc;
}

static int look_back_to_all(struct session *s, struct way_back_list *list, int64_t current, struct err *err) {
  CLEANUP_JSON cJSON *step_ms = NULL;
  CLEANUP_ERR struct err unreachable = ERR_INIT;
  const struct observed *observed;
  if (session_observe(s, &observed, &unreachable) < 0)
    return 0; /* the history is told all the same */
  if (state_step_ms(s->state, s->fleet->name, &step_ms, err) < 0)
    return -1;
  for (size_t i = 0; i < list->count; i++)
    if (look_back(s, current, step_ms, &list->items[i], err) < 0)
      return -1;
  return session_find_lost(s, &list->warnings, err);
}

int session_ways_back(struct session *s, struct way_back_list *ret_list, struct err *err) {
  CLEANUP(revision_list_release) struct revision_list revisions = {0};
  struct way_back_list list = {0};
  int64_t oldest, current;
  if (find_kept(s, &revisions, &oldest, &current, err) < 0)
    return -1;
  list.items = calloc(revisions.count + 1, sizeof(*list.items));
  if (!list.items)
    return err_no_memory(err);
  for (size_t i = 0; i < revisions.count; i++)
    if (can_go_back_to(&revisions.items[i], oldest) && revisions.items[i].number != current)
      list.items[list.count++] = (struct way_back){.revision = revisions.items[i].number};
  if ((current || list.count) && look_back_to_all(s, &list, current, err) < 0) {
    way_back_list_release(&list);
    return -1;
  }
  *ret_list = list;
  return 0;
}

/* Images: is it there, and if not, how does it get there. */
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/planner.h"
#include "controller/plan/ref.h"

static int note_image(struct planner *p, const struct desired_image *want, const char *how, struct err *err) {
  struct plan_image *items = realloc(p->plan->images, (p->plan->image_count + 1) * sizeof(*items));
  if (!items)
    return err_no_memory(err);
  p->plan->images = items;
  struct plan_image *it = &items[p->plan->image_count++];
  *it = (struct plan_image){.machine = strdup(want->machine), .ref = strdup(want->ref), .how = strdup(how)};
  it->tier = want->tier != NULL;
  return it->machine && it->ref && it->how ? 0 : err_no_memory(err);
}

/* The tag's present owner goes into the arguments, so that undo can give the tag back. */
static int image_step(struct planner *p, const struct desired_image *want, struct image_work *work, enum step_kind kind,
                      const char *note, const char *arg, const char *value, struct err *err) {
  const struct observed_machine *m = observed_machine(p->observed, want->machine);
  const struct observed_image *have = observed_image(m, want->ref);
  cJSON *args = cJSON_CreateObject();
  if (!args || (have && !json_put_str(args, "previous", have->id)) || (arg && !json_put_str(args, arg, value))) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  work->note = note;
  work->step = steps_add(&p->plan->steps, kind, PHASE_PREPARE, want->machine, want->service, want->ref, args, err);
  return work->step < 0 ? -1 : note_image(p, want, note, err);
}

/* Another machine that holds this very image: by ID, or by ref with the same build hash. */
static const struct observed_image *find_elsewhere(const struct planner *p, const struct desired_image *want,
                                                   const char **ret_machine) {
  for (size_t i = 0; i < p->observed->machine_count; i++) {
    const struct observed_machine *m = &p->observed->machines[i];
    if (strcmp(m->name, want->machine) == 0)
      continue;
    const struct observed_image *it = want->id ? observed_image_by_id(m, want->id) : observed_image(m, want->ref);
    if (!it || (!want->id && want->build_hash && (!it->build_hash || strcmp(it->build_hash, want->build_hash) != 0)))
      continue;
    *ret_machine = m->name;
    return it;
  }
  return NULL;
}

static int copy_step(struct planner *p, const struct desired_image *want, struct image_work *work,
                     const struct observed_image *source, const char *from, struct err *err) {
  work->id = source->id;
  work->from = from;
  if (image_step(p, want, work, STEP_IMAGE_COPY, "copy", "from", from, err) < 0)
    return -1;
  return json_put_str(p->plan->steps.items[work->step].args, "id", source->id) ? 0 : err_no_memory(err);
}

/* A stored revision names the very image ID. */
static int image_of_revision(struct planner *p, const struct desired_image *want, struct image_work *work,
                             const struct observed_image *have, struct err *err) {
  const struct observed_machine *m = observed_machine(p->observed, want->machine);
  if (have && strcmp(have->id, want->id) == 0) {
    work->id = have->id;
    return 0;
  }
  if (observed_image_by_id(m, want->id)) {
    work->id = want->id;
    return image_step(p, want, work, STEP_IMAGE_TAG, "tag", "id", want->id, err);
  }
  const char *from = NULL;
  const struct observed_image *source = find_elsewhere(p, want, &from);
  if (source)
    return copy_step(p, want, work, source, from, err);
  return err_set(err, ERR_CONFLICT,
                 "%s: image %s (%.19s…) of that revision is gone from %s and from every other machine: only a build "
                 "from the files of that time (apply) brings it back",
                 want->service ? want->service : want->ref, want->ref, want->id, want->machine);
}

static int build_step(struct planner *p, const struct desired_image *want, struct image_work *work, struct err *err) {
  if (p->options->no_build)
    return err_set(err, ERR_CONFLICT, "%s on %s: image %s needs a build, and --no-build was given",
                   want->service ? want->service : want->tier, want->machine, want->ref);
  int base_step = -1;
  for (size_t i = 0; want->base && i < p->desired->image_count; i++) {
    const struct desired_image *base = &p->desired->images[i];
    if (strcmp(base->ref, want->base) != 0 || strcmp(base->machine, want->machine) != 0)
      continue;
    if (planner_image(p, i, err) < 0)
      return -1;
    base_step = p->images[i].step;
  }
  if (image_step(p, want, work, STEP_IMAGE_BUILD, "build", NULL, NULL, err) < 0)
    return -1;
  return steps_order(&p->plan->steps, work->step, base_step, err);
}

static bool same_hash(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What the holding revision ran that reference with: on that machine, else on any. NULL: it had none. */
static const struct desired_image *held_image(const struct planner *p, const struct desired_image *want) {
  const struct desired *held = p->options->held;
  const struct desired_image *same = held ? desired_image(held, want->machine, want->ref) : NULL;
  for (size_t i = 0; held && !same && i < held->image_count; i++)
    if (strcmp(held->images[i].ref, want->ref) == 0)
      same = &held->images[i];
  return same && same->id ? same : NULL;
}

/* The very image of the holding revision, as long as the files ask for the same: a tag that somebody has moved by hand
 * decides nothing. 1 done, 0 it is nowhere, -1. */
static int keep_image(struct planner *p, const struct desired_image *want, struct image_work *work,
                      const struct observed_image *have, const char *id, struct err *err) {
  if (have && strcmp(have->id, id) == 0) {
    work->id = have->id;
    return 1;
  }
  const struct observed_image *here = observed_image_by_id(observed_machine(p->observed, want->machine), id);
  if (here) {
    work->id = here->id;
    return image_step(p, want, work, STEP_IMAGE_TAG, "tag", "id", id, err) < 0 ? -1 : 1;
  }
  struct desired_image very = *want;
  very.id = id;
  const char *from = NULL;
  const struct observed_image *source = find_elsewhere(p, &very, &from);
  if (!source)
    return 0;
  return copy_step(p, want, work, source, from, err) < 0 ? -1 : 1;
}

/* May the image that has the tag be deployed? Not one that somebody has put there by hand. */
static bool is_good(const struct desired_image *want, const struct observed_image *have,
                    const struct desired_image *held, const char *policy) {
  bool foreign = held && strcmp(held->id, have->id) != 0;
  if (!want->build_hash)
    return !foreign && strcmp(policy, "always") != 0;
  if (!have->build_hash) /* one that tandem did not build stays until somebody asks for a build */
    return !foreign;
  return strcmp(have->build_hash, want->build_hash) == 0;
}

static int get_image(struct planner *p, const struct desired_image *want, struct image_work *work,
                     const struct observed_image *have, struct err *err) {
  const char *policy = want->pull_policy ? want->pull_policy : "missing";
  const struct desired_image *held = held_image(p, want);
  if (held && same_hash(held->build_hash, want->build_hash) && strcmp(policy, "always") != 0) {
    int rc = keep_image(p, want, work, have, held->id, err);
    if (rc)
      return rc < 0 ? -1 : 0;
  }
  if (have && is_good(want, have, held, policy)) {
    work->id = have->id;
    return 0;
  }
  const char *from = NULL;
  const struct observed_image *source = find_elsewhere(p, want, &from);
  if (source && (want->build_hash || (!have && !held)))
    return copy_step(p, want, work, source, from, err);
  if (want->build)
    return build_step(p, want, work, err);
  if (strcmp(policy, "never") == 0)
    return err_set(err, ERR_CONFLICT, "%s: image %s is not on %s, and its pull_policy is never", want->service,
                   want->ref, want->machine);
  return image_step(p, want, work, STEP_IMAGE_PULL, "pull", NULL, NULL, err);
}

/* tandem's own tag, so that a prune between two revisions cannot take the image. */
static int hold_step(struct planner *p, const struct desired_image *want, struct image_work *work, struct err *err) {
  if (work->id) {
    CLEANUP_FREE char *hold = ref_hold(p->desired->project, work->id);
    if (!hold)
      return err_no_memory(err);
    const struct observed_image *held = observed_image(observed_machine(p->observed, want->machine), hold);
    if (held && strcmp(held->id, work->id) == 0)
      return 0;
  }
  int step =
      steps_add(&p->plan->steps, STEP_IMAGE_HOLD, PHASE_PREPARE, want->machine, want->service, want->ref, NULL, err);
  if (step < 0 || steps_order(&p->plan->steps, step, work->step, err) < 0)
    return -1;
  work->step = step;
  return 0;
}

int planner_image(struct planner *p, size_t index, struct err *err) {
  const struct desired_image *want = &p->desired->images[index];
  struct image_work *work = &p->images[index];
  if (work->decided)
    return 0;
  *work = (struct image_work){.decided = true, .step = -1};
  const struct observed_machine *m = observed_machine(p->observed, want->machine);
  if (!m)
    return err_set(err, ERR_CONFLICT, "machine %s is not in the manifest any more", want->machine);
  const struct observed_image *have = observed_image(m, want->ref);
  if ((want->id ? image_of_revision(p, want, work, have, err) : get_image(p, want, work, have, err)) < 0)
    return -1;
  return want->tier ? 0 : hold_step(p, want, work, err);
}

#include "controller/daemon/session_private.h"

#include <string.h>

#include "api/base/json.h"
#include "controller/observe/observe.h"

int session_new(const struct session_options *options, struct session **ret_session, struct err *err) {
  struct session *s = calloc(1, sizeof(*s));
  if (!s)
    return err_no_memory(err);
  s->options = *options;
  int rc = uv_loop_init(&s->loop);
  if (rc < 0) {
    free(s);
    return err_set(err, ERR_INTERNAL, "event loop: %s", uv_strerror(rc));
  }
  s->loop_open = true;
  *ret_session = s;
  return 0;
}

void session_await(struct session *s, const bool *flag) {
  while (!*flag && uv_run(&s->loop, UV_RUN_ONCE))
    ;
}

static void set_flag(void *arg) {
  *(bool *)arg = true;
}

void session_free(struct session *s) {
  if (!s)
    return;
  session_unlock(s);
  err_release(&s->lock_lost);
  if (s->engines_begun) {
    bool closed = false;
    machines_close(&s->machines, set_flag, &closed);
    session_await(s, &closed);
  }
  observed_free(s->observed);
  state_close(s->state);
  fleet_free(s->fleet);
  cJSON_Delete(s->placements);
  cJSON_Delete(s->digests);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  uv_loop_close(&s->loop);
  free(s);
}

/* --- the manifest, and where relocations have put services ------------------------------------------------------- */

/* A relocation holds as long as the manifest says what it said then. */
static bool still_holds(const struct fleet *fleet, const cJSON *placement) {
  const struct service *service = fleet_service(fleet, json_str(placement, "service", ""));
  if (!service || !fleet_machine(fleet, json_str(placement, "machine", "")))
    return false;
  const char *says = service->machine < fleet->machine_count ? fleet->machines[service->machine].name : "";
  return strcmp(says, json_str(placement, "manifest_machine", "")) == 0;
}

static int read_placements(struct session *s, const struct fleet *fleet, struct err *err) {
  CLEANUP_JSON cJSON *holding = cJSON_CreateArray();
  struct desired *current = NULL;
  int64_t number = 0;
  struct state *state;
  if (!holding)
    return err_no_memory(err);
  if (session_state(s, false, &state, err) < 0 || state_current(state, fleet->name, &number, err) < 0 ||
      session_desired_of(s, number, &current, err) < 0)
    return -1;
  const cJSON *p, *list = current ? json_get(current->doc, "placements") : NULL;
  cJSON_ArrayForEach(p, list) {
    if (!still_holds(fleet, p))
      continue;
    if (!cJSON_AddItemToArray(holding, cJSON_Duplicate(p, true))) {
      desired_free(current);
      return err_no_memory(err);
    }
  }
  desired_free(current);
  cJSON_Delete(s->placements);
  s->placements = STEAL(holding);
  return 0;
}

int session_load_placed(struct session *s, struct fleet **ret_fleet, struct err *err) {
  size_t count = (size_t)cJSON_GetArraySize(s->placements), i = 0;
  CLEANUP_FREE struct placement *placements = calloc(count + 1, sizeof(*placements));
  if (!placements)
    return err_no_memory(err);
  const cJSON *p;
  cJSON_ArrayForEach(p, s->placements) placements[i++] =
      (struct placement){.service = json_str(p, "service", ""), .machine = json_str(p, "machine", "")};
  struct manifest_options options = s->options.manifest;
  options.placements = placements;
  options.placement_count = count;
  return manifest_load(&options, ret_fleet, err);
}

int session_fleet(struct session *s, const struct fleet **ret_fleet, struct err *err) {
  if (!s->fleet) {
    struct fleet *fleet = NULL;
    if (manifest_load(&s->options.manifest, &fleet, err) < 0)
      return -1;
    s->fleet = fleet; /* its name is needed to read the state */
    if (read_placements(s, fleet, err) < 0)
      return -1;
    if (cJSON_GetArraySize(s->placements) > 0) {
      struct fleet *placed = NULL;
      if (session_load_placed(s, &placed, err) < 0)
        return -1;
      fleet_free(fleet);
      s->fleet = placed;
    }
    for (size_t i = 0; i < s->fleet->warnings.count; i++)
      log_emit(s->options.log, LOG_MANIFEST_WARNING, LOG_FIELDS(.project = s->fleet->name), "%s",
               s->fleet->warnings.items[i]);
  }
  *ret_fleet = s->fleet;
  return 0;
}

/* --- state ------------------------------------------------------------------------------------------------------- */

int session_state(struct session *s, bool write, struct state **ret_state, struct err *err) {
  if (s->state && write && !s->writable) {
    state_close(s->state);
    s->state = NULL;
  }
  if (!s->state) {
    if (state_open(s->options.state_dir, write ? STATE_WRITE : STATE_READ, s->options.command, &s->state, err) < 0)
      return -1;
    s->writable = write;
  }
  *ret_state = s->state;
  return 0;
}

int session_current(struct session *s, int64_t *ret_revision, struct err *err) {
  const struct fleet *fleet;
  struct state *state;
  if (session_fleet(s, &fleet, err) < 0 || session_state(s, s->writable, &state, err) < 0)
    return -1;
  return state_current(state, fleet->name, ret_revision, err);
}

int session_desired_of(struct session *s, int64_t revision, struct desired **ret_desired, struct err *err) {
  struct revision r = {0};
  *ret_desired = NULL;
  if (revision <= 0)
    return 0;
  int found = state_revision(s->state, s->fleet->name, revision, &r, err);
  if (found < 0)
    return -1;
  int rc = found && r.desired ? desired_load(r.desired, s->fleet->name, ret_desired, err) : 0;
  revision_release(&r);
  return rc;
}

/* --- engines ----------------------------------------------------------------------------------------------------- */

int session_engines(struct session *s, struct err *err) {
  const struct fleet *fleet;
  bool opened = false;
  if (s->engines_open)
    return 0;
  if (session_fleet(s, &fleet, err) < 0)
    return -1;
  if (!s->checked && fleet_check(fleet, err) < 0)
    return -1;
  s->checked = true;
  if (!s->engines_begun) {
    if (machines_open(&s->loop, fleet, s->options.log, &s->machines, set_flag, &opened, err) < 0)
      return -1;
    s->engines_begun = true;
    session_await(s, &opened);
  }
  if (machines_check(&s->machines, err) < 0)
    return -1;
  s->engines_open = true;
  return 0;
}

struct observing {
  bool done;
  struct observed *observed;
  struct err err;
};

static void observed_all(void *arg, struct observed *observed, struct err *err) {
  struct observing *o = arg;
  o->done = true;
  o->observed = observed;
  if (err)
    err_move(&o->err, err);
}

int session_observe(struct session *s, const struct observed **ret_observed, struct err *err) {
  struct observing o = {0};
  if (session_engines(s, err) < 0 || observe_start(&s->machines, s->fleet->name, observed_all, &o, err) < 0)
    return -1;
  session_await(s, &o.done);
  if (!o.observed)
    return err_move(err, &o.err);
  observed_free(s->observed);
  s->observed = o.observed;
  log_emit(s->options.log, LOG_OBSERVE_DONE, LOG_FIELDS(.project = s->fleet->name), "%zu engines were read",
           s->observed->machine_count);
  *ret_observed = s->observed;
  return 0;
}

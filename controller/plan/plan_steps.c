/* The steps of one service. Between services only plan.c adds order. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/planner.h"

int planner_container_step(struct planner *p, enum step_kind kind, enum step_phase phase, const char *machine,
                           const char *service, const struct observed_container *c, cJSON *args, struct err *err) {
  int at = steps_add(&p->plan->steps, kind, phase, machine, service, c->name, args, err);
  if (at >= 0 && !(p->plan->steps.items[at].container = strdup(c->id)))
    return err_no_memory(err);
  return at;
}

static cJSON *two_strings(const char *a, const char *a_value, const char *b, const char *b_value) {
  cJSON *args = cJSON_CreateObject();
  if (args && json_put_str(args, a, a_value) && json_put_str(args, b, b_value))
    return args;
  cJSON_Delete(args);
  return NULL;
}

static const char *policy_name(const struct observed_container *c) {
  const char *name = json_str(json_at(c->inspect, "HostConfig.RestartPolicy"), "Name", "no");
  return *name ? name : "no";
}

/* The restart policy goes to "no" before the stop: a stopped `always` container comes back with its daemon. */
static int policy_off(struct planner *p, const char *machine, const char *service, const struct observed_container *c,
                      struct err *err) {
  cJSON *args = cJSON_CreateObject();
  const cJSON *now = json_at(c->inspect, "HostConfig.RestartPolicy");
  if (!args || !json_put(args, "previous", cJSON_Duplicate(now, true))) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  return planner_container_step(p, STEP_CONTAINER_POLICY, PHASE_SWITCH, machine, service, c, args, err);
}

static int stop_step(struct planner *p, const char *machine, const char *service, const struct observed_container *c,
                     struct err *err) {
  const cJSON *timeout = json_at(c->inspect, "Config.StopTimeout");
  cJSON *args = cJSON_CreateObject();
  if (!args || !json_put_int(args, "grace_s", cJSON_IsNumber(timeout) ? timeout->valueint : 10)) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  return planner_container_step(p, STEP_CONTAINER_STOP, PHASE_SWITCH, machine, service, c, args, err);
}

static int rename_step(struct planner *p, const char *machine, const char *service, const struct observed_container *c,
                       const char *to, struct err *err) {
  cJSON *args = two_strings("from", c->name, "to", to);
  if (!args)
    return err_no_memory(err);
  return planner_container_step(p, STEP_CONTAINER_RENAME, PHASE_SWITCH, machine, service, c, args, err);
}

/* Appends a step to a chain: it waits for *last and becomes it. */
static int chain(struct planner *p, int step, int *first, int *last, struct err *err) {
  if (step < 0)
    return -1;
  if (*first < 0)
    *first = step;
  if (steps_order(&p->plan->steps, step, *last, err) < 0)
    return -1;
  *last = step;
  return 0;
}

int planner_park(struct planner *p, const char *machine, const char *service, const struct observed_container *c,
                 bool stop_last, int after, int *ret_first, int *ret_rename, int *ret_stop, struct err *err) {
  char parked[512];
  int first = -1, last = after;
  *ret_stop = -1;
  snprintf(parked, sizeof(parked), "%s.r%lld", c->name, (long long)p->options->base_revision);
  if (strcmp(policy_name(c), "no") != 0 &&
      chain(p, policy_off(p, machine, service, c, err), &first, &last, err) < 0)
    return -1;
  bool stops = c->running || strcmp(c->state, "restarting") == 0 || strcmp(c->state, "paused") == 0;
  if (stops && !stop_last) {
    if (chain(p, *ret_stop = stop_step(p, machine, service, c, err), &first, &last, err) < 0)
      return -1;
  }
  if (chain(p, *ret_rename = rename_step(p, machine, service, c, parked, err), &first, &last, err) < 0)
    return -1;
  if (stops && stop_last &&
      chain(p, *ret_stop = stop_step(p, machine, service, c, err), &first, &last, err) < 0)
    return -1;
  *ret_first = first;
  return 0;
}

static bool name_is_taken(const struct observed_machine *m, const char *name) {
  for (size_t i = 0; i < m->container_count; i++)
    if (strcmp(m->containers[i].name, name) == 0)
      return true;
  return false;
}

/* Engines below API 1.44 take one network at create: the others are connected one by one. */
static int connect_steps(struct planner *p, struct service_work *w, int *last, struct err *err) {
  const char *dot = w->on->api_version ? strchr(w->on->api_version, '.') : NULL;
  if (dot && atoi(dot + 1) >= 44)
    return 0;
  const char *mode = json_str(json_get(w->want->body, "HostConfig"), "NetworkMode", "");
  const cJSON *endpoints = json_at(w->want->body, "NetworkingConfig.EndpointsConfig");
  for (const cJSON *e = endpoints ? endpoints->child : NULL; e; e = e->next) {
    if (strcmp(e->string, mode) == 0)
      continue;
    int step = steps_add(&p->plan->steps, STEP_NETWORK_CONNECT, PHASE_PREPARE, w->machine, w->name, e->string, NULL,
                         err);
    if (step < 0)
      return -1;
    p->plan->steps.items[step].creator = w->create;
    if (steps_order(&p->plan->steps, step, *last, err) < 0)
      return -1;
    *last = step;
  }
  return 0;
}

static int create_steps(struct planner *p, struct service_work *w, char temporary[512], int *last, struct err *err) {
  snprintf(temporary, 512, "%s", w->want->container_name);
  if (name_is_taken(w->on, temporary))
    snprintf(temporary, 512, "%s.n%lld", w->want->container_name, (long long)p->options->base_revision + 1);
  cJSON *args = cJSON_CreateObject();
  if (!args || !json_put_str(args, "name", temporary)) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  w->create = steps_add(&p->plan->steps, STEP_CONTAINER_CREATE, PHASE_PREPARE, w->machine, w->name,
                        w->want->container_name, args, err);
  if (w->create < 0)
    return -1;
  *last = w->create;
  if (w->want->files) {
    int files = steps_add(&p->plan->steps, STEP_CONTAINER_FILES, PHASE_PREPARE, w->machine, w->name,
                          w->want->container_name, NULL, err);
    if (files < 0 || steps_order(&p->plan->steps, files, w->create, err) < 0)
      return -1;
    p->plan->steps.items[files].creator = w->create;
    *last = files;
  }
  return connect_steps(p, w, last, err);
}

/* A step on the new container, whichever way it comes into being. */
static int new_step(struct planner *p, struct service_work *w, enum step_kind kind, enum step_phase phase, cJSON *args,
                    struct err *err) {
  int at = steps_add(&p->plan->steps, kind, phase, w->machine, w->name, w->want->container_name, args, err);
  if (at < 0)
    return -1;
  const struct observed_container *there = w->parked ? w->parked : w->create < 0 ? w->live : NULL;
  p->plan->steps.items[at].creator = there ? -1 : w->create;
  if (there && !(p->plan->steps.items[at].container = strdup(there->id)))
    return err_no_memory(err);
  return at;
}

/* gate.ready waits for health (or the end, where others wait for that); gate.hold watches it for monitor. */
static int gate_steps(struct planner *p, struct service_work *w, struct err *err) {
  cJSON *args = cJSON_CreateObject();
  if (!args || !json_put_bool(args, "completes", w->completes)) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  w->ready = new_step(p, w, STEP_GATE_READY, w->start_first || w->completes ? PHASE_SWITCH : PHASE_PROVE, args, err);
  if (w->ready < 0 || steps_order(&p->plan->steps, w->ready, w->start, err) < 0)
    return -1;
  if (w->completes)
    return 0;
  cJSON *hold = cJSON_CreateObject();
  if (!hold || !json_put_int(hold, "monitor_ms", w->want->monitor_ms)) {
    cJSON_Delete(hold);
    return err_no_memory(err);
  }
  int held = new_step(p, w, STEP_GATE_HOLD, PHASE_PROVE, hold, err);
  return held < 0 ? -1 : steps_order(&p->plan->steps, held, w->ready, err);
}

static int update_step(struct planner *p, struct service_work *w, int *ret_step, struct err *err) {
  cJSON *args = cJSON_CreateObject();
  if (!args || !json_put(args, "update", cJSON_Duplicate(w->update, true)) ||
      !json_put(args, "previous", cJSON_Duplicate(w->previous, true))) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  *ret_step = new_step(p, w, STEP_CONTAINER_UPDATE, PHASE_SWITCH, args, err);
  return *ret_step < 0 ? -1 : 0;
}

static int start_new(struct planner *p, struct service_work *w, int last, struct err *err) {
  w->start = new_step(p, w, STEP_CONTAINER_START, PHASE_SWITCH, NULL, err);
  if (w->start < 0 || steps_order(&p->plan->steps, w->start, last, err) < 0)
    return -1;
  return gate_steps(p, w, err);
}

/* From a temporary or parked name to the real one. */
static int rename_new(struct planner *p, struct service_work *w, const char *from, int *ret_step, struct err *err) {
  cJSON *args = two_strings("from", from, "to", w->want->container_name);
  if (!args)
    return err_no_memory(err);
  *ret_step = new_step(p, w, STEP_CONTAINER_RENAME, PHASE_SWITCH, args, err);
  return *ret_step < 0 ? -1 : 0;
}

static int replace_stop_first(struct planner *p, struct service_work *w, const char *name, int prepared,
                              struct err *err) {
  int first = -1, renamed = -1, last = prepared;
  if (w->old && planner_park(p, w->old_machine, w->name, w->old, false, -1, &first, &renamed, &w->old_stop, err) < 0)
    return -1;
  if (strcmp(name, w->want->container_name) != 0) {
    int step;
    if (rename_new(p, w, name, &step, err) < 0 || steps_order(&p->plan->steps, step, renamed, err) < 0 ||
        steps_order(&p->plan->steps, step, prepared, err) < 0)
      return -1;
    last = step;
  }
  if (start_new(p, w, last, err) < 0 || steps_order(&p->plan->steps, w->start, renamed, err) < 0)
    return -1;
  w->entry = first >= 0 ? first : w->start;
  return 0;
}

static int replace_start_first(struct planner *p, struct service_work *w, const char *name, int prepared,
                               struct err *err) {
  int first, renamed;
  if (start_new(p, w, prepared, err) < 0)
    return -1;
  w->entry = w->start;
  if (planner_park(p, w->old_machine, w->name, w->old, true, w->ready, &first, &renamed, &w->old_stop, err) < 0)
    return -1;
  if (strcmp(name, w->want->container_name) == 0)
    return 0;
  int step;
  if (rename_new(p, w, name, &step, err) < 0)
    return -1;
  return steps_order(&p->plan->steps, step, renamed, err) < 0 || steps_order(&p->plan->steps, step, w->ready, err) < 0
             ? -1
             : 0;
}

static int replace_steps(struct planner *p, struct service_work *w, struct err *err) {
  char temporary[512];
  const char *name = temporary;
  int prepared = -1;
  if (w->parked) {
    name = w->parked->name;
    if ((w->update && update_step(p, w, &prepared, err) < 0) ||
        (w->rewire && planner_network_steps(p, w, w->parked, &prepared, err) < 0))
      return -1;
  } else if (create_steps(p, w, temporary, &prepared, err) < 0) {
    return -1;
  }
  if (w->image && w->create >= 0 && steps_order(&p->plan->steps, w->create, w->image->step, err) < 0)
    return -1;
  return w->old && w->start_first ? replace_start_first(p, w, name, prepared, err)
                                  : replace_stop_first(p, w, name, prepared, err);
}

/* It is the right container, but stopped or paused, or under another name, or with other limits or networks. */
static int mend_steps(struct planner *p, struct service_work *w, struct err *err) {
  int last = -1;
  if ((w->update && update_step(p, w, &last, err) < 0) ||
      (w->rewire && planner_network_steps(p, w, w->live, &last, err) < 0))
    return -1;
  if (strcmp(w->live->name, w->want->container_name) != 0) {
    int step;
    if (rename_new(p, w, w->live->name, &step, err) < 0 || steps_order(&p->plan->steps, step, last, err) < 0)
      return -1;
    last = step;
  }
  if (!w->live->running) {
    if (start_new(p, w, last, err) < 0)
      return -1;
  } else if (strcmp(w->live->state, "paused") == 0) {
    w->start = new_step(p, w, STEP_CONTAINER_UNPAUSE, PHASE_SWITCH, NULL, err);
    if (w->start < 0 || steps_order(&p->plan->steps, w->start, last, err) < 0 || gate_steps(p, w, err) < 0)
      return -1;
  } else if (last >= 0) { /* else only its image's tag has moved */
    w->start = last;
    if (gate_steps(p, w, err) < 0)
      return -1;
  }
  w->entry = w->start;
  return 0;
}

int planner_steps(struct planner *p, struct service_work *w, struct err *err) {
  int first, renamed;
  switch (w->action) {
  case PLAN_CREATE:
  case PLAN_RECREATE:
  case PLAN_MOVE:
    return replace_steps(p, w, err);
  case PLAN_UPDATE:
  case PLAN_START:
    return mend_steps(p, w, err);
  case PLAN_REMOVE:
    return planner_park(p, w->old_machine, w->name, w->old, false, -1, &first, &renamed, &w->old_stop, err);
  case PLAN_KEEP:
  case PLAN_ACTION_COUNT:
    break;
  }
  return 0;
}

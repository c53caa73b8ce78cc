#include "controller/plan/step.h"

#include <string.h>

#include "api/base/json.h"

static const char *const kind_names[] = {
#define STEP_KIND_NAME(id, name) [STEP_##id] = name,
    STEP_KINDS(STEP_KIND_NAME)
#undef STEP_KIND_NAME
};

static const char *const phase_names[] = {
    [PHASE_PREPARE] = "prepare",
    [PHASE_SWITCH] = "switch",
    [PHASE_PROVE] = "prove",
    [PHASE_CLEANUP] = "cleanup",
};

const char *step_kind_name(enum step_kind kind) {
  return (size_t)kind < STEP_KIND_COUNT ? kind_names[kind] : "unknown";
}

int step_kind_parse(const char *name, enum step_kind *ret_kind) {
  for (size_t i = 0; i < STEP_KIND_COUNT; i++) {
    if (strcmp(kind_names[i], name) == 0) {
      *ret_kind = (enum step_kind)i;
      return 0;
    }
  }
  return -1;
}

const char *step_phase_name(enum step_phase phase) {
  return (size_t)phase < PHASE_COUNT ? phase_names[phase] : "unknown";
}

static void step_release(struct step *s) {
  free(s->machine);
  free(s->service);
  free(s->object);
  free(s->container);
  cJSON_Delete(s->args);
  free(s->after);
}

void steps_release(struct steps *s) {
  if (!s)
    return;
  for (size_t i = 0; i < s->count; i++)
    step_release(&s->items[i]);
  free(s->items);
  *s = (struct steps){0};
}

static int dup_into(char **to, const char *from, struct err *err) {
  if (from && !(*to = strdup(from)))
    return err_no_memory(err);
  return 0;
}

int steps_add(struct steps *s, enum step_kind kind, enum step_phase phase, const char *machine, const char *service,
              const char *object, cJSON *args, struct err *err) {
  struct step step = {.index = (int)s->count, .kind = kind, .phase = phase, .creator = -1, .args = args};
  if (dup_into(&step.machine, machine, err) < 0 || dup_into(&step.service, service, err) < 0 ||
      dup_into(&step.object, object, err) < 0) {
    step_release(&step);
    return -1;
  }
  if ((s->count & (s->count - 1)) == 0) { /* capacity doubles at powers of two */
    struct step *items = realloc(s->items, (s->count ? s->count * 2 : 1) * sizeof(*items));
    if (!items) {
      step_release(&step);
      return err_no_memory(err);
    }
    s->items = items;
  }
  s->items[s->count] = step;
  return (int)s->count++;
}

int steps_order(struct steps *s, int step, int before, struct err *err) {
  if (before < 0 || step < 0 || step == before)
    return 0;
  struct step *it = &s->items[step];
  for (size_t i = 0; i < it->after_count; i++)
    if (it->after[i] == before)
      return 0;
  int *after = realloc(it->after, (it->after_count + 1) * sizeof(*after));
  if (!after)
    return err_no_memory(err);
  it->after = after;
  it->after[it->after_count++] = before;
  return 0;
}

int steps_check(const struct steps *s, struct err *err) {
  CLEANUP_FREE int *waits = calloc(s->count + 1, sizeof(*waits));
  CLEANUP_FREE int *queue = calloc(s->count + 1, sizeof(*queue));
  if (!waits || !queue)
    return err_no_memory(err);
  size_t tail = 0;
  for (size_t i = 0; i < s->count; i++) {
    waits[i] = (int)s->items[i].after_count;
    if (!waits[i])
      queue[tail++] = (int)i;
  }
  for (size_t head = 0; head < tail; head++)
    for (size_t i = 0; i < s->count; i++)
      for (size_t k = 0; k < s->items[i].after_count; k++)
        if (s->items[i].after[k] == queue[head] && --waits[i] == 0)
          queue[tail++] = (int)i;
  for (size_t i = 0; i < s->count; i++)
    if (waits[i] > 0)
      return err_set(err, ERR_INTERNAL, "the plan's steps wait for each other, %s %s on %s among them",
                     step_kind_name(s->items[i].kind), s->items[i].object ? s->items[i].object : "",
                     s->items[i].machine ? s->items[i].machine : "");
  return 0;
}

static cJSON *step_to_json(const struct step *s) {
  cJSON *json = cJSON_CreateObject();
  bool ok = json && json_put_str(json, "kind", step_kind_name(s->kind)) && json_put_int(json, "phase", s->phase) &&
            (!s->machine || json_put_str(json, "machine", s->machine)) &&
            (!s->service || json_put_str(json, "service", s->service)) &&
            (!s->object || json_put_str(json, "object", s->object)) &&
            (!s->container || json_put_str(json, "container", s->container)) &&
            (s->creator < 0 || json_put_int(json, "creator", s->creator)) &&
            (!s->args || json_put(json, "args", cJSON_Duplicate(s->args, true))) &&
            (!s->after_count || json_put(json, "after", cJSON_CreateIntArray(s->after, (int)s->after_count)));
  if (ok)
    return json;
  cJSON_Delete(json);
  return NULL;
}

int steps_to_json(const struct steps *s, cJSON **ret_json, struct err *err) {
  CLEANUP_JSON cJSON *list = cJSON_CreateArray();
  for (size_t i = 0; list && i < s->count; i++) {
    cJSON *item = step_to_json(&s->items[i]);
    if (!item || !cJSON_AddItemToArray(list, item)) {
      cJSON_Delete(item);
      return err_no_memory(err);
    }
  }
  if (!list)
    return err_no_memory(err);
  *ret_json = STEAL(list);
  return 0;
}

static int step_from_json(const cJSON *json, struct steps *s, struct err *err) {
  enum step_kind kind;
  int64_t phase = json_int(json, "phase", -1);
  if (step_kind_parse(json_str(json, "kind", ""), &kind) < 0 || phase < 0 || phase >= PHASE_COUNT)
    return err_set(err, ERR_INTERNAL, "stored plan: step %zu has an unknown kind or phase", s->count);
  const cJSON *args = json_get(json, "args");
  cJSON *copy = args ? cJSON_Duplicate(args, true) : NULL;
  if (args && !copy)
    return err_no_memory(err);
  int at = steps_add(s, kind, (enum step_phase)phase, json_str(json, "machine", NULL), json_str(json, "service", NULL),
                     json_str(json, "object", NULL), copy, err);
  if (at < 0 || dup_into(&s->items[at].container, json_str(json, "container", NULL), err) < 0)
    return -1;
  s->items[at].creator = (int)json_int(json, "creator", -1);
  const cJSON *before;
  cJSON_ArrayForEach(before, json_get(json, "after")) if (steps_order(s, at, before->valueint, err) < 0) return -1;
  return 0;
}

int steps_from_json(const cJSON *json, struct steps *ret_steps, struct err *err) {
  struct steps s = {0};
  const cJSON *item;
  if (!cJSON_IsArray(json))
    return err_set(err, ERR_INTERNAL, "stored plan: its steps are not there");
  cJSON_ArrayForEach(item, json) {
    if (step_from_json(item, &s, err) < 0) {
      steps_release(&s);
      return -1;
    }
  }
  for (size_t i = 0; i < s.count; i++) {
    struct step *it = &s.items[i];
    bool ok = it->creator < (int)s.count;
    for (size_t k = 0; k < it->after_count; k++)
      ok = ok && it->after[k] >= 0 && it->after[k] < (int)s.count;
    if (!ok) {
      steps_release(&s);
      return err_set(err, ERR_INTERNAL, "stored plan: step %zu refers to a step that is not there", i);
    }
  }
  *ret_steps = s;
  return 0;
}

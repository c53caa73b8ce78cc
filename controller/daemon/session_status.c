/* status: what each service's container is doing, and how it differs from the revision that holds. */
#include <stdio.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/daemon/session_private.h"
#include "controller/plan/fields.h"

enum { SAMPLE_APART_MS = 500 };

void status_list_release(struct status_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    struct status_row *r = &list->items[i];
    free(r->machine);
    free(r->service);
    free(r->container);
    free(r->image);
    free(r->state);
    free(r->health);
    free(r->drift);
  }
  free(list->items);
  strv_release(&list->warnings);
  *list = (struct status_list){0};
}

/* --- two samples of every running container ---------------------------------------------------------------------- */

struct sample {
  struct sampling *sampling;
  const struct observed_container *container;
  struct engine *engine;
  struct status_row *row;
  uint64_t cpu_ns, at_ns;
  bool first;
};

struct sampling {
  struct sample *samples;
  size_t count, pending;
  bool done;
};

static void sampled(void *arg, const struct engine_reply *reply, struct err *err) {
  struct sample *s = arg;
  (void)err; /* gone meanwhile: its row stays unknown */
  if (reply) {
    const cJSON *doc = reply->json;
    uint64_t cpu = (uint64_t)json_int(json_at(doc, "cpu_stats.cpu_usage"), "total_usage", 0), now = uv_hrtime();
    if (s->first) {
      s->cpu_ns = cpu;
      s->at_ns = now;
    } else if (s->at_ns && now > s->at_ns && cpu >= s->cpu_ns) {
      s->row->cpu_percent = 100.0 * (double)(cpu - s->cpu_ns) / (double)(now - s->at_ns);
    }
    const cJSON *memory = json_get(doc, "memory_stats"), *detail = json_get(memory, "stats");
    int64_t cache = json_int(detail, "total_inactive_file", json_int(detail, "inactive_file", 0));
    s->row->memory_bytes = json_int(memory, "usage", 0) - cache;
    s->row->pids = json_int(json_get(doc, "pids_stats"), "current", -1);
  }
  if (--s->sampling->pending == 0)
    s->sampling->done = true;
}

static void sample_all(struct session *s, struct sampling *sampling, bool first) {
  sampling->pending = sampling->count;
  sampling->done = sampling->count == 0;
  for (size_t i = 0; i < sampling->count; i++) {
    sampling->samples[i].first = first;
    container_stats(sampling->samples[i].engine, sampling->samples[i].container->id, sampled, &sampling->samples[i]);
  }
  session_await(s, &sampling->done);
}

static void timer_due(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

static void wait_ms(struct session *s, uint64_t ms) {
  bool due = false;
  uv_timer_t timer;
  uv_timer_init(&s->loop, &timer);
  timer.data = &due;
  uv_timer_start(&timer, timer_due, ms, 0);
  session_await(s, &due);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&s->loop, UV_RUN_NOWAIT);
}

static int take_samples(struct session *s, struct sampling *sampling, const struct status_list *list,
                        const struct observed_container **containers, struct err *err) {
  sampling->samples = calloc(list->count + 1, sizeof(*sampling->samples));
  if (!sampling->samples)
    return err_no_memory(err);
  for (size_t i = 0; i < list->count; i++) {
    if (!containers[i] || !containers[i]->running)
      continue;
    sampling->samples[sampling->count++] = (struct sample){
        .sampling = sampling,
        .container = containers[i],
        .engine = machines_engine(&s->machines, list->items[i].machine),
        .row = &list->items[i],
    };
  }
  sample_all(s, sampling, true);
  if (sampling->count) {
    wait_ms(s, SAMPLE_APART_MS);
    sample_all(s, sampling, false);
  }
  free(sampling->samples);
  return 0;
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

static char *drift_text(const struct plan_service *p) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  for (size_t i = 0; i < p->change_count; i++) {
    const struct plan_change *c = &p->changes[i];
    if (buf_printf(&out, NULL, "%s%s %s → %s", i ? ", " : "", c->field, c->to ? c->to : "none",
                   c->from ? c->from : "none") < 0)
      return NULL;
  }
  if (!p->change_count && buf_puts(&out, plan_action_name(p->action), NULL) < 0)
    return NULL;
  return buf_steal(&out);
}

static int fill_row(struct status_row *row, const char *machine, const char *service,
                    const struct observed_container *c, struct err *err) {
  *row = (struct status_row){.cpu_percent = -1, .memory_bytes = -1, .pids = -1};
  row->machine = strdup(machine);
  row->service = strdup(service);
  row->container = strdup(c ? c->id : "");
  row->image = strdup(c ? json_str(json_get(c->inspect, "Config"), "Image", "") : "");
  row->state = strdup(c ? c->state : "missing");
  row->health = strdup(c ? c->health : "");
  if (!row->machine || !row->service || !row->container || !row->image || !row->state || !row->health)
    return err_no_memory(err);
  if (!c)
    return 0;
  const cJSON *host = json_get(c->inspect, "HostConfig");
  row->revision = c->revision;
  row->restarts = c->restarts;
  row->memory_limit_bytes = json_int(host, "Memory", 0);
  row->cpus_limit = (double)json_int(host, "NanoCpus", 0) / 1e9;
  int64_t pids = json_int(host, "PidsLimit", 0);
  row->pids_limit = pids > 0 ? pids : 0;
  return 0;
}

static const struct observed_container *find_live(const struct observed *o, const char *service,
                                                  const char **ret_machine) {
  for (size_t i = 0; i < o->machine_count; i++) {
    const struct observed_container *c = observed_live(&o->machines[i], service, "");
    if (c) {
      *ret_machine = o->machines[i].name;
      return c;
    }
  }
  return NULL;
}

/* The plan that would bring the holding revision back is its drift. */
static int plan_back(struct session *s, int64_t revision, struct desired **ret_desired, struct plan **ret_plan,
                     struct err *err) {
  struct plan_options options = {.kind = "status", .base_revision = revision};
  if (session_desired_of(s, revision, ret_desired, err) < 0 || !*ret_desired)
    return *ret_desired ? -1 : 0;
  options.held = *ret_desired;
  struct err why = ERR_INIT;
  if (plan_make(*ret_desired, s->observed, &options, ret_plan, &why) < 0) {
    log_emit(s->options.log, LOG_MANIFEST_WARNING, LOG_FIELDS(.err = &why), "drift is not known: %s", err_text(&why));
    err_release(&why);
  }
  return 0;
}

static int add_rows(struct session *s, const struct plan *plan, struct status_list *list,
                    const struct observed_container **containers, struct err *err) {
  for (size_t i = 0; i < plan->service_count; i++) {
    const struct plan_service *p = &plan->services[i];
    const char *machine = p->to_machine ? p->to_machine : p->from_machine;
    const struct observed_container *c = find_live(s->observed, p->name, &machine);
    struct status_row *row = &list->items[list->count];
    containers[list->count++] = c;
    if (fill_row(row, machine ? machine : "", p->name, c, err) < 0)
      return -1;
    if (p->action != PLAN_KEEP && !(row->drift = drift_text(p)))
      return err_no_memory(err);
  }
  return 0;
}

/* No revision of tandem's: what docker compose has made, as it is. */
static int add_observed(struct session *s, struct status_list *list, const struct observed_container **containers,
                        struct err *err) {
  for (size_t i = 0; i < s->observed->machine_count; i++) {
    const struct observed_machine *m = &s->observed->machines[i];
    for (size_t k = 0; k < m->container_count; k++) {
      if (m->containers[k].role != CONTAINER_LIVE)
        continue;
      containers[list->count] = &m->containers[k];
      if (fill_row(&list->items[list->count++], m->name, m->containers[k].service, &m->containers[k], err) < 0)
        return -1;
    }
  }
  return 0;
}

static size_t most_rows(const struct session *s, const struct plan *plan) {
  size_t n = plan ? plan->service_count : 0;
  for (size_t i = 0; i < s->observed->machine_count; i++)
    n += s->observed->machines[i].container_count;
  return n;
}

int session_status(struct session *s, bool with_stats, struct status_list *ret_list, struct err *err) {
  struct status_list list = {0};
  struct sampling sampling = {0};
  struct desired *desired = NULL;
  struct plan *plan = NULL;
  const struct observed *observed;
  if (session_current(s, &list.revision, err) < 0 || session_observe(s, &observed, err) < 0 ||
      plan_back(s, list.revision, &desired, &plan, err) < 0)
    return -1;
  const struct observed_container **containers = calloc(most_rows(s, plan) + 1, sizeof(*containers));
  list.items = calloc(most_rows(s, plan) + 1, sizeof(*list.items));
  int rc = containers && list.items ? 0 : err_no_memory(err);
  if (rc == 0)
    rc = plan ? add_rows(s, plan, &list, containers, err) : add_observed(s, &list, containers, err);
  if (rc == 0)
    rc = session_find_lost(s, &list.warnings, err);
  if (rc == 0 && with_stats)
    rc = take_samples(s, &sampling, &list, containers, err);
  free(containers);
  plan_free(plan);
  desired_free(desired);
  if (rc < 0)
    status_list_release(&list);
  else
    *ret_list = list;
  return rc;
}

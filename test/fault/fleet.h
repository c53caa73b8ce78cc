/* The small fleet of the fault matrices: six services over two machines, with dependencies, health checks, restart
 * policies, host ports, a volume, a second network, files and a live limit; and what it must look like afterwards. */
#ifndef TANDEM_TEST_FAULT_FLEET_H
#define TANDEM_TEST_FAULT_FLEET_H

#include "test/engine/lab.h"

enum { DB, CACHE, API, WORKER, WEB, BATCH, FLEET_SIZE };

/* Which fleet: equal members, equal containers. */
struct fleet_spec {
  int generation[FLEET_SIZE]; /* in the command: another number is another container */
  bool worker_on_mainpc;
  bool small_batch; /* less memory: a live update */
  bool api_fails;   /* exits at start */
  bool unprobed;    /* without health checks: then no gate runs them, and every changing call is a step's */
  bool stop_first;  /* the worker is stopped before its successor starts */
  bool none;        /* nothing is deployed */
};

struct fleet_services {
  struct lab_service items[FLEET_SIZE];
  char commands[FLEET_SIZE][160];
  char db_host[400], web_host[200];
};

#define FLEET_HEALTH(test) \
  ",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"" test "\"],\"Interval\":200000000,\"Timeout\":5000000000,\"Retries\":3}"
#define FLEET_POLICY(name) ",\"RestartPolicy\":{\"Name\":\"" name "\"}"

/* Two host ports of this process and its children: labs of other processes use the same engines. */
static inline int fleet_port(void) {
  static int port;
  if (!port)
    port = 20000 + (int)(getpid() % 5000) * 2;
  return port;
}

static inline void fleet_make(const struct fleet_spec *spec, struct fleet_services *f) {
  int port = fleet_port();
  for (int i = 0; i < FLEET_SIZE; i++)
    snprintf(f->commands[i], sizeof(f->commands[i]), "%strap 'exit 0' TERM; while :; do sleep 0.1; done # %d",
             i == API && spec->api_fails ? "echo no module; exit 7; " : "", spec->generation[i]);
  snprintf(f->db_host, sizeof(f->db_host),
           FLEET_POLICY("always") ",\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"%d\"}]},\"Mounts\":[{\"Type\":"
                                  "\"volume\",\"Source\":\"@_data\",\"Target\":\"/data\"}]",
           port);
  snprintf(f->web_host, sizeof(f->web_host),
           FLEET_POLICY("unless-stopped") ",\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"%d\"}]}", port + 1);
  const struct lab_service items[FLEET_SIZE] = {
      [DB] = {.name = "db", .machine = "mainpc", .host = f->db_host,
              .body = spec->unprobed ? ",\"ExposedPorts\":{\"80/tcp\":{}}"
                                     : FLEET_HEALTH("true") ",\"ExposedPorts\":{\"80/tcp\":{}}"},
      [CACHE] = {.name = "cache", .machine = "mainpc", .host = FLEET_POLICY("unless-stopped"),
                 .body = ",\"NetworkingConfig\":{\"EndpointsConfig\":{\"@_default\":{},\"@_side\":{}}}"},
      [API] = {.name = "api", .machine = "mainpc", .host = FLEET_POLICY("always"),
               .body = spec->unprobed ? NULL : FLEET_HEALTH("true"),
               .files = "[{\"path\":\"/etc/api.conf\",\"content\":\"x\"}]",
               .depends = "[{\"service\":\"db\",\"condition\":1,\"required\":true},"
                          "{\"service\":\"cache\",\"condition\":0,\"required\":true}]"},
      [WORKER] = {.name = "worker", .machine = spec->worker_on_mainpc ? "mainpc" : "pc2",
                  .host = FLEET_POLICY("always"), .order = spec->stop_first ? ORDER_STOP_FIRST : ORDER_AUTO},
      [WEB] = {.name = "web", .machine = "pc2", .host = f->web_host, .body = ",\"ExposedPorts\":{\"80/tcp\":{}}",
               .depends = "[{\"service\":\"api\",\"condition\":1,\"required\":true}]"},
      [BATCH] = {.name = "batch", .machine = "pc2",
                 .host = spec->small_batch ? ",\"Memory\":67108864" : ",\"Memory\":134217728"},
  };
  for (int i = 0; i < FLEET_SIZE; i++) {
    f->items[i] = items[i];
    f->items[i].command = f->commands[i];
  }
}

static inline struct plan *fleet_apply(struct lab *lab, const struct fleet_spec *spec) {
  struct fleet_services f;
  fleet_make(spec, &f);
  return lab_apply(lab, f.items, FLEET_SIZE);
}

/* A transaction that has ended leaves no record on the engines. */
static inline void fleet_expect_no_record(struct lab *lab, const char *note) {
  struct record_list list = lab_records(lab);
  if (list.count)
    fail_msg("%s\na record of revision %lld is left", note, (long long)list.items[0].revision);
  record_list_release(&list);
}

static inline int fleet_by_line(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted names of an object's members: of an inspect's networks, or of the endpoints that a body wants. */
static inline char *fleet_networks(const cJSON *networks) {
  CLEANUP_STRV struct strv names = STRV_INIT;
  struct buf out = BUF_INIT(0);
  for (const cJSON *n = networks ? networks->child : NULL; n; n = n->next)
    assert_int_equal(strv_add(&names, n->string, NULL), 0);
  strv_sort(&names);
  for (size_t i = 0; i < names.count; i++)
    assert_int_equal(buf_printf(&out, NULL, "%s%s", i ? "," : "", names.items[i]), 0);
  return buf_steal(&out);
}

static inline bool fleet_has_networks(const cJSON *body, const cJSON *inspect) {
  const cJSON *endpoints = json_at(body, "NetworkingConfig.EndpointsConfig");
  CLEANUP_FREE char *want = endpoints ? fleet_networks(endpoints)
                                      : strdup(json_str(json_get(body, "HostConfig"), "NetworkMode", ""));
  CLEANUP_FREE char *have = fleet_networks(json_at(inspect, "NetworkSettings.Networks"));
  return strcmp(want, have) == 0;
}

/* Everything of the project that a transaction could change, one line each, sorted: equal text, equal fleet. */
static inline char *fleet_picture(const struct lab *lab, const struct observed *o) {
  CLEANUP_STRV struct strv lines = STRV_INIT;
  struct buf out = BUF_INIT(0);
  char line[700];
  for (size_t i = 0; i < o->machine_count; i++) {
    const struct observed_machine *m = &o->machines[i];
    for (size_t k = 0; k < m->container_count; k++) {
      const struct observed_container *c = &m->containers[k];
      const cJSON *host = json_get(c->inspect, "HostConfig");
      CLEANUP_FREE char *networks = fleet_networks(json_at(c->inspect, "NetworkSettings.Networks"));
      snprintf(line, sizeof(line), "%s container %s %s %.12s policy=%s memory=%lld networks=%s\n", m->name, c->name,
               c->state, c->id, json_str(json_get(host, "RestartPolicy"), "Name", ""),
               (long long)json_int(host, "Memory", 0), networks);
      assert_int_equal(strv_add(&lines, line, NULL), 0);
    }
    for (int volume = 0; volume < 2; volume++) {
      const struct observed_resource *list = volume ? m->volumes : m->networks;
      size_t count = volume ? m->volume_count : m->network_count;
      for (size_t k = 0; k < count; k++)
        if (list[k].project && strcmp(list[k].project, lab->project) == 0) {
          snprintf(line, sizeof(line), "%s %s %s %.12s\n", m->name, volume ? "volume" : "network", list[k].name,
                   list[k].id ? list[k].id : "");
          assert_int_equal(strv_add(&lines, line, NULL), 0);
        }
    }
  }
  if (lines.count)
    qsort(lines.items, lines.count, sizeof(char *), fleet_by_line);
  for (size_t i = 0; i < lines.count; i++)
    assert_int_equal(buf_printf(&out, NULL, "%s", lines.items[i]), 0);
  return out.len ? buf_steal(&out) : strdup("");
}

static inline const struct observed_container *fleet_find_id(const struct observed *o, const char *id) {
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++)
      if (strcmp(o->machines[i].containers[k].id, id) == 0)
        return &o->machines[i].containers[k];
  return NULL;
}

static inline const char *fleet_policy(const cJSON *inspect) {
  const char *name = json_str(json_at(inspect, "HostConfig.RestartPolicy"), "Name", "");
  return *name ? name : "no";
}

static inline bool fleet_is_wanted(const struct desired_service *want, const struct observed_machine *m,
                                   const struct observed_container *c) {
  const char *policy = fleet_policy(want->body);
  return fleet_has_networks(want->body, c->inspect) && strcmp(m->name, want->machine) == 0 &&
         strcmp(c->name, want->container_name) == 0 &&
         strcmp(c->state, "running") == 0 && strcmp(fleet_policy(c->inspect), policy) == 0 &&
         strcmp(json_str(json_at(c->inspect, "Config.Labels"), "tandem.spec-hash", ""), want->spec_hash) == 0 &&
         json_int(json_get(c->inspect, "HostConfig"), "Memory", 0) ==
             json_int(json_get(want->body, "HostConfig"), "Memory", 0);
}

/* Is it exactly the new fleet: each service once, as wanted, and of the old fleet only what was live, parked? Else why
 * not goes to why. base: the revision that the old fleet was; uncleaned: a removal has failed and was told, so that what
 * was parked before may be there too. */
static inline bool fleet_is_new(struct lab *lab, const struct fleet_spec *spec, const struct observed *old,
                                int64_t base, const struct observed *now, bool uncleaned, char *why,
                                size_t size) {
  struct fleet_services f;
  fleet_make(spec, &f);
  struct desired *d = lab_desire(lab, f.items, FLEET_SIZE);
  size_t live[FLEET_SIZE] = {0};
  bool good = true;
  for (size_t i = 0; i < now->machine_count && good; i++)
    for (size_t k = 0; k < now->machines[i].container_count && good; k++) {
      const struct observed_container *c = &now->machines[i].containers[k];
      const struct observed_container *before = fleet_find_id(old, c->id);
      const struct desired_service *want = desired_service(d, c->service);
      if (c->role == CONTAINER_LIVE && want && fleet_is_wanted(want, &now->machines[i], c))
        live[want - d->services]++;
      else if (c->role == CONTAINER_PARKED && c->role_revision == base && before && before->role == CONTAINER_LIVE &&
               strcmp(c->state, "exited") == 0 && strcmp(fleet_policy(c->inspect), "no") == 0)
        continue;
      else if (uncleaned && c->role == CONTAINER_PARKED && before && before->role == CONTAINER_PARKED)
        continue;
      else
        good = false, snprintf(why, size, "%s on %s is neither the new fleet's nor parked: %s", c->name,
                               now->machines[i].name, c->state);
    }
  for (size_t i = 0; i < d->service_count && good; i++)
    if (live[i] != 1)
      good = false, snprintf(why, size, "%s runs %zu times", d->services[i].name, live[i]);
  for (size_t i = 0; i < old->machine_count && good; i++)
    for (size_t k = 0; k < old->machines[i].container_count && good; k++) {
      const struct observed_container *c = &old->machines[i].containers[k];
      if (c->role == CONTAINER_LIVE && !fleet_find_id(now, c->id))
        good = false, snprintf(why, size, "%s of the old fleet is lost", c->name);
    }
  desired_free(d);
  return good;
}

#endif

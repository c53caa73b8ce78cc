#include "controller/manifest/xtandem.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/manifest/fleet_private.h"

struct sections {
  const struct node *machines, *tiers, *services;
  struct limits limits;
  struct update_policy update;
};

static const struct xtandem_field root_fields[] = {
    {"machines", XT_NODE, offsetof(struct sections, machines), 0, 0},
    {"tiers", XT_NODE, offsetof(struct sections, tiers), 0, 0},
    {"limits", XT_LIMITS, offsetof(struct sections, limits), 0, 0},
    {"services", XT_NODE, offsetof(struct sections, services), 0, 0},
    {"update", XT_UPDATE_ALL, offsetof(struct sections, update), 0, 0},
};

static const struct xtandem_field machine_fields[] = {
    {"endpoint", XT_TEXT, offsetof(struct machine, endpoint), 0, 0},
    {"address", XT_TEXT, offsetof(struct machine, address), 0, 0},
    {"tls", XT_TLS, 0, 0, 0},
    {"insecure", XT_BOOL, offsetof(struct machine, insecure), 0, 0},
};

static const struct xtandem_field service_fields[] = {
    {"machine", XT_TEXT, offsetof(struct xtandem_service, machine), offsetof(struct xtandem_service, machine_pos), 0},
    {"tier", XT_TEXT, offsetof(struct xtandem_service, tier), offsetof(struct xtandem_service, tier_pos), 0},
    {"limits", XT_LIMITS, offsetof(struct xtandem_service, limits), 0, 0},
    {"requirements", XT_PATH, offsetof(struct xtandem_service, requirements), 0, 0},
    {"gates", XT_GATES, offsetof(struct xtandem_service, gates), 0, 0},
    {"update", XT_UPDATE, offsetof(struct xtandem_service, update), 0, 0},
    {"pinned", XT_BOOL, offsetof(struct xtandem_service, pinned), 0, 0},
};

void xtandem_service_release(struct xtandem_service *s) {
  free(s->machine);
  free(s->tier);
  free(s->requirements);
  cJSON_Delete(s->gates);
  *s = (struct xtandem_service){0};
}

void xtandem_free(struct xtandem *x) {
  free(x);
}

/* A map or nothing; its members, counted. */
static int expect_map(const struct node *n, const char *what, size_t *ret_count, struct err *err) {
  *ret_count = 0;
  if (!n || n->kind == NODE_NULL)
    return 0;
  if (n->kind != NODE_MAP)
    return node_error(err, n, "%s: expected a map of names", what);
  *ret_count = n->count;
  return 0;
}

static int check_endpoint(const struct machine *m, const struct node_pair *pair, struct err *err) {
  static const char *const schemes[] = {"unix://", "tcp://", "ssh://", "context://"};
  const struct node *n = node_get(pair->value, "endpoint");
  if (!m->endpoint)
    return position_error(err, &pair->key_pos,
                          "machine %s has no endpoint: expected unix://, tcp://, ssh:// or "
                          "context://",
                          m->name);
  for (size_t i = 0; i < COUNT_OF(schemes); i++) {
    size_t len = strlen(schemes[i]);
    if (strncmp(m->endpoint, schemes[i], len) == 0 && m->endpoint[len])
      return 0;
  }
  return node_error(err, n,
                    "machine %s: endpoint \"%s\" is none of unix://PATH, tcp://HOST:PORT, ssh://HOST, "
                    "context://NAME",
                    m->name, m->endpoint);
}

static int check_tls(const struct machine *m, const struct node_pair *pair, struct err *err) {
  int given = (m->tls_ca != NULL) + (m->tls_cert != NULL) + (m->tls_key != NULL);
  const struct node *tls = node_get(pair->value, "tls");
  if (given && given != 3)
    return node_error(err, tls, "machine %s: tls needs ca, cert and key", m->name);
  if (strncmp(m->endpoint, "tcp://", 6) == 0 && !given && !m->insecure)
    return node_error(err, node_get(pair->value, "endpoint"),
                      "machine %s: %s needs tls: {ca, cert, key}, or insecure: true to go without", m->name,
                      m->endpoint);
  return 0;
}

static int read_machines(struct loading *l, const struct node *machines, struct err *err) {
  size_t count;
  if (expect_map(machines, "x-tandem.machines", &count, err) < 0)
    return -1;
  if (!count)
    return 0;
  struct machine *list = l->fleet->machines = calloc(count, sizeof(*list));
  if (!list)
    return err_no_memory(err);
  for (size_t i = 0; i < count; i++) {
    const struct node_pair *pair = &machines->pairs[i];
    struct machine *m = &list[l->fleet->machine_count++];
    char what[160];
    snprintf(what, sizeof(what), "x-tandem.machines.%s", pair->key);
    m->pos = pair->key_pos;
    if (!(m->name = strdup(pair->key)))
      return err_no_memory(err);
    if (xtandem_fields(pair->value, what, machine_fields, COUNT_OF(machine_fields), l->fleet->working_dir, m, err) <
            0 ||
        check_endpoint(m, pair, err) < 0 || check_tls(m, pair, err) < 0)
      return -1;
  }
  l->xtandem->has_machines = true;
  return 0;
}

/* Without machines there is `local`: the engine that docker itself would talk to. */
static int local_machine(struct loading *l, struct err *err) {
  const char *host = NULL;
  for (const char *const *e = l->options->environ; e && *e && !host; e++)
    host = strncmp(*e, "DOCKER_HOST=", 12) == 0 ? *e + 12 : NULL;
  struct machine *m = l->fleet->machines = calloc(1, sizeof(*m));
  if (!m)
    return err_no_memory(err);
  l->fleet->machine_count = 1;
  m->name = strdup("local");
  m->endpoint = strdup(host && *host ? host : "unix:///var/run/docker.sock");
  m->insecure = host && strncmp(host, "tcp://", 6) == 0;
  return m->name && m->endpoint ? 0 : err_no_memory(err);
}

static int read_tier(struct loading *l, const struct node_pair *pair, struct err *err) {
  struct tier *t = &l->fleet->tiers[l->fleet->tier_count++];
  const struct node *build = NULL;
  const struct xtandem_field fields[] = {{"build", XT_NODE, 0, 0, 0}};
  char what[160];
  snprintf(what, sizeof(what), "x-tandem.tiers.%s", pair->key);
  t->pos = pair->key_pos;
  t->name = strdup(pair->key);
  if (!t->name || asprintf(&t->image, "%s-tier-%s:latest", l->fleet->name, pair->key) < 0)
    return t->image = NULL, err_no_memory(err);
  if (xtandem_fields(pair->value, what, fields, 1, NULL, &build, err) < 0)
    return -1;
  if (!build)
    return position_error(err, &pair->key_pos, "tier %s has no build", t->name);
  return fleet_read_build(build, l->fleet->working_dir, &l->document->environment, &t->build, err);
}

static int read_tiers(struct loading *l, const struct node *tiers, struct err *err) {
  size_t count;
  if (expect_map(tiers, "x-tandem.tiers", &count, err) < 0)
    return -1;
  if (count && !(l->fleet->tiers = calloc(count, sizeof(*l->fleet->tiers))))
    return err_no_memory(err);
  for (size_t i = 0; i < count; i++)
    if (read_tier(l, &tiers->pairs[i], err) < 0)
      return -1;
  return 0;
}

static int overlay(struct loading *l, const struct node_pair *rule, struct xtandem_service *to, struct err *err) {
  char what[160];
  snprintf(what, sizeof(what), "x-tandem.services.%s", rule->key);
  return xtandem_fields(rule->value, what, service_fields, COUNT_OF(service_fields), l->fleet->working_dir, to, err);
}

/* Each rule is read once for its own sake, so that a mistake shows also where no service matches. */
static int check_rules(struct loading *l, const struct node *rules, struct err *err) {
  const struct node *services = node_get(l->document->root, "services");
  size_t count;
  if (expect_map(rules, "x-tandem.services", &count, err) < 0)
    return -1;
  for (size_t i = 0; i < count; i++) {
    struct xtandem_service scratch = {0};
    const struct node_pair *rule = &rules->pairs[i];
    int rc = overlay(l, rule, &scratch, err);
    xtandem_service_release(&scratch);
    bool matches = false;
    for (size_t s = 0; services && s < services->count && !matches; s++)
      matches = fnmatch(rule->key, services->pairs[s].key, 0) == 0;
    const struct node at = {.pos = rule->key_pos};
    if (rc < 0 ||
        (!matches && fleet_warn(l->fleet, &at, "x-tandem.services: \"%s\" matches no service", rule->key) < 0))
      return -1;
  }
  l->xtandem->services = count ? rules : NULL;
  return 0;
}

int xtandem_read(struct loading *l, struct err *err) {
  struct sections s = {.update = {.order = ORDER_AUTO,
                                  .parallelism = 8,
                                  .monitor_ms = 10000,
                                  .retain = 3,
                                  .reconnect_ms = 30000}};
  if (!(l->xtandem = calloc(1, sizeof(*l->xtandem))))
    return err_no_memory(err);
  l->xtandem->root = node_get(l->document->root, "x-tandem");
  if (xtandem_fields(l->xtandem->root, "x-tandem", root_fields, COUNT_OF(root_fields), l->fleet->working_dir, &s, err) <
      0)
    return -1;
  l->xtandem->limits = s.limits;
  l->fleet->update = s.update;
  if (read_machines(l, s.machines, err) < 0 || (!l->xtandem->has_machines && local_machine(l, err) < 0))
    return -1;
  return read_tiers(l, s.tiers, err) < 0 ? -1 : check_rules(l, s.services, err);
}

int xtandem_for_service(struct loading *l, const char *service, struct xtandem_service *ret, struct err *err) {
  struct xtandem_service s = {.limits = l->xtandem->limits, .update = l->fleet->update};
  const struct node *rules = l->xtandem->services;
  for (size_t i = 0; rules && i < rules->count; i++) {
    if (fnmatch(rules->pairs[i].key, service, 0) != 0)
      continue;
    if (overlay(l, &rules->pairs[i], &s, err) < 0) {
      xtandem_service_release(&s);
      return -1;
    }
  }
  *ret = s;
  return 0;
}

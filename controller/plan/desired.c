/* The desired state from a fleet: placement is known, so here names across machines, tier images, labels and hashes
 * are added, and everything becomes one document. */
#include "controller/plan/desired.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/fields.h"
#include "controller/plan/ref.h"

struct builder {
  const struct fleet *fleet;
  desired_context_digest *digest;
  void *digest_arg;
  cJSON *doc;
  cJSON *images, *networks, *volumes, *services;
  char **tier_hash; /* by tier; NULL until asked for */
};

static int add_to(cJSON *list, cJSON *item, bool complete, struct err *err) {
  if (item && complete && cJSON_AddItemToArray(list, item))
    return 0;
  cJSON_Delete(item);
  return err_no_memory(err);
}

static int fail_at(struct err *err, const struct position *pos, const char *text) {
  if (!pos->file)
    return err_set(err, ERR_INPUT, "%s", text);
  return err_set(err, ERR_INPUT, "%s:%d:%d: %s", pos->file, pos->line, pos->column, text);
}

static bool put_copy(cJSON *object, const char *name, const cJSON *value) {
  return !value || json_put(object, name, cJSON_Duplicate(value, true));
}

static bool put_text(cJSON *object, const char *name, const char *value) {
  return !value || json_put_str(object, name, value);
}

/* The build as POST /build needs it; args may be a changed copy of the build's own. */
static cJSON *build_json(const struct build *b, const cJSON *args) {
  cJSON *json = cJSON_CreateObject();
  bool ok = json && put_text(json, "context", b->context) && put_text(json, "dockerfile", b->dockerfile) &&
            put_text(json, "dockerfile_inline", b->dockerfile_inline) && put_text(json, "target", b->target) &&
            put_text(json, "network", b->network) && put_copy(json, "args", args) &&
            put_copy(json, "labels", b->labels) && put_copy(json, "cache_from", b->cache_from) &&
            put_copy(json, "extra_hosts", b->extra_hosts) && json_put_int(json, "shm_size", b->shm_size_bytes) &&
            json_put_bool(json, "no_cache", b->no_cache) && json_put_bool(json, "pull", b->pull);
  if (ok)
    return json;
  cJSON_Delete(json);
  return NULL;
}

/* What decides whether an image is stale: content, options and base, but not where the context lies. */
static int build_hash(struct builder *w, const struct build *b, const cJSON *build, const char *base_hash,
                      char ret_hex[65], struct err *err) {
  char context[65];
  if (w->digest(w->digest_arg, b, context, err) < 0)
    return -1;
  CLEANUP_JSON cJSON *key = cJSON_Duplicate(build, true);
  if (!key || !json_put_str(key, "context", context) || !put_text(key, "base", base_hash))
    return err_no_memory(err);
  return json_hash(key, ret_hex, err);
}

static int add_image(struct builder *w, const char *machine, const char *ref, const char *service, const char *tier,
                     const cJSON *build, const char *hash, const char *base, const char *platform,
                     const char *pull_policy, struct err *err) {
  cJSON *json = cJSON_CreateObject();
  bool ok = json && json_put_str(json, "machine", machine) && json_put_str(json, "ref", ref) &&
            put_text(json, "service", service) && put_text(json, "tier", tier) && put_copy(json, "build", build) &&
            put_text(json, "build_hash", hash) && put_text(json, "base", base) &&
            put_text(json, "platform", platform) && put_text(json, "pull_policy", pull_policy);
  return add_to(w->images, json, ok, err);
}

static bool has_image(const cJSON *images, const char *machine, const char *ref) {
  const cJSON *i;
  cJSON_ArrayForEach(i, images) {
    if (strcmp(json_str(i, "ref", ""), ref) == 0 && strcmp(json_str(i, "machine", ""), machine) == 0)
      return true;
  }
  return false;
}

static int tier_hash(struct builder *w, int tier, const cJSON *build, const char **ret_hash, struct err *err) {
  if (!w->tier_hash[tier]) {
    char hex[65];
    if (build_hash(w, w->fleet->tiers[tier].build, build, NULL, hex, err) < 0)
      return err_wrap(err, "tier %s", w->fleet->tiers[tier].name);
    if (!(w->tier_hash[tier] = strdup(hex)))
      return err_no_memory(err);
  }
  *ret_hash = w->tier_hash[tier];
  return 0;
}

static int add_tier_image(struct builder *w, int tier, const char *machine, const char **ret_hash, struct err *err) {
  const struct tier *t = &w->fleet->tiers[tier];
  CLEANUP_FREE char *ref = ref_familiar(t->image);
  CLEANUP_JSON cJSON *build = build_json(t->build, t->build->args);
  if (!ref || !build)
    return err_no_memory(err);
  if (tier_hash(w, tier, build, ret_hash, err) < 0)
    return -1;
  if (has_image(w->images, machine, ref))
    return 0;
  return add_image(w, machine, ref, NULL, t->name, build, *ret_hash, NULL, NULL, NULL, err);
}

static int add_service_image(struct builder *w, const struct service *s, const char *machine, const char *ref,
                             struct err *err) {
  if (!s->build) {
    if (has_image(w->images, machine, ref))
      return 0;
    return add_image(w, machine, ref, s->name, NULL, NULL, NULL, NULL, s->platform, s->pull_policy, err);
  }
  if (strstr(s->build->context, "://") || strncmp(s->build->context, "git@", 4) == 0)
    return fail_at(err, &s->build->pos, "a build context that is not a local folder is not supported");
  const char *base_hash = NULL;
  CLEANUP_FREE char *base = NULL;
  CLEANUP_JSON cJSON *args = s->build->args ? cJSON_Duplicate(s->build->args, true) : cJSON_CreateObject();
  if (!args)
    return err_no_memory(err);
  if (s->tier >= 0) {
    if (add_tier_image(w, s->tier, machine, &base_hash, err) < 0)
      return -1;
    base = ref_familiar(w->fleet->tiers[s->tier].image);
    if (!base || (!json_get(args, "TIER_IMAGE") && !json_put_str(args, "TIER_IMAGE", base)))
      return err_no_memory(err);
  }
  char hash[65];
  CLEANUP_JSON cJSON *build = build_json(s->build, args);
  if (!build)
    return err_no_memory(err);
  if (build_hash(w, s->build, build, base_hash, hash, err) < 0)
    return err_wrap(err, "build of %s", s->name);
  if (has_image(w->images, machine, ref))
    return 0;
  return add_image(w, machine, ref, s->name, NULL, build, hash, base, s->platform, s->pull_policy, err);
}

/* --- names across machines --------------------------------------------------------------------------------------- */

static int check_cross_ports(const struct dependency *d, const struct service *s, const struct service *target,
                             struct err *err) {
  char text[512];
  const char *mode = json_str(json_get(target->body, "HostConfig"), "NetworkMode", "");
  if (strcmp(mode, "host") == 0)
    return 0;
  if (target->port_count == 0) {
    snprintf(text, sizeof(text),
             "service %s depends on %s, which is on another machine and publishes no port: publish its ports under "
             "the same numbers (\"N:N\")",
             s->name, target->name);
    return fail_at(err, &d->pos, text);
  }
  for (size_t i = 0; i < target->port_count; i++) {
    const struct published_port *p = &target->ports[i];
    if (p->published == p->target)
      continue;
    snprintf(text, sizeof(text),
             "service %s depends on %s, which is on another machine and publishes container port %d as %d: a caller "
             "finds it by its name only under the same number",
             s->name, target->name, p->target, p->published);
    return fail_at(err, &d->pos, text);
  }
  return 0;
}

static bool host_is_named(const cJSON *hosts, const char *name) {
  size_t len = strlen(name);
  const cJSON *h;
  cJSON_ArrayForEach(h, hosts) {
    if (cJSON_IsString(h) && strncmp(h->valuestring, name, len) == 0 && strchr(":=", h->valuestring[len]))
      return true;
  }
  return false;
}

static int add_extra_host(cJSON *body, const char *name, const char *address, struct err *err) {
  cJSON *host = cJSON_GetObjectItemCaseSensitive(body, "HostConfig");
  if (!host && (!(host = cJSON_CreateObject()) || !json_put(body, "HostConfig", host)))
    return err_no_memory(err);
  cJSON *hosts = cJSON_GetObjectItemCaseSensitive(host, "ExtraHosts");
  if (!cJSON_IsArray(hosts) && (!(hosts = cJSON_CreateArray()) || !json_put(host, "ExtraHosts", hosts)))
    return err_no_memory(err);
  if (host_is_named(hosts, name))
    return 0; /* the user's own entry wins */
  char entry[512];
  snprintf(entry, sizeof(entry), "%s:%s", name, address);
  cJSON *item = cJSON_CreateString(entry);
  return item && cJSON_AddItemToArray(hosts, item) ? 0 : err_no_memory(err);
}

static int add_cross_names(struct builder *w, const struct service *s, cJSON *body, struct err *err) {
  for (size_t i = 0; i < s->dependency_count; i++) {
    const struct dependency *d = &s->dependencies[i];
    const struct service *target = fleet_service(w->fleet, d->service);
    if (!target || target->machine == s->machine)
      continue;
    const struct machine *there = &w->fleet->machines[target->machine];
    if (!there->address) {
      char text[512];
      snprintf(text, sizeof(text), "service %s depends on %s on machine %s, which has no address in x-tandem.machines",
               s->name, target->name, there->name);
      return fail_at(err, &d->pos, text);
    }
    if (check_cross_ports(d, s, target, err) < 0 || add_extra_host(body, target->name, there->address, err) < 0)
      return -1;
  }
  return 0;
}

/* --- services ---------------------------------------------------------------------------------------------------- */

static int add_labels(struct builder *w, const struct service *s, cJSON *body, const char *spec_hash,
                      struct err *err) {
  cJSON *labels = cJSON_GetObjectItemCaseSensitive(body, "Labels");
  if (!cJSON_IsObject(labels) && (!(labels = cJSON_CreateObject()) || !json_put(body, "Labels", labels)))
    return err_no_memory(err);
  bool ok = json_put_str(labels, "tandem.project", w->fleet->name) && json_put_str(labels, "tandem.service", s->name) &&
            json_put_str(labels, "tandem.machine", w->fleet->machines[s->machine].name) &&
            json_put_str(labels, "tandem.role", "live") && json_put_str(labels, "tandem.spec-hash", spec_hash);
  return ok ? 0 : err_no_memory(err);
}

static cJSON *dependencies_json(const struct service *s) {
  cJSON *list = cJSON_CreateArray();
  for (size_t i = 0; list && i < s->dependency_count; i++) {
    const struct dependency *d = &s->dependencies[i];
    cJSON *item = cJSON_CreateObject();
    bool ok = item && json_put_str(item, "service", d->service) && json_put_int(item, "condition", d->condition) &&
              json_put_bool(item, "required", d->required) && json_put_bool(item, "restart", d->restart);
    if (add_to(list, item, ok, NULL) < 0) {
      cJSON_Delete(list);
      return NULL;
    }
  }
  return list;
}

static cJSON *strv_json(const struct strv *v) {
  return json_strings(v->items, v->count);
}

static int add_service(struct builder *w, const struct service *s, struct err *err) {
  const char *machine = w->fleet->machines[s->machine].name;
  char spec_hash[65];
  CLEANUP_FREE char *ref = ref_familiar(s->image);
  CLEANUP_JSON cJSON *body = cJSON_Duplicate(s->body, true);
  if (!ref || !body)
    return err_no_memory(err);
  if (add_service_image(w, s, machine, ref, err) < 0 || add_cross_names(w, s, body, err) < 0 ||
      fields_spec_hash(body, s->files, spec_hash, err) < 0 || add_labels(w, s, body, spec_hash, err) < 0)
    return -1;
  const char *config_hash = json_str(json_get(s->body, "Labels"), "com.docker.compose.config-hash", "");
  cJSON *json = cJSON_CreateObject();
  bool ok = json && json_put_str(json, "name", s->name) && json_put_str(json, "machine", machine) &&
            json_put_str(json, "container_name", s->container_name) &&
            json_put_bool(json, "container_name_set", s->container_name_set) && json_put_str(json, "image", ref) &&
            put_text(json, "platform", s->platform) && json_put(json, "body", STEAL(body)) &&
            put_copy(json, "files", s->files) && json_put(json, "depends_on", dependencies_json(s)) &&
            json_put_str(json, "spec_hash", spec_hash) && json_put_str(json, "config_hash", config_hash) &&
            json_put(json, "secret_env", strv_json(&s->secret_env)) &&
            json_put_int(json, "order", s->update.order) && json_put_int(json, "monitor_ms", s->update.monitor_ms) &&
            json_put_int(json, "stop_grace_s", s->stop_grace_s);
  return add_to(w->services, json, ok, err);
}

static int add_resources(struct builder *w, const struct resource *all, size_t count, bool network, cJSON *list,
                         struct err *err) {
  for (size_t r = 0; r < count; r++) {
    for (size_t m = 0; m < w->fleet->machine_count; m++) {
      bool used = false;
      for (size_t i = 0; i < w->fleet->service_count && !used; i++) {
        const struct service *s = &w->fleet->services[i];
        used = s->machine == m && s->replicas != 0 && strv_has(network ? &s->networks : &s->volumes, all[r].key);
      }
      if (!used)
        continue;
      cJSON *json = cJSON_CreateObject();
      bool ok = json && json_put_str(json, "machine", w->fleet->machines[m].name) &&
                json_put_str(json, "name", all[r].name) && json_put_bool(json, "external", all[r].external) &&
                put_copy(json, "body", all[r].body);
      if (add_to(list, json, ok, err) < 0)
        return -1;
    }
  }
  return 0;
}

static int add_machines(struct builder *w, struct err *err) {
  cJSON *list = cJSON_CreateArray();
  if (!json_put(w->doc, "machines", list))
    return err_no_memory(err);
  for (size_t i = 0; i < w->fleet->machine_count; i++) {
    cJSON *json = cJSON_CreateObject();
    bool ok = json && json_put_str(json, "name", w->fleet->machines[i].name) &&
              put_text(json, "address", w->fleet->machines[i].address);
    if (add_to(list, json, ok, err) < 0)
      return -1;
  }
  return 0;
}

static cJSON *put_list(cJSON *doc, const char *name) {
  cJSON *list = cJSON_CreateArray();
  return json_put(doc, name, list) ? list : NULL;
}

static int fill(struct builder *w, struct err *err) {
  const struct fleet *f = w->fleet;
  w->images = put_list(w->doc, "images");
  w->networks = put_list(w->doc, "networks");
  w->volumes = put_list(w->doc, "volumes");
  w->services = put_list(w->doc, "services");
  if (!w->images || !w->networks || !w->volumes || !w->services || !json_put_int(w->doc, "format", 1) ||
      !json_put_str(w->doc, "project", f->name) || !json_put_int(w->doc, "parallelism", f->update.parallelism) ||
      !json_put_int(w->doc, "retain", f->update.retain) ||
      !json_put_int(w->doc, "reconnect_ms", f->update.reconnect_ms))
    return err_no_memory(err);
  if (add_machines(w, err) < 0 || add_resources(w, f->networks, f->network_count, true, w->networks, err) < 0 ||
      add_resources(w, f->volumes, f->volume_count, false, w->volumes, err) < 0)
    return -1;
  for (size_t i = 0; i < f->service_count; i++)
    if (f->services[i].replicas != 0 && add_service(w, &f->services[i], err) < 0)
      return -1;
  return 0;
}

int desired_from_fleet(const struct fleet *fleet, desired_context_digest *digest, void *digest_arg,
                       struct desired **ret_desired, struct err *err) {
  CLEANUP_JSON cJSON *doc = cJSON_CreateObject();
  struct builder w = {.fleet = fleet, .digest = digest, .digest_arg = digest_arg, .doc = doc};
  w.tier_hash = calloc(fleet->tier_count + 1, sizeof(*w.tier_hash));
  int rc = doc && w.tier_hash ? fill(&w, err) : err_no_memory(err);
  for (size_t i = 0; w.tier_hash && i < fleet->tier_count; i++)
    free(w.tier_hash[i]);
  free(w.tier_hash);
  return rc < 0 ? -1 : desired_load(doc, fleet->name, ret_desired, err);
}

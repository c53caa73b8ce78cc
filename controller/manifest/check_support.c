/* Keys that docker compose takes and tandem does not, or not wholly, honour. Nothing is passed over in silence:
 * what would change how a service runs is refused before a deploy, the rest is a warning. */
#include <string.h>

#include "controller/manifest/check.h"
#include "controller/manifest/fleet_private.h"

static const struct support {
  const char *path; /* in a service */
  bool refused;
  const char *text;
} supports[] = {
    {"credential_spec", false, "is not sent to an engine, as docker compose does not send it either"},
    {"provider", true, "is not supported: a service of a provider is no container"},
    {"models", true, "is not supported: there is no model runner on a plain engine"},
    {"use_api_socket", true, "is not supported"},
    {"post_start", true, "hooks are not supported"},
    {"pre_stop", true, "hooks are not supported"},
    {"build.additional_contexts", true, "is not supported"},
    {"build.ssh", true, "is not supported"},
    {"build.secrets", true, "are not supported"},
    {"build.privileged", true, "is not supported"},
    {"build.entitlements", true, "are not supported"},
    {"build.cache_to", false, "is not observed: the cache stays on the engine"},
    {"build.ulimits", false, "are not observed"},
    {"build.isolation", false, "is not observed"},
    {"build.provenance", false, "is not observed"},
    {"build.sbom", false, "is not observed"},
    {"deploy.update_config", false, "is not observed: see x-tandem.update"},
    {"deploy.rollback_config", false, "is not observed: see x-tandem.update"},
    {"deploy.labels", false, "are a Swarm service's and not put on a container"},
    {"deploy.endpoint_mode", false, "is not observed: there is no Swarm"},
    {"deploy.resources.reservations.cpus", false, "is not observed: an engine cannot reserve CPUs"},
    {"deploy.resources.reservations.generic_resources", false, "are not observed: there is no Swarm"},
    {"deploy.placement.preferences", false, "are not observed: there is no Swarm"},
    {"cpu_percent", false, "is for Windows only and not sent"},
    {"develop", false, "is not observed: tandem watches no files"},
};

static bool is_set(const struct node *n) {
  if (!n || n->kind == NODE_NULL || (n->kind == NODE_BOOL && !n->boolean))
    return false;
  return (n->kind != NODE_LIST && n->kind != NODE_MAP) || n->count > 0;
}

/* --- warnings ----------------------------------------------------------------------------------------------------- */

int check_support_warn(struct fleet *fleet, struct err *err) {
  const struct node *services = node_get(fleet->source->root, "services");
  for (size_t s = 0; services && s < services->count; s++) {
    for (size_t i = 0; i < COUNT_OF(supports); i++) {
      const struct node *n = node_at(services->pairs[s].value, supports[i].path);
      if (is_set(n) &&
          fleet_warn(fleet, n, "service %s: %s %s", services->pairs[s].key, supports[i].path, supports[i].text) < 0)
        return err_no_memory(err);
    }
  }
  return 0;
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */

static int check_platforms(const char *service, const struct node *n, struct err *err) {
  const struct node *platforms = node_at(n, "build.platforms");
  if (!platforms || platforms->kind != NODE_LIST || platforms->count < 2)
    return 0;
  return node_error(err, platforms->items[1], "service %s: an image is built for one platform, not for %zu", service,
                    platforms->count);
}

/* A secret or config must come from a file, a variable that is set, or its own text. */
static int check_source(const struct fleet *fleet, const char *section, const struct node *use, struct err *err) {
  const char *name = node_text(node_get(use, "source"), "");
  const struct node *from = node_get(node_get(fleet->source->root, section), name);
  const struct node *variable = node_get(from, "environment");
  const char *word = strcmp(section, "secrets") == 0 ? "secret" : "config";
  static const char *const refused[] = {"external", "driver", "template_driver"};
  for (size_t i = 0; i < COUNT_OF(refused); i++)
    if (is_set(node_get(from, refused[i])))
      return node_error(err, node_get(from, refused[i]), "%s %s: %s is not supported without Swarm", word, name,
                        refused[i]);
  if (variable && !fleet_env(&fleet->source->environment, node_text(variable, "")))
    return node_error(err, variable, "%s %s: environment variable %s is not set", word, name, node_text(variable, ""));
  return 0;
}

static int check_sources(const struct fleet *fleet, const struct node *n, struct err *err) {
  static const char *const sections[] = {"secrets", "configs"};
  for (size_t s = 0; s < COUNT_OF(sections); s++) {
    const struct node *uses = node_get(n, sections[s]);
    for (size_t i = 0; uses && uses->kind == NODE_LIST && i < uses->count; i++)
      if (check_source(fleet, sections[s], uses->items[i], err) < 0)
        return -1;
  }
  return 0;
}

static int check_service(const struct fleet *fleet, const struct node_pair *pair, struct err *err) {
  const struct service *s = fleet_service(fleet, pair->key);
  for (size_t i = 0; i < COUNT_OF(supports); i++) {
    const struct node *n = supports[i].refused ? node_at(pair->value, supports[i].path) : NULL;
    if (is_set(n))
      return node_error(err, n, "service %s: %s %s", pair->key, supports[i].path, supports[i].text);
  }
  if (s && s->files && fleet_is_true(node_get(pair->value, "read_only")))
    return node_error(err, node_get(pair->value, "read_only"),
                      "service %s: with read_only, no secret or config can be put into the container but from a file",
                      pair->key);
  if (check_platforms(pair->key, pair->value, err) < 0)
    return -1;
  return check_sources(fleet, pair->value, err);
}

int check_support(const struct fleet *fleet, struct err *err) {
  const struct node *services = node_get(fleet->source->root, "services");
  for (size_t i = 0; services && i < services->count; i++)
    if (check_service(fleet, &services->pairs[i], err) < 0)
      return -1;
  return 0;
}

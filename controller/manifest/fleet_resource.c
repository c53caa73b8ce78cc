/* The networks and volumes that services use, with the bodies that make them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"
#include "controller/manifest/confighash.h"
#include "controller/manifest/fleet_private.h"

static int add_label(cJSON *labels, const char *prefix, const char *name, const char *value) {
  CLEANUP_FREE char *key = NULL;
  if (asprintf(&key, "%s%s", prefix, name) < 0)
    return key = NULL, -1;
  return json_put_str(labels, key, value) ? 0 : -1;
}

static cJSON *resource_labels(const struct fleet *fleet, const struct node *n, const char *kind, const char *key) {
  char hash[65];
  const struct node *own = node_get(n, "labels");
  CLEANUP_JSON cJSON *labels = own ? node_to_json(own) : cJSON_CreateObject();
  bool network = strcmp(kind, "network") == 0;
  if (!labels || (network ? confighash_network(n, hash, NULL) : confighash_volume(n, hash, NULL)) < 0 ||
      add_label(labels, "com.docker.compose.", kind, key) < 0 ||
      add_label(labels, "com.docker.compose.", "project", fleet->name) < 0 ||
      add_label(labels, "com.docker.compose.", "version", BODY_COMPOSE_VERSION) < 0 ||
      add_label(labels, "com.docker.compose.", "config-hash", hash) < 0)
    return NULL;
  return STEAL(labels);
}

static bool put_copied(cJSON *to, const char *name, const struct node *n) {
  return !n || n->kind == NODE_NULL || json_put(to, name, node_to_json(n));
}

static bool put_flag(cJSON *to, const char *name, const struct node *n) {
  return !n || n->kind == NODE_NULL || json_put_bool(to, name, fleet_is_true(n));
}

/* {Driver, Config: [{Subnet, IPRange, Gateway, AuxiliaryAddresses}]}; options are not sent, as docker compose does. */
static bool put_ipam(cJSON *body, const struct node *ipam) {
  const struct node *driver = node_get(ipam, "driver"), *config = node_get(ipam, "config");
  if (!driver && (!config || !config->count))
    return true;
  cJSON *to = cJSON_CreateObject();
  if (!json_put(body, "IPAM", to) || !put_copied(to, "Driver", driver))
    return false;
  cJSON *list = config ? cJSON_CreateArray() : NULL;
  if (config && !json_put(to, "Config", list))
    return false;
  for (size_t i = 0; config && i < config->count; i++) {
    const struct node *pool = config->items[i];
    cJSON *item = cJSON_CreateObject();
    if (!item || !cJSON_AddItemToArray(list, item) || !put_copied(item, "Subnet", node_get(pool, "subnet")) ||
        !put_copied(item, "IPRange", node_get(pool, "ip_range")) ||
        !put_copied(item, "Gateway", node_get(pool, "gateway")) ||
        !put_copied(item, "AuxiliaryAddresses", node_get(pool, "aux_addresses")))
      return false;
  }
  return true;
}

static cJSON *network_body(const struct fleet *fleet, const struct resource *r, const struct node *n) {
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  bool ok = body && json_put_str(body, "Name", r->name) &&
            json_put_str(body, "Driver", node_text(node_get(n, "driver"), "bridge")) &&
            put_copied(body, "Options", node_get(n, "driver_opts")) &&
            put_flag(body, "Internal", node_get(n, "internal")) &&
            put_flag(body, "Attachable", node_get(n, "attachable")) &&
            put_flag(body, "EnableIPv4", node_get(n, "enable_ipv4")) &&
            put_flag(body, "EnableIPv6", node_get(n, "enable_ipv6")) && put_ipam(body, node_get(n, "ipam")) &&
            json_put(body, "Labels", resource_labels(fleet, n, "network", r->key));
  return ok ? STEAL(body) : NULL;
}

static cJSON *volume_body(const struct fleet *fleet, const struct resource *r, const struct node *n) {
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  bool ok = body && json_put_str(body, "Name", r->name) && put_copied(body, "Driver", node_get(n, "driver")) &&
            put_copied(body, "DriverOpts", node_get(n, "driver_opts")) &&
            json_put(body, "Labels", resource_labels(fleet, n, "volume", r->key));
  return ok ? STEAL(body) : NULL;
}

static bool is_used(const struct fleet *fleet, const char *key, bool network) {
  for (size_t i = 0; i < fleet->service_count; i++)
    if (strv_has(network ? &fleet->services[i].networks : &fleet->services[i].volumes, key))
      return true;
  return false;
}

static int read_resource(struct loading *l, const struct node_pair *pair, bool network, struct resource *r,
                         struct err *err) {
  const struct node *n = pair->value;
  r->pos = pair->key_pos;
  r->external = fleet_is_true(node_get(n, "external"));
  r->key = strdup(pair->key);
  if (!r->key || fleet_copy_text(&r->name, node_get(n, "name"), err) < 0)
    return err_no_memory(err);
  if (!r->name && asprintf(&r->name, "%s_%s", l->fleet->name, pair->key) < 0)
    return r->name = NULL, err_no_memory(err);
  if (!r->external && !(r->body = network ? network_body(l->fleet, r, n) : volume_body(l->fleet, r, n)))
    return err_no_memory(err);
  return 0;
}

static int read_kind(struct loading *l, const char *section, bool network, struct resource **ret, size_t *ret_count,
                     struct err *err) {
  const struct node *all = node_get(l->document->root, section);
  if (!all || !all->count)
    return 0;
  if (!(*ret = calloc(all->count, sizeof(**ret))))
    return err_no_memory(err);
  for (size_t i = 0; i < all->count; i++)
    if (is_used(l->fleet, all->pairs[i].key, network) &&
        read_resource(l, &all->pairs[i], network, &(*ret)[(*ret_count)++], err) < 0)
      return -1;
  return 0;
}

int fleet_read_resources(struct loading *l, struct err *err) {
  if (read_kind(l, "networks", true, &l->fleet->networks, &l->fleet->network_count, err) < 0)
    return -1;
  return read_kind(l, "volumes", false, &l->fleet->volumes, &l->fleet->volume_count, err);
}

/* HostConfig.NetworkMode and NetworkingConfig.EndpointsConfig. */
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

static int64_t priority_of(const struct node_pair *pair) {
  int64_t priority = 0;
  fleet_int(node_get(pair->value, "priority"), &priority);
  return priority;
}

/* The highest priority first, then by name. */
static int by_priority(const void *a, const void *b) {
  const struct node_pair *x = *(const struct node_pair *const *)a, *y = *(const struct node_pair *const *)b;
  int64_t px = priority_of(x), py = priority_of(y);
  return px != py ? (px < py) - (px > py) : strcmp(x->key, y->key);
}

static bool put_text(cJSON *to, const char *name, const struct node *n) {
  const char *text = node_text(n, "");
  return !*text || json_put_str(to, name, text);
}

static bool put_list(cJSON *to, const char *name, const struct node *n) {
  return !n || n->count == 0 || json_put(to, name, node_to_json(n));
}

static int put_aliases(struct body *b, cJSON *endpoint, const struct node *own, struct err *err) {
  CLEANUP_STRV struct strv aliases = STRV_INIT;
  if (strv_add(&aliases, b->service->container_name, err) < 0 || strv_add_once(&aliases, b->service->name, err) < 0)
    return -1;
  for (size_t i = 0; own && i < own->count; i++)
    if (strv_add_once(&aliases, node_text(own->items[i], ""), err) < 0)
      return -1;
  cJSON *list = cJSON_CreateStringArray((const char *const *)aliases.items, (int)aliases.count);
  return json_put(endpoint, "Aliases", list) ? 0 : err_no_memory(err);
}

static bool put_ipam(cJSON *endpoint, const struct node *n) {
  CLEANUP_JSON cJSON *ipam = cJSON_CreateObject();
  bool ok = ipam && put_text(ipam, "IPv4Address", node_get(n, "ipv4_address")) &&
            put_text(ipam, "IPv6Address", node_get(n, "ipv6_address")) &&
            put_list(ipam, "LinkLocalIPs", node_get(n, "link_local_ips"));
  return ok && (!ipam->child || json_put(endpoint, "IPAMConfig", STEAL(ipam)));
}

static bool put_driver_options(cJSON *endpoint, const struct node *n) {
  const struct node *given = node_get(n, "driver_opts"), *name = node_get(n, "interface_name");
  CLEANUP_JSON cJSON *options = given && given->kind == NODE_MAP ? node_to_json(given) : cJSON_CreateObject();
  bool ok = options && put_text(options, "com.docker.network.endpoint.ifname", name);
  return ok && (!options->child || json_put(endpoint, "DriverOpts", STEAL(options)));
}

static cJSON *endpoint_of(struct body *b, const struct node *n, const char *mac_address, struct err *err) {
  CLEANUP_JSON cJSON *endpoint = cJSON_CreateObject();
  int64_t gateway;
  if (!endpoint || put_aliases(b, endpoint, node_get(n, "aliases"), err) < 0)
    return NULL;
  const char *own = node_text(node_get(n, "mac_address"), mac_address);
  const cJSON *links = json_get(json_get(b->config, "HostConfig"), "Links");
  bool ok = (!links || json_put(endpoint, "Links", cJSON_Duplicate(links, true))) && put_ipam(endpoint, n) &&
            (!*own || json_put_str(endpoint, "MacAddress", own)) &&
            (!fleet_int(node_get(n, "gw_priority"), &gateway) || json_put_int(endpoint, "GwPriority", gateway)) &&
            put_driver_options(endpoint, n);
  return ok ? STEAL(endpoint) : NULL;
}

static const char *network_name(struct body *b, const char *key) {
  const struct node *network = node_get(node_get(b->l->document->root, "networks"), key);
  return node_text(node_get(network, "name"), key);
}

static int put_endpoints(struct body *b, const struct node_pair **pairs, size_t count, struct err *err) {
  cJSON *config = cJSON_CreateObject(), *endpoints;
  if (!json_put(b->config, "NetworkingConfig", config) || !(endpoints = cJSON_CreateObject()) ||
      !json_put(config, "EndpointsConfig", endpoints))
    return err_no_memory(err);
  for (size_t i = 0; i < count; i++) {
    const char *mac_address = i == 0 ? node_text(node_get(b->from, "mac_address"), "") : "";
    cJSON *endpoint = endpoint_of(b, pairs[i]->value, mac_address, err);
    if (!json_put(endpoints, network_name(b, pairs[i]->key), endpoint))
      return err_no_memory(err);
    if (strv_add(&b->service->networks, pairs[i]->key, err) < 0)
      return -1;
  }
  return 0;
}

int body_networks(struct body *b, struct err *err) {
  const char *mode = node_text(node_get(b->from, "network_mode"), "");
  const struct node *networks = node_get(b->from, "networks");
  cJSON *host = cJSON_GetObjectItemCaseSensitive(b->config, "HostConfig");
  if (*mode || !networks || networks->kind != NODE_MAP || networks->count == 0)
    return json_put_str(host, "NetworkMode", *mode ? mode : "none") ? 0 : err_no_memory(err);
  CLEANUP_FREE const struct node_pair **pairs = calloc(networks->count, sizeof(*pairs));
  if (!pairs)
    return err_no_memory(err);
  for (size_t i = 0; i < networks->count; i++)
    pairs[i] = &networks->pairs[i];
  qsort(pairs, networks->count, sizeof(*pairs), by_priority);
  if (!json_put_str(host, "NetworkMode", network_name(b, pairs[0]->key)))
    return err_no_memory(err);
  return put_endpoints(b, pairs, networks->count, err);
}

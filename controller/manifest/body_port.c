#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

static cJSON *exposed(struct body *b) {
  cJSON *map = cJSON_GetObjectItemCaseSensitive(b->config, "ExposedPorts");
  if (!map && (map = cJSON_CreateObject()) && !json_put(b->config, "ExposedPorts", map))
    return NULL;
  return map;
}

static int expose(struct body *b, const char *port, struct err *err) {
  cJSON *map = exposed(b);
  return map && json_put(map, port, cJSON_CreateObject()) ? 0 : err_no_memory(err);
}

/* The text as written is the key: neither "/tcp" nor ranges are worked out. */
int body_expose(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  (void)f;
  for (size_t i = 0; i < value->count; i++)
    if (expose(b, node_text(value->items[i], ""), err) < 0)
      return -1;
  return 0;
}

static int bind_port(struct body *b, cJSON *bindings, const struct node *port, struct err *err) {
  char key[64];
  snprintf(key, sizeof(key), "%s/%s", node_text(node_get(port, "target"), ""),
           node_text(node_get(port, "protocol"), "tcp"));
  if (expose(b, key, err) < 0)
    return -1;
  cJSON *list = cJSON_GetObjectItemCaseSensitive(bindings, key), *item = cJSON_CreateObject();
  if (!list && (list = cJSON_CreateArray()) && !json_put(bindings, key, list))
    list = NULL;
  if (body_append(list, item, err) < 0)
    return -1;
  bool ok = json_put_str(item, "HostIp", node_text(node_get(port, "host_ip"), "")) &&
            json_put_str(item, "HostPort", node_text(node_get(port, "published"), ""));
  return ok ? 0 : err_no_memory(err);
}

int body_ports(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  cJSON *bindings = cJSON_CreateObject();
  if (!json_put(b->host, f->engine, bindings))
    return err_no_memory(err);
  for (size_t i = 0; i < value->count; i++)
    if (bind_port(b, bindings, value->items[i], err) < 0)
      return -1;
  return 0;
}

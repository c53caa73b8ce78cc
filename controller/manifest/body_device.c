/* Devices, graphics cards and block I/O weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

/* "vendor/class=name" names a device of the Container Device Interface. */
static bool is_cdi(const char *source) {
  return *source != '/' && strchr(source, '=') && strchr(source, '/');
}

static int add_cdi(struct body *b, const char *name, struct err *err) {
  cJSON *request = cJSON_CreateObject();
  if (body_append(body_host_array(b, "DeviceRequests"), request, err) < 0)
    return -1;
  bool ok = json_put_str(request, "Driver", "cdi") && json_put(request, "DeviceIDs", cJSON_CreateStringArray(&name, 1));
  return ok ? 0 : err_no_memory(err);
}

int body_devices(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  for (size_t i = 0; i < value->count; i++) {
    const struct node *n = value->items[i];
    const char *source = node_text(node_get(n, "source"), "");
    if (is_cdi(source)) {
      if (add_cdi(b, source, err) < 0)
        return -1;
      continue;
    }
    cJSON *device = cJSON_CreateObject();
    if (body_append(body_host_array(b, f->engine), device, err) < 0)
      return -1;
    if (!json_put_str(device, "PathOnHost", source) ||
        !json_put_str(device, "PathInContainer", node_text(node_get(n, "target"), source)) ||
        !json_put_str(device, "CgroupPermissions", node_text(node_get(n, "permissions"), "rwm")))
      return err_no_memory(err);
  }
  return 0;
}

/* [["gpu", …]]: one group of capabilities that a device must have all of. */
static bool put_capabilities(cJSON *request, const struct node *n, bool gpu) {
  CLEANUP_JSON cJSON *outer = cJSON_CreateArray();
  CLEANUP_JSON cJSON *inner = n && n->kind == NODE_LIST ? node_to_json(n) : cJSON_CreateArray();
  if (!outer || !inner || (gpu && body_append(inner, cJSON_CreateString("gpu"), NULL) < 0))
    return false;
  if (!inner->child)
    return true;
  return body_append(outer, STEAL(inner), NULL) == 0 && json_put(request, "Capabilities", STEAL(outer));
}

static int add_request(struct body *b, const struct body_field *f, const struct node *n, bool gpu, struct err *err) {
  int64_t count = 0;
  const char *driver = node_text(node_get(n, "driver"), "");
  const struct node *ids = node_get(n, "device_ids"), *options = node_get(n, "options");
  bool has_ids = ids && ids->kind == NODE_LIST && ids->count, has_count = fleet_int(node_get(n, "count"), &count);
  if (strcmp(node_text(node_get(n, "count"), ""), "all") == 0 || (!has_ids && !has_count))
    count = -1;
  cJSON *request = cJSON_CreateObject();
  if (body_append(body_host_array(b, f->engine), request, err) < 0)
    return -1;
  bool ok = (!*driver || json_put_str(request, "Driver", driver)) &&
            (count == 0 || json_put_int(request, "Count", count)) &&
            (!has_ids || json_put(request, "DeviceIDs", node_to_json(ids))) &&
            put_capabilities(request, node_get(n, "capabilities"), gpu) &&
            (!options || options->kind != NODE_MAP || json_put(request, "Options", node_to_json(options)));
  return ok ? 0 : err_no_memory(err);
}

int body_device_requests(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  for (size_t i = 0; i < value->count; i++)
    if (add_request(b, f, value->items[i], false, err) < 0)
      return -1;
  return 0;
}

int body_gpus(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  for (size_t i = 0; i < value->count; i++)
    if (add_request(b, f, value->items[i], true, err) < 0)
      return -1;
  return 0;
}

/* Members of block I/O settings are printed as Path and Rate in JSON, as path and rate in YAML. */
static const struct node *either(const struct node *n, const char *lower, const char *upper) {
  const struct node *found = node_get(n, lower);
  return found ? found : node_get(n, upper);
}

static int add_rates(struct body *b, const struct node *list, const char *engine, const char *lower, const char *upper,
                     struct err *err) {
  for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
    int64_t value = 0;
    cJSON *item = cJSON_CreateObject();
    if (body_append(body_host_array(b, engine), item, err) < 0)
      return -1;
    fleet_int(either(list->items[i], lower, upper), &value);
    if (!json_put_str(item, "Path", node_text(either(list->items[i], "path", "Path"), "")) ||
        !json_put_int(item, upper, value))
      return err_no_memory(err);
  }
  return 0;
}

int body_blkio(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  static const char *const rates[][2] = {{"device_read_bps", "BlkioDeviceReadBps"},
                                         {"device_read_iops", "BlkioDeviceReadIOps"},
                                         {"device_write_bps", "BlkioDeviceWriteBps"},
                                         {"device_write_iops", "BlkioDeviceWriteIOps"}};
  int64_t weight;
  if (fleet_int(node_get(value, "weight"), &weight) && !json_put_int(b->host, f->engine, weight))
    return err_no_memory(err);
  if (add_rates(b, node_get(value, "weight_device"), "BlkioWeightDevice", "weight", "Weight", err) < 0)
    return -1;
  for (size_t i = 0; i < COUNT_OF(rates); i++)
    if (add_rates(b, node_get(value, rates[i][0]), rates[i][1], "rate", "Rate", err) < 0)
      return -1;
  return 0;
}

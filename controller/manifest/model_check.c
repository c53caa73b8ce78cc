#include <arpa/inet.h>
#include <string.h>

#include "controller/manifest/reader.h"

static int check_volume(const struct node *volume, struct err *err) {
  const struct node *external = node_get(volume, "external");
  if (!external || external->kind != NODE_BOOL || !external->boolean)
    return 0;
  for (size_t i = 0; i < volume->count; i++) {
    const char *key = volume->pairs[i].key;
    if (strcmp(key, "name") != 0 && strcmp(key, "external") != 0 && strncmp(key, "x-", 2) != 0)
      return position_error(err, &volume->pairs[i].key_pos,
                            "\"%s\" cannot stand beside external: true, expected only a name", key);
  }
  return 0;
}

static int check_object(const struct node *object, const char *const *keys, const char *names, struct err *err) {
  size_t count = 0;
  for (; *keys; keys++)
    count += node_get(object, *keys) != NULL;
  if (count > 1)
    return node_error(err, object, "expected only one of %s", names);
  if (count == 0 && !node_get(object, "driver") && !node_get(object, "external"))
    return node_error(err, object, "expected one of %s", names);
  return 0;
}

static int check_secret(const struct node *secret, struct err *err) {
  return check_object(secret, (const char *const[]){"file", "environment", NULL}, "file, environment", err);
}

static int check_config(const struct node *config, struct err *err) {
  return check_object(config, (const char *const[]){"file", "environment", "content", NULL},
                      "file, environment, content", err);
}

static int check_devices(const struct node *list, struct err *err) {
  for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
    if (node_get(list->items[i], "count") && node_get(list->items[i], "device_ids"))
      return node_error(err, list->items[i], "count and device_ids cannot stand together, expected one of them");
  return 0;
}

static int check_service(const struct node *s, struct err *err) {
  const struct node *ports = node_get(s, "ports");
  const struct node *watch = node_at(s, "develop.watch");
  unsigned char address[16];
  for (size_t i = 0; ports && ports->kind == NODE_LIST && i < ports->count; i++) {
    const struct node *ip = node_get(ports->items[i], "host_ip");
    if (ip && inet_pton(AF_INET, node_text(ip, ""), address) != 1 &&
        inet_pton(AF_INET6, node_text(ip, ""), address) != 1)
      return node_error(err, ip, "\"%s\" is no IP address", node_text(ip, ""));
  }
  for (size_t i = 0; watch && watch->kind == NODE_LIST && i < watch->count; i++) {
    const struct node *path = node_get(watch->items[i], "path");
    if (path && !*node_text(path, ""))
      return node_error(err, path, "a watched path is expected not to be empty");
  }
  return check_devices(node_at(s, "deploy.resources.reservations.devices"), err) < 0
             ? -1
             : check_devices(node_get(s, "gpus"), err);
}

int model_check(const struct node *model, struct err *err) {
  static const struct {
    const char *key;
    int (*fn)(const struct node *, struct err *);
  } sections[] = {
      {"services", check_service}, {"volumes", check_volume}, {"secrets", check_secret}, {"configs", check_config}};
  for (size_t s = 0; s < COUNT_OF(sections); s++) {
    const struct node *map = node_get(model, sections[s].key);
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
      if (sections[s].fn(map->pairs[i].value, err) < 0)
        return -1;
  }
  return 0;
}

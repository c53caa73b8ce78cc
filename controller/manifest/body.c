#include "controller/manifest/body.h"

#include <string.h>

#include "api/base/json.h"

cJSON *body_target(struct body *b, const struct body_field *f) {
  return f->host ? b->host : b->config;
}

cJSON *body_host_array(struct body *b, const char *name) {
  cJSON *array = cJSON_GetObjectItemCaseSensitive(b->host, name);
  if (!array && (array = cJSON_CreateArray()) && !json_put(b->host, name, array))
    return NULL;
  return array;
}

int body_append(cJSON *array, cJSON *item, struct err *err) {
  if (array && item && cJSON_AddItemToArray(array, item))
    return 0;
  cJSON_Delete(item);
  return err_no_memory(err);
}

static int convert_fields(struct body *b, struct err *err) {
  for (size_t i = 0; i < body_field_count; i++) {
    const struct body_field *f = &body_fields[i];
    const struct node *value = node_at(b->from, f->key);
    if (value && value->kind != NODE_NULL && f->convert(b, f, value, err) < 0)
      return -1;
  }
  return 0;
}

int body_make(struct loading *l, struct service *service, const struct node *from, struct err *err) {
  cJSON *config = service->body = cJSON_CreateObject();
  CLEANUP_JSON cJSON *host = cJSON_CreateObject();
  struct body b = {.l = l, .service = service, .from = from, .config = config, .host = host};
  if (!config || !host || !json_put_str(config, "Image", service->image) ||
      !json_put_bool(config, "AttachStdout", true) || !json_put_bool(config, "AttachStderr", true))
    return err_no_memory(err);
  service->stop_grace_s = -1;
  if (body_env(&b, err) < 0 || convert_fields(&b, err) < 0 || body_limits(&b, err) < 0 || body_labels(&b, err) < 0)
    return -1;
  if (!json_put(config, "HostConfig", STEAL(host)))
    return err_no_memory(err);
  return body_networks(&b, err);
}

/* References to other containers by name: links and volumes_from. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

static int add(cJSON *list, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
static int add(cJSON *list, struct err *err, const char *format, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, format);
  int len = vasprintf(&text, format, args);
  va_end(args);
  cJSON *item = len < 0 ? NULL : cJSON_CreateString(text);
  if (len >= 0)
    free(text);
  return body_append(list, item, err);
}

/* Three names for the one container: the alias, SERVICE-1 and the container's own. */
static int add_link(struct body *b, cJSON *list, const char *text, struct err *err) {
  CLEANUP_FREE char *service = strndup(text, strcspn(text, ":"));
  if (!service)
    return err_no_memory(err);
  const char *alias = strchr(text, ':') ? strchr(text, ':') + 1 : service, *project = b->l->fleet->name;
  const struct node *target = node_get(node_get(b->l->document->root, "services"), service);
  const char *fixed = node_text(node_get(target, "container_name"), NULL);
  CLEANUP_FREE char *container = NULL;
  if (fixed ? !(container = strdup(fixed)) : asprintf(&container, "%s-%s-1", project, service) < 0)
    return container = NULL, err_no_memory(err);
  if (add(list, err, "%s:%s", container, alias) < 0 || add(list, err, "%s:%s-1", container, service) < 0)
    return -1;
  return add(list, err, "%s:%s-%s-1", container, project, service);
}

int body_links(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  cJSON *list = body_host_array(b, f->engine);
  for (size_t i = 0; i < value->count; i++)
    if (add_link(b, list, node_text(value->items[i], ""), err) < 0)
      return -1;
  return list ? 0 : err_no_memory(err);
}

/* Containers of no concern of this project's, by name. */
int body_external_links(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  cJSON *list = body_host_array(b, f->engine);
  for (size_t i = 0; i < value->count; i++) {
    const char *text = node_text(value->items[i], "");
    if (add(list, err, "%s%s%s", text, strchr(text, ':') ? "" : ":", strchr(text, ':') ? "" : text) < 0)
      return -1;
  }
  return list ? 0 : err_no_memory(err);
}

/* "container:NAME" is NAME; "SERVICE[:ro]" is "service:SERVICE", for the transaction to put a container in; as with
 * docker compose, ":ro" gets lost there. */
int body_volumes_from(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  cJSON *list = body_host_array(b, f->engine);
  for (size_t i = 0; i < value->count; i++) {
    const char *text = node_text(value->items[i], "");
    int rc = strncmp(text, "container:", 10) == 0 ? add(list, err, "%s", text + 10)
                                                  : add(list, err, "service:%.*s", (int)strcspn(text, ":"), text);
    if (rc < 0)
      return -1;
    if (strncmp(text, "container:", 10) != 0 && strchr(text, ':') &&
        fleet_warn(b->l->fleet, value->items[i],
                   "volumes_from: \"%s\" of a service is not observed, as docker "
                   "compose does not observe it either",
                   strchr(text, ':')) < 0)
      return -1;
  }
  return list ? 0 : err_no_memory(err);
}

#include "controller/deploy/mark.h"

#include <stdio.h>

#include "api/base/json.h"
#include "api/engine/image.h"

#define MARK_REPO "tandem/mark"
#define MARK_TAG "1"

char *mark_name(const char *project, const char *what) {
  char *name = NULL;
  return asprintf(&name, "tandem.%s.%s", project, what) < 0 ? NULL : name;
}

cJSON *mark_body(cJSON *labels) {
  static const char *const command[] = {"/mark"}; /* an engine wants one */
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  cJSON *host = cJSON_CreateObject();
  bool put = json_put(body, "Labels", labels);
  put = json_put(body, "HostConfig", host) && put;
  if (put && json_put_str(body, "Image", MARK_REPO ":" MARK_TAG) &&
      json_put(body, "Cmd", cJSON_CreateStringArray(command, 1)) && json_put_str(host, "NetworkMode", "none"))
    return STEAL(body);
  return NULL;
}

struct engine_call *mark_import(struct engine *e, engine_cb *cb, void *arg) {
  return image_create_empty(e, MARK_REPO, MARK_TAG, cb, arg);
}

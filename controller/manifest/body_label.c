/* Labels: the service's own under those by which docker compose and its kin find a project's containers. */
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/manifest/body.h"
#include "controller/manifest/confighash.h"

/* "db:service_healthy:true,…" in the order of names. */
static int dependencies_text(const struct node *depends_on, struct buf *out, struct err *err) {
  for (size_t i = 0; depends_on && i < depends_on->count; i++) {
    const struct node_pair *pair = &depends_on->pairs[i];
    if (buf_printf(out, err, "%s%s:%s:%s", i ? "," : "", pair->key,
                   node_text(node_get(pair->value, "condition"), "service_started"),
                   fleet_is_true(node_get(pair->value, "restart")) ? "true" : "false") < 0)
      return -1;
  }
  return 0;
}

static int joined(const struct strv *v, struct buf *out, struct err *err) {
  for (size_t i = 0; i < v->count; i++)
    if (buf_printf(out, err, "%s%s", i ? "," : "", v->items[i]) < 0)
      return -1;
  return 0;
}

int body_labels(struct body *b, struct err *err) {
  char hash[65];
  const struct fleet *fleet = b->l->fleet;
  const struct node *own = node_get(b->from, "labels");
  CLEANUP_BUF struct buf depends_on = BUF_INIT(0), files = BUF_INIT(0);
  CLEANUP_JSON cJSON *labels = own && own->kind == NODE_MAP ? node_to_json(own) : cJSON_CreateObject();
  if (!labels)
    return err_no_memory(err);
  if (confighash_service(b->l->document, b->service->name, CONFIGHASH_LABEL, hash, err) < 0 ||
      joined(&fleet->files, &files, err) < 0 ||
      dependencies_text(node_get(b->from, "depends_on"), &depends_on, err) < 0)
    return -1;
  bool ok = json_put_str(labels, "com.docker.compose.project", fleet->name) &&
            json_put_str(labels, "com.docker.compose.service", b->service->name) &&
            json_put_str(labels, "com.docker.compose.container-number", "1") &&
            json_put_str(labels, "com.docker.compose.oneoff", "False") &&
            json_put_str(labels, "com.docker.compose.config-hash", hash) &&
            json_put_str(labels, "com.docker.compose.depends_on", buf_text(&depends_on)) &&
            json_put_str(labels, "com.docker.compose.version", BODY_COMPOSE_VERSION) &&
            json_put_str(labels, "com.docker.compose.project.working_dir", fleet->working_dir) &&
            json_put_str(labels, "com.docker.compose.project.config_files", buf_text(&files)) &&
            json_put(b->config, "Labels", STEAL(labels));
  return ok ? 0 : err_no_memory(err);
}

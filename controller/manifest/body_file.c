/* Secrets and configs: files are mounted read-only; texts are put into the container before its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

struct file_kind {
  const char *section;
  const char *word;
  const char *folder; /* of a target that is no absolute path, and of none */
  bool options;       /* docker compose sends empty BindOptions */
};

static int target_of(const struct file_kind *kind, const struct node *use, char **ret, struct err *err) {
  const char *target = node_text(node_get(use, "target"), node_text(node_get(use, "source"), ""));
  *ret = NULL;
  if (*target == '/' ? !(*ret = strdup(target)) : asprintf(ret, "%s%s", kind->folder, target) < 0)
    return *ret = NULL, err_no_memory(err);
  return 0;
}

static int add_mount(struct body *b, const struct file_kind *kind, const char *file, const char *target,
                     struct err *err) {
  cJSON *mount = cJSON_CreateObject();
  if (body_append(body_host_array(b, "Mounts"), mount, err) < 0)
    return -1;
  bool ok = json_put_str(mount, "Type", "bind") && json_put_str(mount, "Source", file) &&
            json_put_str(mount, "Target", target) && json_put_bool(mount, "ReadOnly", true) &&
            (!kind->options || json_put(mount, "BindOptions", cJSON_CreateObject()));
  return ok ? 0 : err_no_memory(err);
}

static int add_file(struct body *b, const struct node *use, const char *target, const char *content, struct err *err) {
  if (!b->service->files && !(b->service->files = cJSON_CreateArray()))
    return err_no_memory(err);
  cJSON *file = cJSON_CreateObject();
  const char *mode = node_text(node_get(use, "mode"), "0444");
  if (body_append(b->service->files, file, err) < 0)
    return -1;
  bool ok = json_put_str(file, "path", target) && json_put_str(file, "content", content) &&
            json_put_int(file, "mode", strtoll(mode, NULL, 8)) &&
            json_put_str(file, "uid", node_text(node_get(use, "uid"), "0")) &&
            json_put_str(file, "gid", node_text(node_get(use, "gid"), "0"));
  return ok ? 0 : err_no_memory(err);
}

static int add_use(struct body *b, const struct file_kind *kind, const struct node *use, struct err *err) {
  const char *name = node_text(node_get(use, "source"), "");
  const struct node *from = node_get(node_get(b->l->document->root, kind->section), name);
  const char *file = node_text(node_get(from, "file"), ""), *content = node_text(node_get(from, "content"), NULL);
  const struct node *variable = node_get(from, "environment");
  CLEANUP_FREE char *target = NULL;
  if (target_of(kind, use, &target, err) < 0)
    return -1;
  if (*file) {
    bool ignored = node_get(use, "mode") || node_get(use, "uid") || node_get(use, "gid");
    if (ignored && fleet_warn(b->l->fleet, use, "%s %s is a file: its uid, gid and mode stay those of the file",
                              kind->word, name) < 0)
      return -1;
    return add_mount(b, kind, file, target, err);
  }
  if (!content && variable)
    content = fleet_env(&b->l->document->environment, node_text(variable, ""));
  return content ? add_file(b, use, target, content, err) : 0; /* without one: fleet_check() says so */
}

static int add_uses(struct body *b, const struct file_kind *kind, const struct node *uses, struct err *err) {
  for (size_t i = 0; i < uses->count; i++)
    if (add_use(b, kind, uses->items[i], err) < 0)
      return -1;
  return 0;
}

int body_secrets(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  (void)f;
  return add_uses(b, &(const struct file_kind){"secrets", "secret", "/run/secrets/", true}, value, err);
}

int body_configs(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  (void)f;
  return add_uses(b, &(const struct file_kind){"configs", "config", "/", false}, value, err);
}

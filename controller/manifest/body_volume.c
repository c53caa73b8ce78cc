/* Volumes: ordinary ones as Binds (the engine then makes a missing host folder), all others as Mounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/manifest/body.h"

static bool is_set(const struct node *n) {
  return n && n->kind != NODE_NULL && (n->kind == NODE_BOOL ? n->boolean : !n->text || *n->text);
}

static bool bind_needs_mount(const struct node *bind) {
  return bind && (!fleet_is_true(node_get(bind, "create_host_path")) || is_set(node_get(bind, "propagation")) ||
                  is_set(node_get(bind, "recursive")));
}

static bool volume_needs_mount(const struct node *volume) {
  const struct node *labels = node_get(volume, "labels");
  return (labels && labels->count) || is_set(node_get(volume, "subpath")) || is_set(node_get(volume, "nocopy"));
}

static int add_bind(struct body *b, const struct node *v, const char *source, struct err *err) {
  CLEANUP_BUF struct buf text = BUF_INIT(0);
  const char *selinux = node_text(node_at(v, "bind.selinux"), "");
  if (buf_printf(&text, err, "%s:%s:%s%s%s", source, node_text(node_get(v, "target"), ""),
                 fleet_is_true(node_get(v, "read_only")) ? "ro" : "rw", *selinux ? "," : "", selinux) < 0)
    return -1;
  return body_append(body_host_array(b, "Binds"), cJSON_CreateString(buf_text(&text)), err);
}

static bool put_text(cJSON *to, const char *name, const struct node *n) {
  return !is_set(n) || json_put_str(to, name, node_text(n, ""));
}

static bool put_flag(cJSON *to, const char *name, const struct node *n) {
  return !fleet_is_true(n) || json_put_bool(to, name, true);
}

static bool put_int(cJSON *to, const char *name, const struct node *n) {
  int64_t value;
  return !fleet_int(n, &value) || value == 0 || json_put_int(to, name, value);
}

/* Given but empty ones are sent too, as docker compose does. */
static bool put_options(cJSON *mount, const char *name, const struct node *given, cJSON *options) {
  if (!given || given->kind != NODE_MAP) {
    cJSON_Delete(options);
    return true;
  }
  return json_put(mount, name, options);
}

static bool put_bind_options(cJSON *mount, const struct node *bind) {
  CLEANUP_JSON cJSON *o = cJSON_CreateObject();
  const char *recursive = node_text(node_get(bind, "recursive"), "");
  bool ok = o && put_text(o, "Propagation", node_get(bind, "propagation")) &&
            put_flag(o, "CreateMountpoint", node_get(bind, "create_host_path")) &&
            (strcmp(recursive, "disabled") != 0 || json_put_bool(o, "NonRecursive", true)) &&
            (strcmp(recursive, "writable") != 0 || json_put_bool(o, "ReadOnlyNonRecursive", true)) &&
            (strcmp(recursive, "readonly") != 0 || json_put_bool(o, "ReadOnlyForceRecursive", true));
  return ok && put_options(mount, "BindOptions", bind, STEAL(o));
}

static bool put_volume_options(cJSON *mount, const struct node *volume) {
  CLEANUP_JSON cJSON *o = cJSON_CreateObject();
  const struct node *labels = node_get(volume, "labels");
  bool ok = o && put_flag(o, "NoCopy", node_get(volume, "nocopy")) &&
            put_text(o, "Subpath", node_get(volume, "subpath")) &&
            (!labels || labels->kind != NODE_MAP || json_put(o, "Labels", node_to_json(labels)));
  return ok && put_options(mount, "VolumeOptions", volume, STEAL(o));
}

static bool put_tmpfs_options(cJSON *mount, const struct node *tmpfs) {
  CLEANUP_JSON cJSON *o = cJSON_CreateObject();
  bool ok = o && put_int(o, "SizeBytes", node_get(tmpfs, "size")) && put_int(o, "Mode", node_get(tmpfs, "mode"));
  return ok && put_options(mount, "TmpfsOptions", tmpfs, STEAL(o));
}

static bool put_image_options(cJSON *mount, const struct node *image) {
  CLEANUP_JSON cJSON *o = cJSON_CreateObject();
  return o && put_text(o, "Subpath", node_get(image, "subpath")) && put_options(mount, "ImageOptions", image, STEAL(o));
}

static int add_mount(struct body *b, const struct node *v, const char *type, const char *source, struct err *err) {
  cJSON *mount = cJSON_CreateObject();
  if (body_append(body_host_array(b, "Mounts"), mount, err) < 0)
    return -1;
  bool ok = json_put_str(mount, "Type", type) && (!*source || json_put_str(mount, "Source", source)) &&
            put_text(mount, "Target", node_get(v, "target")) && put_flag(mount, "ReadOnly", node_get(v, "read_only")) &&
            put_text(mount, "Consistency", node_get(v, "consistency")) &&
            put_bind_options(mount, node_get(v, "bind")) && put_volume_options(mount, node_get(v, "volume")) &&
            put_tmpfs_options(mount, node_get(v, "tmpfs")) && put_image_options(mount, node_get(v, "image"));
  return ok ? 0 : err_no_memory(err);
}

static int add_volume(struct body *b, const struct node *v, struct err *err) {
  const char *type = node_text(node_get(v, "type"), "volume"), *source = node_text(node_get(v, "source"), "");
  if (strcmp(type, "bind") == 0 && !bind_needs_mount(node_get(v, "bind")))
    return add_bind(b, v, source, err);
  if (strcmp(type, "volume") != 0 || !*source)
    return add_mount(b, v, type, source, err);
  const struct node *named = node_get(node_get(b->l->document->root, "volumes"), source);
  CLEANUP_FREE char *name = NULL;
  if (strv_add_once(&b->service->volumes, source, err) < 0)
    return -1;
  if (!node_text(node_get(named, "name"), NULL) ? asprintf(&name, "%s_%s", b->l->fleet->name, source) < 0
                                                : !(name = strdup(node_text(node_get(named, "name"), ""))))
    return name = NULL, err_no_memory(err);
  return volume_needs_mount(node_get(v, "volume")) ? add_mount(b, v, type, name, err) : add_bind(b, v, name, err);
}

int body_volumes(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  (void)f;
  for (size_t i = 0; i < value->count; i++)
    if (add_volume(b, value->items[i], err) < 0)
      return -1;
  return 0;
}

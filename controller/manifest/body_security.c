/* security_opt: a seccomp profile's file goes over as its content. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/manifest/body.h"

#define PROFILE_LIMIT (1 << 20)

static int read_profile(const char *path, struct buf *out, const struct node *n, struct err *err) {
  char part[8192];
  size_t len;
  int rc = 0;
  FILE *f = fopen(path, "re");
  if (!f)
    return node_error(err, n, "security_opt: %s: %s", path, strerror(errno));
  while (rc == 0 && (len = fread(part, 1, sizeof(part), f)) > 0)
    rc = buf_append(out, part, len, err);
  if (rc == 0 && ferror(f))
    rc = node_error(err, n, "security_opt: cannot read %s", path);
  fclose(f);
  return rc;
}

static int add_profile(struct body *b, const struct node *n, const char *name, struct err *err) {
  CLEANUP_BUF struct buf text = BUF_INIT(PROFILE_LIMIT);
  CLEANUP_ERR struct err why = ERR_INIT;
  CLEANUP_JSON cJSON *json = NULL;
  CLEANUP_FREE char *path = fleet_path(b->l->fleet->working_dir, name);
  if (!path)
    return err_no_memory(err);
  if (read_profile(path, &text, n, err) < 0)
    return -1;
  if (json_parse(buf_text(&text), text.len, &json, &why) < 0)
    return node_error(err, n, "security_opt: %s: %s", path, err_text(&why));
  CLEANUP_FREE char *compact = json_text(json);
  buf_clear(&text);
  if (!compact)
    return err_no_memory(err);
  if (buf_printf(&text, err, "seccomp=%s", compact) < 0)
    return -1;
  return body_append(body_host_array(b, "SecurityOpt"), cJSON_CreateString(buf_text(&text)), err);
}

/* No path of the kernel's is hidden or read-only: an empty list, which is not the same as none. */
static int add_no_masks(struct body *b, struct err *err) {
  bool ok =
      json_put(b->host, "MaskedPaths", cJSON_CreateArray()) && json_put(b->host, "ReadonlyPaths", cJSON_CreateArray());
  return ok ? 0 : err_no_memory(err);
}

static int add_option(struct body *b, const struct node *n, struct err *err) {
  const char *text = node_text(n, "");
  size_t len = strcspn(text, "=:");
  const char *value = text[len] ? text + len + 1 : "";
  if (strcmp(text, "systempaths=unconfined") == 0)
    return add_no_masks(b, err);
  if (len == 7 && strncmp(text, "seccomp", 7) == 0 && strcmp(value, "unconfined") != 0 && strcmp(value, "builtin") != 0)
    return add_profile(b, n, value, err);
  return body_append(body_host_array(b, "SecurityOpt"), cJSON_CreateString(text), err);
}

int body_security(struct body *b, const struct body_field *f, const struct node *value, struct err *err) {
  (void)f;
  for (size_t i = 0; i < value->count; i++)
    if (add_option(b, value->items[i], err) < 0)
      return -1;
  return 0;
}

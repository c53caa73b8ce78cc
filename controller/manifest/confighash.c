#include "controller/manifest/confighash.h"

#include <string.h>

#include "api/base/sha256.h"
#include "controller/manifest/print.h"

static int print_pair(const struct node_pair *pair, struct buf *out, struct err *err) {
  const struct print_json form = {0};
  if ((out->len > 1 && buf_puts(out, ",", err) < 0) || print_json_string(pair->key, false, out, err) < 0 ||
      buf_puts(out, ":", err) < 0)
    return -1;
  return print_json(pair->value, &form, out, err);
}

static int print_deploy(const struct node *deploy, struct buf *out, struct err *err) {
  CLEANUP_BUF struct buf inner = BUF_INIT(0);
  if (buf_puts(&inner, "{", err) < 0)
    return -1;
  for (size_t i = 0; i < deploy->count; i++)
    if (strcmp(deploy->pairs[i].key, "replicas") != 0 && print_pair(&deploy->pairs[i], &inner, err) < 0)
      return -1;
  return buf_printf(out, err, "%s\"deploy\":%s}", out->len > 1 ? "," : "", buf_text(&inner));
}

static int finish(struct buf *out, char ret_hex[65], struct err *err) {
  return buf_puts(out, "}", err) < 0 ? -1 : sha256_hex(out->data, out->len, ret_hex, err);
}

static bool is_left_out(const char *key) {
  static const char *const keys[] = {"build", "pull_policy", "scale", "depends_on", "profiles"};
  for (size_t i = 0; i < COUNT_OF(keys); i++)
    if (strcmp(key, keys[i]) == 0)
      return true;
  return false;
}

int confighash_service(const struct document *d, const char *name, enum confighash kind, char ret_hex[65],
                       struct err *err) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  const struct node *kept = node_get(d->hashed, name);
  const struct node *service = kept ? node_get(kept, kind == CONFIGHASH_LABEL ? "label" : "config")
                                    : node_get(node_get(d->root, "services"), name);
  if (!service)
    return err_set(err, ERR_INTERNAL, "service %s is not in the document", name);
  if (buf_puts(&out, "{", err) < 0)
    return -1;
  for (size_t i = 0; i < service->count; i++) {
    const struct node_pair *pair = &service->pairs[i];
    if (is_left_out(pair->key))
      continue;
    bool deploy = strcmp(pair->key, "deploy") == 0 && pair->value->kind == NODE_MAP;
    if ((deploy ? print_deploy(pair->value, &out, err) : print_pair(pair, &out, err)) < 0)
      return -1;
  }
  return finish(&out, ret_hex, err);
}

int confighash_network(const struct node *network, char ret_hex[65], struct err *err) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  if (buf_puts(&out, "{", err) < 0)
    return -1;
  for (size_t i = 0; i < network->count; i++)
    if (print_pair(&network->pairs[i], &out, err) < 0)
      return -1;
  return finish(&out, ret_hex, err);
}

int confighash_volume(const struct node *volume, char ret_hex[65], struct err *err) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  bool driver = node_get(volume, "driver") != NULL;
  if (buf_puts(&out, "{", err) < 0)
    return -1;
  for (size_t i = 0; i < volume->count; i++) {
    if (print_pair(&volume->pairs[i], &out, err) < 0)
      return -1;
    if (!driver && strcmp(volume->pairs[i].key, "name") == 0) {
      driver = true;
      if (buf_puts(&out, ",\"driver\":\"local\"", err) < 0)
        return -1;
    }
  }
  return finish(&out, ret_hex, err);
}

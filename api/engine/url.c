#include "api/engine/url.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"

static void encode(struct url *u, const char *s) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  while (*s && !u->err.kind) {
    size_t n = strspn(s, plain);
    buf_append(&u->text, s, n, &u->err);
    s += n;
    if (*s)
      buf_printf(&u->text, &u->err, "%%%02X", (unsigned char)*s++);
  }
}

void url_path(struct url *u, const char *literal) {
  if (u->err.kind || buf_puts(&u->text, literal, &u->err) < 0)
    return;
  buf_puts(&u->label, literal, &u->err);
}

void url_segment(struct url *u, const char *segment) {
  if (u->err.kind)
    return;
  if (!segment || !*segment || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0) {
    err_set(&u->err, ERR_INTERNAL, "\"%s\" cannot be part of a request's path", segment ? segment : "");
    return;
  }
  encode(u, segment);
  buf_printf(&u->label, &u->err, "%.*s", is_full_id(segment) ? 12 : 300, segment);
}

void url_full_id(struct url *u, const char *id) {
  if (!u->err.kind && !is_full_id(id))
    err_set(&u->err, ERR_INTERNAL, "\"%s\" is not a full ID: refusing to change what it may stand for", id ? id : "");
  url_segment(u, id);
}

void url_query(struct url *u, const char *name, const char *value) {
  if (!value || u->err.kind)
    return;
  buf_printf(&u->text, &u->err, "%c%s=", u->has_query ? '&' : '?', name);
  u->has_query = true;
  encode(u, value);
}

void url_query_int(struct url *u, const char *name, int64_t value) {
  char text[32];
  snprintf(text, sizeof(text), "%lld", (long long)value);
  url_query(u, name, text);
}

void url_query_json(struct url *u, const char *name, const cJSON *value) {
  if (!value || u->err.kind)
    return;
  CLEANUP_FREE char *text = json_text(value);
  if (text)
    url_query(u, name, text);
  else
    err_no_memory(&u->err);
}

void url_query_labels(struct url *u, const char *const *labels, size_t count) {
  if (count == 0)
    return;
  CLEANUP_JSON cJSON *filters = cJSON_CreateObject();
  cJSON *array = cJSON_AddArrayToObject(filters, "label");
  bool ok = array != NULL;
  for (size_t i = 0; ok && i < count; i++)
    ok = cJSON_AddItemToArray(array, cJSON_CreateString(labels[i]));
  if (ok)
    url_query_json(u, "filters", filters);
  else if (!u->err.kind)
    err_no_memory(&u->err);
}

void url_release(struct url *u) {
  buf_release(&u->text);
  buf_release(&u->label);
  err_release(&u->err);
}

int ref_split(const char *ref, const char *fallback, char **ret_repo, char **ret_tag, struct err *err) {
  const char *slash = strrchr(ref, '/');
  const char *colon = strchr(ref, '@') ? NULL : strchr(slash ? slash : ref, ':');
  CLEANUP_FREE char *repo = colon ? strndup(ref, (size_t)(colon - ref)) : strdup(ref);
  CLEANUP_FREE char *tag = strdup(colon ? colon + 1 : strchr(ref, '@') ? "" : fallback);
  if (!repo || !tag)
    return err_no_memory(err);
  *ret_repo = STEAL(repo);
  *ret_tag = STEAL(tag);
  return 0;
}

bool is_full_id(const char *id) {
  return id && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

#include "api/base/json.h"

#include <errno.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/sha256.h"

int json_parse(const char *text, size_t len, cJSON **ret_json, struct err *err) {
  const char *end = NULL;
  errno = 0; /* cJSON does not tell what is wrong from what there was no memory for; the allocator does */
  cJSON *json = cJSON_ParseWithLengthOpts(text, len, &end, false);
  if (!json && errno == ENOMEM)
    return err_no_memory(err);
  if (!json) {
    size_t at = end ? (size_t)(end - text) : 0;
    return err_set(err, ERR_PROTOCOL, "not valid JSON at byte %zu of %zu", at, len);
  }
  for (; end < text + len; end++) {
    if (*end && !strchr(" \t\r\n", *end)) {
      cJSON_Delete(json);
      return err_set(err, ERR_PROTOCOL, "trailing bytes after the JSON document at byte %zu", (size_t)(end - text));
    }
  }
  *ret_json = json;
  return 0;
}

const cJSON *json_get(const cJSON *object, const char *name) {
  return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const cJSON *json_at(const cJSON *object, const char *path) {
  while (object && *path) {
    const char *dot = strchrnul(path, '.');
    size_t len = (size_t)(dot - path);
    const cJSON *child = cJSON_IsObject(object) ? object->child : NULL;
    while (child && !(strncmp(child->string, path, len) == 0 && child->string[len] == '\0'))
      child = child->next;
    object = child;
    path = *dot ? dot + 1 : dot;
  }
  return object;
}

const char *json_str(const cJSON *object, const char *name, const char *fallback) {
  const cJSON *item = json_get(object, name);
  return cJSON_IsString(item) ? item->valuestring : fallback;
}

int64_t json_int(const cJSON *object, const char *name, int64_t fallback) {
  const cJSON *item = json_get(object, name);
  if (!cJSON_IsNumber(item))
    return fallback;
  double d = item->valuedouble;
  if (d >= 9.2233720368547758e18)
    return INT64_MAX;
  if (d <= -9.2233720368547758e18)
    return INT64_MIN;
  return d == d ? (int64_t)d : fallback;
}

bool json_bool(const cJSON *object, const char *name, bool fallback) {
  const cJSON *item = json_get(object, name);
  return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

bool json_put(cJSON *object, const char *name, cJSON *value) {
  if (!object || !value) {
    cJSON_Delete(value);
    return false;
  }
  if (json_get(object, name))
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
  if (cJSON_AddItemToObject(object, name, value))
    return true;
  cJSON_Delete(value);
  return false;
}

bool json_put_str(cJSON *object, const char *name, const char *value) {
  return json_put(object, name, value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

bool json_put_int(cJSON *object, const char *name, int64_t value) {
  return json_put(object, name, cJSON_CreateNumber((double)value));
}

bool json_put_bool(cJSON *object, const char *name, bool value) {
  return json_put(object, name, cJSON_CreateBool(value));
}

cJSON *json_strings(char *const *items, size_t count) {
  return count ? cJSON_CreateStringArray((const char *const *)items, (int)count) : cJSON_CreateArray();
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static int canonical_value(const cJSON *json, struct buf *out);

static int canonical_object(const cJSON *json, struct buf *out) {
  size_t n = (size_t)cJSON_GetArraySize(json);
  CLEANUP_FREE const cJSON **items = calloc(n + 1, sizeof(*items));
  if (!items)
    return -1;
  size_t i = 0;
  for (const cJSON *c = json->child; c; c = c->next)
    items[i++] = c;
  qsort(items, n, sizeof(*items), by_name);
  if (buf_puts(out, "{", NULL) < 0)
    return -1;
  for (i = 0; i < n; i++) {
    cJSON key = {.type = cJSON_String, .valuestring = items[i]->string};
    if ((i && buf_puts(out, ",", NULL) < 0) || canonical_value(&key, out) < 0 || buf_puts(out, ":", NULL) < 0 ||
        canonical_value(items[i], out) < 0)
      return -1;
  }
  return buf_puts(out, "}", NULL);
}

static int canonical_value(const cJSON *json, struct buf *out) {
  if (cJSON_IsObject(json))
    return canonical_object(json, out);
  if (cJSON_IsArray(json)) {
    if (buf_puts(out, "[", NULL) < 0)
      return -1;
    for (const cJSON *c = json->child; c; c = c->next)
      if ((c != json->child && buf_puts(out, ",", NULL) < 0) || canonical_value(c, out) < 0)
        return -1;
    return buf_puts(out, "]", NULL);
  }
  CLEANUP_FREE char *text = cJSON_PrintUnformatted(json);
  return text ? buf_puts(out, text, NULL) : -1;
}

char *json_canonical(const cJSON *json) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  if (canonical_value(json, &out) < 0)
    return NULL;
  return buf_steal(&out);
}

int json_hash(const cJSON *json, char ret_hex[65], struct err *err) {
  CLEANUP_FREE char *text = json_canonical(json);
  if (!text)
    return err_no_memory(err);
  return sha256_hex(text, strlen(text), ret_hex, err);
}

bool json_equal(const cJSON *a, const cJSON *b) {
  if (!a || !b)
    return a == b;
  CLEANUP_FREE char *ta = json_canonical(a);
  CLEANUP_FREE char *tb = json_canonical(b);
  return ta && tb && strcmp(ta, tb) == 0;
}

char *json_text(const cJSON *json) {
  return cJSON_PrintUnformatted(json);
}

void json_cleanup(cJSON **json) {
  cJSON_Delete(*json);
  *json = NULL;
}

/* The differences that need a new container, for showing. Whether a new one is needed at all is decided by the spec
 * hash, never by what stands here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/fields.h"

/* How two values of one field are compared and shown. */
enum shape {
  SHAPE_SCALAR,
  SHAPE_LIST,    /* a command: one text */
  SHAPE_SET,     /* items in any order */
  SHAPE_PAIRS,   /* "key=value" items, the environment */
  SHAPE_HOSTS,   /* "name:address" items */
  SHAPE_OBJECT,  /* by member */
};

static const struct spec_field {
  const char *path; /* in the create body */
  const char *observed_path; /* in the inspect document */
  const char *label;
  enum shape shape;
  bool from_image; /* the image may give it: what is there and not wanted is no difference */
} spec_fields[] = {
    {"Image", "Config.Image", "image", SHAPE_SCALAR, false},
    {"Cmd", "Config.Cmd", "command", SHAPE_LIST, true},
    {"Entrypoint", "Config.Entrypoint", "entrypoint", SHAPE_LIST, true},
    {"Env", "Config.Env", "environment", SHAPE_PAIRS, true},
    {"Labels", "Config.Labels", "labels", SHAPE_OBJECT, true},
    {"User", "Config.User", "user", SHAPE_SCALAR, true},
    {"WorkingDir", "Config.WorkingDir", "working_dir", SHAPE_SCALAR, true},
    {"Hostname", "Config.Hostname", "hostname", SHAPE_SCALAR, true},
    {"StopSignal", "Config.StopSignal", "stop_signal", SHAPE_SCALAR, true},
    {"StopTimeout", "Config.StopTimeout", "stop_grace_period", SHAPE_SCALAR, false},
    {"Healthcheck", "Config.Healthcheck", "healthcheck", SHAPE_OBJECT, true},
    {"HostConfig.PortBindings", "HostConfig.PortBindings", "ports", SHAPE_OBJECT, false},
    {"HostConfig.Binds", "HostConfig.Binds", "volumes", SHAPE_SET, false},
    {"HostConfig.Mounts", "HostConfig.Mounts", "mounts", SHAPE_SET, false},
    {"HostConfig.ExtraHosts", "HostConfig.ExtraHosts", "extra_hosts", SHAPE_HOSTS, false},
    {"HostConfig.NetworkMode", "HostConfig.NetworkMode", "network", SHAPE_SCALAR, false},
    {"HostConfig.CapAdd", "HostConfig.CapAdd", "cap_add", SHAPE_SET, false},
    {"HostConfig.CapDrop", "HostConfig.CapDrop", "cap_drop", SHAPE_SET, false},
    {"HostConfig.Privileged", "HostConfig.Privileged", "privileged", SHAPE_SCALAR, false},
    {"HostConfig.ReadonlyRootfs", "HostConfig.ReadonlyRootfs", "read_only", SHAPE_SCALAR, false},
    {"HostConfig.DeviceRequests", "HostConfig.DeviceRequests", "devices", SHAPE_SET, false},
    {"HostConfig.LogConfig", "HostConfig.LogConfig", "logging", SHAPE_OBJECT, true},
};

/* A value as one short text; NULL for null, absent, false, "" and empty, which all mean "not set"; and without memory,
 * errno being ENOMEM then. Caller frees. */
static char *value_text(const cJSON *v) {
  if (!v || cJSON_IsNull(v) || cJSON_IsFalse(v) || ((cJSON_IsArray(v) || cJSON_IsObject(v)) && !v->child))
    return NULL;
  if (cJSON_IsString(v))
    return *v->valuestring ? strdup(v->valuestring) : NULL;
  return json_canonical(v);
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_secret(const cJSON *secret_env, const char *name, size_t len) {
  const cJSON *s;
  cJSON_ArrayForEach(s, secret_env) {
    if (cJSON_IsString(s) && strlen(s->valuestring) == len && strncmp(s->valuestring, name, len) == 0)
      return true;
  }
  return false;
}

static int add_named(struct field_changes *c, const char *label, const char *name, size_t name_len, const char *from,
                     const char *to, bool secret, struct err *err) {
  char field[256];
  snprintf(field, sizeof(field), "%s.%.*s", label, (int)name_len, name);
  static const char hidden[] = "(sensitive)";
  return field_changes_add(c, field, from && secret ? hidden : from, to && secret ? hidden : to, false, err);
}

/* The item of a list that begins with name and the separator; its value, or NULL. */
static const char *pair_value(const cJSON *list, const char *name, size_t len, char separator) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    const char *s = cJSON_IsString(item) ? item->valuestring : "";
    if (strncmp(s, name, len) == 0 && (s[len] == separator || s[len] == '\0'))
      return s[len] ? s + len + 1 : "";
  }
  return NULL;
}

static int diff_pairs(const struct spec_field *f, const cJSON *want, const cJSON *have, const cJSON *secret_env,
                      struct field_changes *c, struct err *err) {
  char separator = f->shape == SHAPE_HOSTS ? ':' : '=';
  const cJSON *item;
  cJSON_ArrayForEach(item, want) {
    const char *s = cJSON_IsString(item) ? item->valuestring : "";
    size_t len = (size_t)(strchrnul(s, separator) - s);
    const char *to = s[len] ? s + len + 1 : "", *from = pair_value(have, s, len, separator);
    bool secret = f->shape == SHAPE_PAIRS && is_secret(secret_env, s, len);
    if ((!from || strcmp(from, to) != 0) && add_named(c, f->label, s, len, from, to, secret, err) < 0)
      return -1;
  }
  if (f->from_image)
    return 0;
  cJSON_ArrayForEach(item, have) {
    const char *s = cJSON_IsString(item) ? item->valuestring : "";
    size_t len = (size_t)(strchrnul(s, separator) - s);
    if (!pair_value(want, s, len, separator) &&
        add_named(c, f->label, s, len, s[len] ? s + len + 1 : "", NULL, false, err) < 0)
      return -1;
  }
  return 0;
}

static bool own_label(const struct spec_field *f, const char *name) {
  return strcmp(f->label, "labels") == 0 &&
         (strncmp(name, "com.docker.compose.", 19) == 0 || strncmp(name, "tandem.", 7) == 0);
}

static int diff_object(const struct spec_field *f, const cJSON *want, const cJSON *have, struct field_changes *c,
                       struct err *err) {
  for (const cJSON *w = want ? want->child : NULL; w; w = w->next) {
    CLEANUP_FREE char *to = value_text(w);
    CLEANUP_FREE char *from = value_text(json_get(have, w->string));
    if (!same_text(from, to) && !own_label(f, w->string) &&
        add_named(c, f->label, w->string, strlen(w->string), from, to, false, err) < 0)
      return -1;
  }
  if (f->from_image)
    return 0;
  for (const cJSON *h = have ? have->child : NULL; h; h = h->next) {
    CLEANUP_FREE char *from = value_text(h);
    if (from && !json_get(want, h->string) &&
        add_named(c, f->label, h->string, strlen(h->string), from, NULL, false, err) < 0)
      return -1;
  }
  return 0;
}

static bool set_has(const cJSON *set, const cJSON *item) {
  const cJSON *s;
  cJSON_ArrayForEach(s, set) if (json_equal(s, item)) return true;
  return false;
}

static int diff_set(const struct spec_field *f, const cJSON *want, const cJSON *have, struct field_changes *c,
                    struct err *err) {
  const cJSON *item;
  cJSON_ArrayForEach(item, want) {
    CLEANUP_FREE char *text = value_text(item);
    if (text && !set_has(have, item) && field_changes_add(c, f->label, NULL, text, false, err) < 0)
      return -1;
  }
  cJSON_ArrayForEach(item, have) {
    CLEANUP_FREE char *text = value_text(item);
    if (text && !set_has(want, item) && field_changes_add(c, f->label, text, NULL, false, err) < 0)
      return -1;
  }
  return 0;
}

static int diff_whole(const struct spec_field *f, const cJSON *want, const cJSON *have, struct field_changes *c,
                      struct err *err) {
  CLEANUP_FREE char *to = value_text(want);
  CLEANUP_FREE char *from = value_text(have);
  if (same_text(from, to) || (!to && f->from_image))
    return 0;
  return field_changes_add(c, f->label, from, to, false, err);
}

int fields_diff_spec(const cJSON *body, const cJSON *inspect, const cJSON *secret_env, struct field_changes *changes,
                     struct err *err) {
  for (size_t i = 0; i < COUNT_OF(spec_fields); i++) {
    const struct spec_field *f = &spec_fields[i];
    const cJSON *want = json_at(body, f->path), *have = json_at(inspect, f->observed_path);
    int rc = 0;
    errno = 0;
    if (f->shape == SHAPE_PAIRS || f->shape == SHAPE_HOSTS)
      rc = diff_pairs(f, want, have, secret_env, changes, err);
    else if (f->shape == SHAPE_OBJECT)
      rc = diff_object(f, want, have, changes, err);
    else if (f->shape == SHAPE_SET && cJSON_IsArray(want))
      rc = diff_set(f, want, have, changes, err);
    else if (f->shape != SHAPE_SET || have)
      rc = diff_whole(f, want, have, changes, err);
    if (rc == 0 && errno == ENOMEM) /* a text that could not be made has made values equal, or different */
      rc = err_no_memory(err);
    if (rc < 0)
      return -1;
  }
  return 0;
}

const char *fields_spec_word(const char *member) {
  for (size_t i = 0; i < COUNT_OF(spec_fields); i++) {
    const char *dot = strrchr(spec_fields[i].path, '.');
    if (strcmp(dot ? dot + 1 : spec_fields[i].path, member) == 0)
      return spec_fields[i].label;
  }
  return strcmp(member, "NetworkingConfig") == 0 ? "networks" : member;
}

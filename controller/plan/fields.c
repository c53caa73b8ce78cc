#include "controller/plan/fields.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"

enum unit { UNIT_BYTES, UNIT_CPUS, UNIT_COUNT };

/* HostConfig's fields that POST /containers/{id}/update changes (ENGINE_API.md: Ulimits, ShmSize, Env and Labels are
 * answered with 200 and ignored, so they are not here). MemorySwap and RestartPolicy are handled beside the table. */
static const struct live_field {
  const char *key;
  const char *label;
  enum unit unit;
} live_fields[] = {
    {"Memory", "memory", UNIT_BYTES},
    {"MemoryReservation", "memory reservation", UNIT_BYTES},
    {"NanoCpus", "cpus", UNIT_CPUS},
    {"CpuShares", "cpu_shares", UNIT_COUNT},
    {"PidsLimit", "pids", UNIT_COUNT},
};

void field_changes_release(struct field_changes *c) {
  for (size_t i = 0; i < c->count; i++) {
    free(c->items[i].field);
    free(c->items[i].from);
    free(c->items[i].to);
  }
  free(c->items);
  *c = (struct field_changes){0};
}

int field_changes_add(struct field_changes *c, const char *field, const char *from, const char *to, bool live,
                      struct err *err) {
  struct plan_change *items = realloc(c->items, (c->count + 1) * sizeof(*items));
  if (!items)
    return err_no_memory(err);
  c->items = items;
  struct plan_change *it = &items[c->count++];
  *it = (struct plan_change){.field = strdup(field), .live = live};
  it->from = from ? strdup(from) : NULL;
  it->to = to ? strdup(to) : NULL;
  return it->field && (!from || it->from) && (!to || it->to) ? 0 : err_no_memory(err);
}

static bool is_live_key(const char *key) {
  if (strcmp(key, "MemorySwap") == 0 || strcmp(key, "RestartPolicy") == 0)
    return true;
  for (size_t i = 0; i < COUNT_OF(live_fields); i++)
    if (strcmp(key, live_fields[i].key) == 0)
      return true;
  return false;
}

static void strip_labels(cJSON *body) {
  cJSON *labels = cJSON_GetObjectItemCaseSensitive(body, "Labels");
  for (cJSON *l = labels ? labels->child : NULL, *next; l; l = next) {
    next = l->next;
    if (strncmp(l->string, "com.docker.compose.", 19) == 0 || strncmp(l->string, "tandem.", 7) == 0)
      cJSON_Delete(cJSON_DetachItemViaPointer(labels, l));
  }
}

int fields_spec_hash(const cJSON *body, const cJSON *files, char ret_hex[65], struct err *err) {
  CLEANUP_JSON cJSON *both = cJSON_CreateObject();
  if (!both || !json_put(both, "body", cJSON_Duplicate(body, true)) ||
      (files && !json_put(both, "files", cJSON_Duplicate(files, true))))
    return err_no_memory(err);
  cJSON *copy = cJSON_GetObjectItemCaseSensitive(both, "body");
  cJSON *host = cJSON_GetObjectItemCaseSensitive(copy, "HostConfig");
  for (cJSON *f = host ? host->child : NULL, *next; f; f = next) {
    next = f->next;
    if (is_live_key(f->string))
      cJSON_Delete(cJSON_DetachItemViaPointer(host, f));
  }
  strip_labels(copy);
  return json_hash(both, ret_hex, err);
}

static void show_number(enum unit unit, int64_t value, char out[48]) {
  static const char *const suffix[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (unit == UNIT_CPUS) {
    snprintf(out, 48, "%.10g", (double)value / 1e9);
  } else if (unit == UNIT_BYTES) {
    size_t i = 0;
    double v = (double)value;
    for (; i + 1 < COUNT_OF(suffix) && v >= 1024; i++)
      v /= 1024;
    snprintf(out, 48, "%.5g %s", v, suffix[i]);
  } else {
    snprintf(out, 48, "%lld", (long long)value);
  }
}

static int64_t limit_of(const cJSON *host, const char *key) {
  int64_t v = json_int(host, key, 0);
  return v < 0 ? 0 : v; /* -1 is no limit too */
}

static int diff_numbers(const cJSON *want, const cJSON *have, struct field_changes *changes, cJSON *update,
                        cJSON *previous, bool *recreate, struct err *err) {
  for (size_t i = 0; i < COUNT_OF(live_fields); i++) {
    const struct live_field *f = &live_fields[i];
    int64_t to = limit_of(want, f->key), from = limit_of(have, f->key);
    if (to == from)
      continue;
    char from_text[48], to_text[48];
    show_number(f->unit, from, from_text);
    show_number(f->unit, to, to_text);
    bool live = from && to;
    if (!live)
      *recreate = true;
    if (field_changes_add(changes, f->label, from ? from_text : NULL, to ? to_text : NULL, live, err) < 0)
      return -1;
    if (!json_put_int(update, f->key, to) || !json_put_int(previous, f->key, from))
      return err_no_memory(err);
  }
  return 0;
}

/* An engine refuses a Memory above the MemorySwap it holds, so both are always sent together; what the files leave
 * out is what a create gives: twice the memory. */
static int add_swap(const cJSON *want, const cJSON *have, cJSON *update, cJSON *previous, struct field_changes *changes,
                    struct err *err) {
  int64_t memory = limit_of(want, "Memory");
  int64_t to = json_int(want, "MemorySwap", 0), from = json_int(have, "MemorySwap", 0);
  bool set = to != 0;
  if (!set)
    to = 2 * memory;
  if (set && from != to && from != -1) { /* -1: the engine's kernel cannot limit swap and has dropped it */
    char from_text[48], to_text[48];
    show_number(UNIT_BYTES, from, from_text);
    show_number(UNIT_BYTES, to, to_text);
    if (field_changes_add(changes, "memswap_limit", from_text, to_text, true, err) < 0)
      return -1;
    if (!json_put_int(update, "Memory", memory) || !json_put_int(previous, "Memory", limit_of(have, "Memory")))
      return err_no_memory(err);
  }
  if (!json_get(update, "Memory"))
    return 0;
  if (!json_put_int(update, "MemorySwap", to) || !json_put_int(previous, "MemorySwap", from))
    return err_no_memory(err);
  return 0;
}

static void show_policy(const cJSON *policy, char out[64]) {
  const char *name = json_str(policy, "Name", "");
  int64_t count = json_int(policy, "MaximumRetryCount", 0);
  if (!*name)
    name = "no";
  if (count)
    snprintf(out, 64, "%.40s:%lld", name, (long long)count);
  else
    snprintf(out, 64, "%.40s", name);
}

static int put_policy(cJSON *update, const cJSON *policy) {
  const char *name = json_str(policy, "Name", "");
  cJSON *copy = cJSON_CreateObject();
  bool ok = json_put_str(copy, "Name", *name ? name : "no") &&
            json_put_int(copy, "MaximumRetryCount", json_int(policy, "MaximumRetryCount", 0));
  if (ok)
    return json_put(update, "RestartPolicy", copy) ? 0 : -1;
  cJSON_Delete(copy);
  return -1;
}

static int diff_policy(const cJSON *want, const cJSON *have, struct field_changes *changes, cJSON *update,
                       cJSON *previous, struct err *err) {
  char from[64], to[64];
  show_policy(json_get(have, "RestartPolicy"), from);
  show_policy(json_get(want, "RestartPolicy"), to);
  if (strcmp(from, to) == 0)
    return 0;
  if (put_policy(update, json_get(want, "RestartPolicy")) < 0 ||
      put_policy(previous, json_get(have, "RestartPolicy")) < 0)
    return err_no_memory(err);
  return field_changes_add(changes, "restart", from, to, true, err);
}

int fields_diff_live(const cJSON *body, const cJSON *inspect, struct field_changes *changes, cJSON **ret_update,
                     cJSON **ret_previous, bool *ret_recreate, struct err *err) {
  const cJSON *want = json_get(body, "HostConfig"), *have = json_get(inspect, "HostConfig");
  CLEANUP_JSON cJSON *update = cJSON_CreateObject();
  CLEANUP_JSON cJSON *previous = cJSON_CreateObject();
  bool recreate = false;
  if (!update || !previous)
    return err_no_memory(err);
  if (diff_numbers(want, have, changes, update, previous, &recreate, err) < 0 ||
      add_swap(want, have, update, previous, changes, err) < 0 ||
      diff_policy(want, have, changes, update, previous, err) < 0)
    return -1;
  bool any = update->child != NULL;
  *ret_update = any ? STEAL(update) : NULL;
  *ret_previous = any ? STEAL(previous) : NULL;
  *ret_recreate = recreate;
  return 0;
}

int fields_live_put(const cJSON *inspect, cJSON *object, struct err *err) {
  const cJSON *host = json_get(inspect, "HostConfig");
  char text[64];
  for (size_t i = 0; i < COUNT_OF(live_fields); i++) {
    int64_t value = limit_of(host, live_fields[i].key);
    show_number(live_fields[i].unit, value, text);
    if (value && !json_put_str(object, live_fields[i].label, text))
      return err_no_memory(err);
  }
  show_policy(json_get(host, "RestartPolicy"), text);
  return json_put_str(object, "restart", text) ? 0 : err_no_memory(err);
}

const char *fields_word(const char *member) {
  for (size_t i = 0; i < COUNT_OF(live_fields); i++)
    if (strcmp(live_fields[i].key, member) == 0)
      return live_fields[i].label;
  return strcmp(member, "RestartPolicy") == 0 ? "restart" : fields_spec_word(member);
}

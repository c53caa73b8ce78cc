/* The stored form of the desired state: reading it into structs, and choosing parts of two of them. */
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/desired.h"

void desired_free(struct desired *d) {
  if (!d)
    return;
  cJSON_Delete(d->doc);
  free(d->machines);
  free(d->images);
  free(d->networks);
  free(d->volumes);
  free(d->services);
  free(d);
}

static void read_machine(const cJSON *j, void *item) {
  *(struct desired_machine *)item =
      (struct desired_machine){.name = json_str(j, "name", ""), .address = json_str(j, "address", NULL)};
}

static void read_image(const cJSON *j, void *item) {
  *(struct desired_image *)item = (struct desired_image){
      .machine = json_str(j, "machine", ""),
      .ref = json_str(j, "ref", ""),
      .service = json_str(j, "service", NULL),
      .tier = json_str(j, "tier", NULL),
      .build = json_get(j, "build"),
      .build_hash = json_str(j, "build_hash", NULL),
      .base = json_str(j, "base", NULL),
      .platform = json_str(j, "platform", NULL),
      .pull_policy = json_str(j, "pull_policy", NULL),
      .id = json_str(j, "id", NULL),
  };
}

static void read_resource(const cJSON *j, void *item) {
  *(struct desired_resource *)item = (struct desired_resource){
      .machine = json_str(j, "machine", ""),
      .name = json_str(j, "name", ""),
      .external = json_bool(j, "external", false),
      .body = json_get(j, "body"),
  };
}

static void read_service(const cJSON *j, void *item) {
  *(struct desired_service *)item = (struct desired_service){
      .name = json_str(j, "name", ""),
      .machine = json_str(j, "machine", ""),
      .container_name = json_str(j, "container_name", ""),
      .container_name_set = json_bool(j, "container_name_set", false),
      .image = json_str(j, "image", ""),
      .platform = json_str(j, "platform", NULL),
      .body = json_get(j, "body"),
      .files = json_get(j, "files"),
      .depends_on = json_get(j, "depends_on"),
      .spec_hash = json_str(j, "spec_hash", ""),
      .config_hash = json_str(j, "config_hash", ""),
      .secret_env = json_get(j, "secret_env"),
      .order = (enum update_order)json_int(j, "order", ORDER_AUTO),
      .monitor_ms = json_int(j, "monitor_ms", 10000),
      .stop_grace_s = (int)json_int(j, "stop_grace_s", -1),
  };
}

static int read_list(const cJSON *doc, const char *name, size_t size, void (*read)(const cJSON *, void *),
                     void **ret_items, size_t *ret_count, struct err *err) {
  const cJSON *list = json_get(doc, name);
  size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
  char *items = calloc(count + 1, size);
  if (!items)
    return err_no_memory(err);
  const cJSON *j;
  cJSON_ArrayForEach(j, list) read(j, items + size * i++);
  *ret_items = items;
  *ret_count = count;
  return 0;
}

static int by_service_name(const void *a, const void *b) {
  return strcmp(((const struct desired_service *)a)->name, ((const struct desired_service *)b)->name);
}

static int read_all(struct desired *d, struct err *err) {
  free(d->machines);
  free(d->images);
  free(d->networks);
  free(d->volumes);
  free(d->services);
  d->machines = NULL;
  d->images = NULL;
  d->networks = d->volumes = NULL;
  d->services = NULL;
  d->project = json_str(d->doc, "project", "");
  d->parallelism = (int)json_int(d->doc, "parallelism", 8);
  d->retain = (int)json_int(d->doc, "retain", 3);
  d->reconnect_ms = json_int(d->doc, "reconnect_ms", 30000);
#define READ(name, list, count, type, read) \
  read_list(d->doc, name, sizeof(struct type), read, (void **)&d->list, &d->count, err) < 0
  if (READ("machines", machines, machine_count, desired_machine, read_machine) ||
      READ("images", images, image_count, desired_image, read_image) ||
      READ("networks", networks, network_count, desired_resource, read_resource) ||
      READ("volumes", volumes, volume_count, desired_resource, read_resource) ||
      READ("services", services, service_count, desired_service, read_service))
    return -1;
#undef READ
  qsort(d->services, d->service_count, sizeof(*d->services), by_service_name);
  return 0;
}

static int take(cJSON *doc, struct desired **ret_desired, struct err *err) {
  struct desired *d = calloc(1, sizeof(*d));
  if (!d || !doc) {
    cJSON_Delete(doc);
    free(d);
    return err_no_memory(err);
  }
  d->doc = doc;
  if (read_all(d, err) < 0) {
    desired_free(d);
    return -1;
  }
  *ret_desired = d;
  return 0;
}

int desired_load(const cJSON *doc, const char *project, struct desired **ret_desired, struct err *err) {
  if (doc && json_int(doc, "format", 0) != 1)
    return err_set(err, ERR_IO, "the stored revision has format %lld, which this tandem does not know",
                   (long long)json_int(doc, "format", 0));
  if (doc)
    return take(cJSON_Duplicate(doc, true), ret_desired, err);
  cJSON *empty = cJSON_CreateObject();
  if (!empty || !json_put_int(empty, "format", 1) || !json_put_str(empty, "project", project)) {
    cJSON_Delete(empty);
    return err_no_memory(err);
  }
  return take(empty, ret_desired, err);
}

static bool chosen(const char *name, const char *const *services, size_t count) {
  for (size_t i = 0; name && i < count; i++)
    if (strcmp(services[i], name) == 0)
      return true;
  return false;
}

static bool same_entry(const cJSON *a, const cJSON *b, const char *key) {
  return strcmp(json_str(a, key, ""), json_str(b, key, "")) == 0 &&
         strcmp(json_str(a, "machine", ""), json_str(b, "machine", "")) == 0;
}

/* Copies the entries of from's list that `keep` wants and that `to` has not yet (by key and machine). */
static int merge_list(cJSON *to, const cJSON *from, const char *key, const char *const *services, size_t count,
                      bool only_chosen, struct err *err) {
  const cJSON *item, *have;
  cJSON_ArrayForEach(item, from) {
    if (only_chosen && !chosen(json_str(item, "name", ""), services, count))
      continue;
    bool there = false;
    cJSON_ArrayForEach(have, to) there = there || same_entry(have, item, key);
    cJSON *copy = there ? NULL : cJSON_Duplicate(item, true);
    if (!there && (!copy || !cJSON_AddItemToArray(to, copy)))
      return err_no_memory(err);
  }
  return 0;
}

/* A service may have changed its machine: what `now` says of a chosen service must not stay beside `next`'s. */
static int merge_services(cJSON *to, const cJSON *next, const cJSON *now, const char *const *services, size_t count,
                          struct err *err) {
  if (merge_list(to, next, "name", services, count, true, err) < 0)
    return -1;
  const cJSON *item;
  cJSON_ArrayForEach(item, now) {
    if (chosen(json_str(item, "name", ""), services, count))
      continue;
    cJSON *copy = cJSON_Duplicate(item, true);
    if (!copy || !cJSON_AddItemToArray(to, copy))
      return err_no_memory(err);
  }
  return 0;
}

/* The others' images stay what they are now, even where their files have changed meanwhile. */
static void drop_images_of_others(cJSON *images, const char *const *services, size_t count) {
  for (cJSON *i = images ? images->child : NULL, *next; i; i = next) {
    next = i->next;
    const char *service = json_str(i, "service", NULL);
    if (service && !chosen(service, services, count))
      cJSON_Delete(cJSON_DetachItemViaPointer(images, i));
  }
}

int desired_select(const struct desired *next, const struct desired *now, const char *const *services, size_t count,
                   struct desired **ret_desired, struct err *err) {
  static const struct {
    const char *list, *key;
  } others[] = {{"images", "ref"}, {"networks", "name"}, {"volumes", "name"}};
  CLEANUP_JSON cJSON *doc = cJSON_Duplicate(next->doc, true);
  cJSON *list = cJSON_CreateArray();
  if (!doc || !json_put(doc, "services", list))
    return err_no_memory(err);
  drop_images_of_others(cJSON_GetObjectItemCaseSensitive(doc, "images"), services, count);
  if (merge_services(list, json_get(next->doc, "services"), now ? json_get(now->doc, "services") : NULL, services,
                     count, err) < 0)
    return -1;
  for (size_t i = 0; now && i < COUNT_OF(others); i++) {
    cJSON *to = cJSON_GetObjectItemCaseSensitive(doc, others[i].list);
    if (merge_list(to, json_get(now->doc, others[i].list), others[i].key, NULL, 0, false, err) < 0)
      return -1;
  }
  return take(STEAL(doc), ret_desired, err);
}

const struct desired_service *desired_service(const struct desired *d, const char *name) {
  struct desired_service key = {.name = name};
  return d->service_count
             ? bsearch(&key, d->services, d->service_count, sizeof(*d->services), by_service_name)
             : NULL;
}

const struct desired_image *desired_image(const struct desired *d, const char *machine, const char *ref) {
  for (size_t i = 0; i < d->image_count; i++)
    if (strcmp(d->images[i].ref, ref) == 0 && strcmp(d->images[i].machine, machine) == 0)
      return &d->images[i];
  return NULL;
}

int desired_set_image_id(struct desired *d, const char *machine, const char *ref, const char *id, struct err *err) {
  cJSON *item;
  cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(d->doc, "images")) {
    if (strcmp(json_str(item, "ref", ""), ref) != 0 || strcmp(json_str(item, "machine", ""), machine) != 0)
      continue;
    if (!json_put_str(item, "id", id))
      return err_no_memory(err);
  }
  return read_all(d, err);
}

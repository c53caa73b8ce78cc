#include "controller/plan/observed.h"

#include <string.h>

#include "api/base/json.h"

void observed_container_release(struct observed_container *c) {
  free(c->id);
  free(c->name);
  free(c->service);
  cJSON_Delete(c->inspect);
}

void observed_machine_release(struct observed_machine *m) {
  for (size_t i = 0; i < m->container_count; i++)
    observed_container_release(&m->containers[i]);
  for (size_t i = 0; i < m->image_count; i++) {
    free(m->images[i].id);
    free(m->images[i].ref);
    free(m->images[i].build_hash);
  }
  struct observed_resource *lists[] = {m->networks, m->volumes};
  size_t counts[] = {m->network_count, m->volume_count};
  for (size_t l = 0; l < 2; l++) {
    for (size_t i = 0; i < counts[l]; i++) {
      free(lists[l][i].id);
      free(lists[l][i].name);
      free(lists[l][i].project);
    }
    free(lists[l]);
  }
  free(m->containers);
  free(m->images);
  free(m->name);
  free(m->version);
  free(m->api_version);
  *m = (struct observed_machine){0};
}

void observed_free(struct observed *o) {
  if (!o)
    return;
  for (size_t i = 0; i < o->machine_count; i++)
    observed_machine_release(&o->machines[i]);
  free(o->machines);
  free(o);
}

/* Room for one more item of an array that doubles at powers of two. */
static int grow(void **items, size_t count, size_t size, struct err *err) {
  if (count & (count - 1))
    return 0;
  void *more = realloc(*items, (count ? count * 2 : 1) * size);
  if (!more)
    return err_no_memory(err);
  *items = more;
  return 0;
}

static char *dup_or_null(const char *s) {
  return s ? strdup(s) : NULL;
}

/* NAME.r12 and NAME.n12 */
static enum container_role role_of_name(const char *name, int64_t *ret_revision) {
  const char *dot = strrchr(name, '.');
  *ret_revision = 0;
  if (!dot || (dot[1] != 'r' && dot[1] != 'n') || dot[2] < '0' || dot[2] > '9')
    return CONTAINER_LIVE;
  char *end;
  long long n = strtoll(dot + 2, &end, 10);
  if (*end)
    return CONTAINER_LIVE;
  *ret_revision = n;
  return dot[1] == 'r' ? CONTAINER_PARKED : CONTAINER_NEW;
}

int observed_add_container(struct observed_machine *m, cJSON *inspect, struct err *err) {
  CLEANUP_JSON cJSON *doc = inspect;
  const cJSON *labels = json_at(doc, "Config.Labels");
  const cJSON *state = json_get(doc, "State");
  const char *id = json_str(doc, "Id", "");
  const char *name = json_str(doc, "Name", "");
  if (strlen(id) != 64 || !*name)
    return err_set(err, ERR_PROTOCOL, "%s: a container without Id or Name", m->name);
  if (grow((void **)&m->containers, m->container_count, sizeof(*m->containers), err) < 0)
    return -1;
  struct observed_container c = {
      .id = strdup(id),
      .name = strdup(*name == '/' ? name + 1 : name),
      .service = strdup(json_str(labels, "com.docker.compose.service", "")),
      .revision = strtoll(json_str(labels, "tandem.revision", "0"), NULL, 10),
      .image_id = json_str(doc, "Image", ""),
      .state = json_str(state, "Status", ""),
      .health = json_str(json_get(state, "Health"), "Status", ""),
      .started_at = json_str(state, "StartedAt", ""),
      .restarts = json_int(doc, "RestartCount", 0),
      .exit_code = json_int(state, "ExitCode", 0),
      .oom_killed = json_bool(state, "OOMKilled", false),
      .running = json_bool(state, "Running", false),
  };
  if (!c.id || !c.name || !c.service) {
    observed_container_release(&c);
    return err_no_memory(err);
  }
  c.role = role_of_name(c.name, &c.role_revision);
  c.inspect = STEAL(doc);
  m->containers[m->container_count++] = c;
  return 0;
}

static int add_image(struct observed_machine *m, const char *id, const char *ref, const char *hash, struct err *err) {
  if (grow((void **)&m->images, m->image_count, sizeof(*m->images), err) < 0)
    return -1;
  struct observed_image *i = &m->images[m->image_count];
  *i = (struct observed_image){.id = strdup(id), .ref = strdup(ref), .build_hash = dup_or_null(hash)};
  m->image_count++;
  return i->id && i->ref && (!hash || i->build_hash) ? 0 : err_no_memory(err);
}

int observed_add_images(struct observed_machine *m, const cJSON *image_list, struct err *err) {
  const cJSON *image;
  cJSON_ArrayForEach(image, image_list) {
    const char *id = json_str(image, "Id", "");
    const char *hash = json_str(json_get(image, "Labels"), "tandem.build-hash", NULL);
    const cJSON *tags = json_get(image, "RepoTags");
    const cJSON *tag;
    if (cJSON_GetArraySize(tags) == 0 && add_image(m, id, "", hash, err) < 0)
      return -1;
    cJSON_ArrayForEach(tag, tags) {
      const char *ref = cJSON_IsString(tag) && strcmp(tag->valuestring, "<none>:<none>") != 0 ? tag->valuestring : "";
      if (add_image(m, id, ref, hash, err) < 0)
        return -1;
    }
    const cJSON *digest; /* "name@sha256:..." */
    cJSON_ArrayForEach(digest, json_get(image, "RepoDigests")) {
      if (cJSON_IsString(digest) && add_image(m, id, digest->valuestring, hash, err) < 0)
        return -1;
    }
  }
  return 0;
}

static int add_resource(struct observed_resource **items, size_t *count, const char *id, const cJSON *doc,
                        struct err *err) {
  if (grow((void **)items, *count, sizeof(**items), err) < 0)
    return -1;
  struct observed_resource *r = &(*items)[*count];
  const char *project = json_str(json_get(doc, "Labels"), "com.docker.compose.project", NULL);
  *r = (struct observed_resource){
      .id = dup_or_null(id), .name = strdup(json_str(doc, "Name", "")), .project = dup_or_null(project)};
  (*count)++;
  return r->name && (!id || r->id) && (!project || r->project) ? 0 : err_no_memory(err);
}

int observed_add_networks(struct observed_machine *m, const cJSON *network_list, struct err *err) {
  const cJSON *n;
  cJSON_ArrayForEach(n, network_list) if (add_resource(&m->networks, &m->network_count, json_str(n, "Id", ""), n, err) <
                                          0) return -1;
  return 0;
}

int observed_add_volumes(struct observed_machine *m, const cJSON *volume_list, struct err *err) {
  const cJSON *v;
  cJSON_ArrayForEach(v, json_get(volume_list, "Volumes")) if (add_resource(&m->volumes, &m->volume_count, NULL, v,
                                                                           err) < 0) return -1;
  return 0;
}

static int by_container_name(const void *a, const void *b) {
  return strcmp(((const struct observed_container *)a)->name, ((const struct observed_container *)b)->name);
}

static int by_image_ref(const void *a, const void *b) {
  const struct observed_image *x = a, *y = b;
  int order = strcmp(x->ref, y->ref);
  return order ? order : strcmp(x->id, y->id);
}

static int by_resource_name(const void *a, const void *b) {
  return strcmp(((const struct observed_resource *)a)->name, ((const struct observed_resource *)b)->name);
}

void observed_sort(struct observed *o) {
  for (size_t i = 0; i < o->machine_count; i++) {
    struct observed_machine *m = &o->machines[i];
    if (m->container_count)
      qsort(m->containers, m->container_count, sizeof(*m->containers), by_container_name);
    if (m->image_count)
      qsort(m->images, m->image_count, sizeof(*m->images), by_image_ref);
    if (m->network_count)
      qsort(m->networks, m->network_count, sizeof(*m->networks), by_resource_name);
    if (m->volume_count)
      qsort(m->volumes, m->volume_count, sizeof(*m->volumes), by_resource_name);
  }
}

const struct observed_machine *observed_machine(const struct observed *o, const char *name) {
  for (size_t i = 0; i < o->machine_count; i++)
    if (strcmp(o->machines[i].name, name) == 0)
      return &o->machines[i];
  return NULL;
}

const struct observed_image *observed_image(const struct observed_machine *m, const char *ref) {
  struct observed_image key = {.ref = (char *)ref, .id = (char *)""};
  size_t lo = 0, hi = m->image_count;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (by_image_ref(&m->images[mid], &key) < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < m->image_count && strcmp(m->images[lo].ref, ref) == 0 ? &m->images[lo] : NULL;
}

const struct observed_image *observed_image_by_id(const struct observed_machine *m, const char *id) {
  for (size_t i = 0; i < m->image_count; i++)
    if (strcmp(m->images[i].id, id) == 0)
      return &m->images[i];
  return NULL;
}

const struct observed_container *observed_live(const struct observed_machine *m, const char *service,
                                               const char *container_name) {
  const struct observed_container *first = NULL;
  for (size_t i = 0; i < m->container_count; i++) {
    const struct observed_container *c = &m->containers[i];
    if (c->role != CONTAINER_LIVE || strcmp(c->service, service) != 0)
      continue;
    if (strcmp(c->name, container_name) == 0)
      return c;
    if (!first)
      first = c;
  }
  return first;
}

#include "controller/plan/basis.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/fields.h"
#include "controller/plan/ref.h"

/* The fields of "KIND NAME" or, with a machine, "KIND NAME on MACHINE", made at the first call. NULL without memory. */
static cJSON *object_of(cJSON *parent, const char *kind, const char *name, const char *machine) {
  char key[600];
  snprintf(key, sizeof(key), "%s%s%s%s%s", kind, *kind && *name ? " " : "", name, machine ? " on " : "",
           machine ? machine : "");
  cJSON *object = cJSON_GetObjectItemCaseSensitive(parent, key);
  if (object)
    return object;
  object = cJSON_CreateObject();
  return json_put(parent, key, object) ? object : NULL;
}

/* --- the files --------------------------------------------------------------------------------------------------- */

static int put_hash(cJSON *object, const char *field, const cJSON *value, struct err *err) {
  char hex[65];
  if (json_hash(value, hex, err) < 0)
    return -1;
  hex[16] = '\0';
  return json_put_str(object, field, hex) ? 0 : err_no_memory(err);
}

static int put_named_hash(cJSON *object, const char *group, const char *name, size_t len, const cJSON *value,
                          struct err *err) {
  char field[300];
  snprintf(field, sizeof(field), "%s.%.*s", group, (int)len, name);
  return put_hash(object, field, value, err);
}

static bool is_secret(const cJSON *names, const char *name, size_t len) {
  const cJSON *s;
  cJSON_ArrayForEach(s, names) {
    if (cJSON_IsString(s) && strlen(s->valuestring) == len && strncmp(s->valuestring, name, len) == 0)
      return true;
  }
  return false;
}

/* A guess at a secret could be tried on a hash of its own, so all of a service's share one with its files. */
static int put_environment(cJSON *object, const cJSON *env, const struct desired_service *s, struct err *err) {
  CLEANUP_JSON cJSON *secrets = cJSON_CreateArray();
  const cJSON *item;
  if (!secrets)
    return err_no_memory(err);
  cJSON_ArrayForEach(item, env) {
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    size_t len = (size_t)(strchrnul(text, '=') - text);
    if (!is_secret(s->secret_env, text, len)) {
      if (put_named_hash(object, "environment", text, len, item, err) < 0)
        return -1;
    } else if (!cJSON_AddItemToArray(secrets, cJSON_Duplicate(item, true))) {
      return err_no_memory(err);
    }
  }
  if (s->files && !cJSON_AddItemToArray(secrets, cJSON_Duplicate(s->files, true)))
    return err_no_memory(err);
  return secrets->child ? put_hash(object, "secrets or configs", secrets, err) : 0;
}

static int put_body(cJSON *object, const struct desired_service *s, struct err *err) {
  for (const cJSON *m = s->body ? s->body->child : NULL; m; m = m->next) {
    bool grouped = strcmp(m->string, "HostConfig") == 0 || strcmp(m->string, "Labels") == 0;
    if (strcmp(m->string, "Env") == 0) {
      if (put_environment(object, m, s, err) < 0)
        return -1;
    } else if (!grouped) {
      if (put_hash(object, fields_word(m->string), m, err) < 0)
        return -1;
    }
    for (const cJSON *f = grouped ? m->child : NULL; f; f = f->next) {
      bool label = strcmp(m->string, "Labels") == 0;
      if (label && (strncmp(f->string, "com.docker.compose.", 19) == 0 || strncmp(f->string, "tandem.", 7) == 0))
        continue; /* made from the other fields */
      if ((label ? put_named_hash(object, "labels", f->string, strlen(f->string), f, err)
                 : put_hash(object, fields_word(f->string), f, err)) < 0)
        return -1;
    }
  }
  return 0;
}

static int put_service(cJSON *files, const struct desired_service *s, const cJSON *entry, struct err *err) {
  static const char *const others[] = {"machine", "container_name", "platform",    "depends_on",
                                       "order",   "monitor_ms",     "stop_grace_s"};
  cJSON *object = object_of(files, "service", s->name, NULL);
  if (!object)
    return err_no_memory(err);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    const cJSON *value = json_get(entry, others[i]);
    if (value && put_hash(object, others[i], value, err) < 0)
      return -1;
  }
  return put_body(object, s, err);
}

/* Entries of a list by name and machine: every member is a field, but what only tells them apart. */
static int put_entries(cJSON *files, const cJSON *list, const char *key, const char *kind, struct err *err) {
  const cJSON *entry;
  cJSON_ArrayForEach(entry, list) {
    cJSON *object = object_of(files, kind, json_str(entry, key, ""), json_str(entry, "machine", ""));
    if (!object)
      return err_no_memory(err);
    for (const cJSON *m = entry->child; m; m = m->next) {
      bool known = strcmp(m->string, key) == 0 || strcmp(m->string, "machine") == 0 || strcmp(m->string, "id") == 0;
      if (!known && put_hash(object, m->string, m, err) < 0)
        return -1;
    }
  }
  return 0;
}

static int put_files(cJSON *files, const struct desired *d, struct err *err) {
  static const char *const settings[] = {"parallelism", "retain", "machines", "placements"};
  cJSON *fleet = object_of(files, "settings", "", NULL);
  if (!fleet)
    return err_no_memory(err);
  for (size_t i = 0; i < COUNT_OF(settings); i++) {
    const cJSON *value = json_get(d->doc, settings[i]);
    if (value && put_hash(fleet, settings[i], value, err) < 0)
      return -1;
  }
  const cJSON *entry;
  cJSON_ArrayForEach(entry, json_get(d->doc, "services")) {
    const struct desired_service *s = desired_service(d, json_str(entry, "name", ""));
    if (s && put_service(files, s, entry, err) < 0)
      return -1;
  }
  return put_entries(files, json_get(d->doc, "images"), "ref", "image", err) < 0 ||
                 put_entries(files, json_get(d->doc, "networks"), "name", "network", err) < 0 ||
                 put_entries(files, json_get(d->doc, "volumes"), "name", "volume", err) < 0
             ? -1
             : 0;
}

/* --- the engines ------------------------------------------------------------------------------------------------- */

static bool put_short(cJSON *object, const char *field, const char *id) {
  char text[16];
  snprintf(text, sizeof(text), "%.12s", strncmp(id, "sha256:", 7) == 0 ? id + 7 : id);
  return json_put_str(object, field, text);
}

static int put_networks(cJSON *object, const cJSON *inspect, struct err *err) {
  CLEANUP_STRV struct strv names = STRV_INIT;
  char text[600] = "";
  const cJSON *networks = json_at(inspect, "NetworkSettings.Networks");
  for (const cJSON *n = networks ? networks->child : NULL; n; n = n->next)
    if (strv_add(&names, n->string, err) < 0)
      return -1;
  strv_sort(&names);
  for (size_t i = 0, len = 0; i < names.count && len < sizeof(text); i++)
    len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "", names.items[i]);
  return !*text || json_put_str(object, "networks", text) ? 0 : err_no_memory(err);
}

static int put_container(cJSON *machine, const struct observed_container *c, struct err *err) {
  cJSON *object = object_of(machine, "container", c->name, NULL);
  if (!object || !put_short(object, "id", c->id) || !json_put_str(object, "state", c->state) ||
      !put_short(object, "image", c->image_id))
    return err_no_memory(err);
  return fields_live_put(c->inspect, object, err) < 0 ? -1 : put_networks(object, c->inspect, err);
}

static int put_images(cJSON *machine, const struct desired *d, const struct observed_machine *m, struct err *err) {
  for (size_t i = 0; i < m->image_count; i++) {
    const struct observed_image *image = &m->images[i];
    CLEANUP_FREE char *hold = ref_hold(d->project, image->id);
    if (!hold)
      return err_no_memory(err);
    if (!*image->ref || (strcmp(hold, image->ref) != 0 && !desired_image(d, m->name, image->ref)))
      continue;
    cJSON *object = object_of(machine, "image", image->ref, NULL);
    if (!object || !put_short(object, "id", image->id))
      return err_no_memory(err);
  }
  return 0;
}

static bool is_of(const struct desired *d, const char *machine, const struct observed_resource *r, bool network) {
  const struct desired_resource *list = network ? d->networks : d->volumes;
  size_t count = network ? d->network_count : d->volume_count;
  bool wanted = r->project && strcmp(r->project, d->project) == 0;
  for (size_t i = 0; i < count && !wanted; i++)
    wanted = strcmp(list[i].name, r->name) == 0 && strcmp(list[i].machine, machine) == 0;
  return wanted;
}

static int put_resources(cJSON *machine, const struct desired *d, const struct observed_machine *m, bool network,
                         struct err *err) {
  const struct observed_resource *list = network ? m->networks : m->volumes;
  size_t count = network ? m->network_count : m->volume_count;
  for (size_t i = 0; i < count; i++) {
    if (!is_of(d, m->name, &list[i], network))
      continue;
    cJSON *object = object_of(machine, network ? "network" : "volume", list[i].name, NULL);
    if (!object || (list[i].id && !put_short(object, "id", list[i].id)))
      return err_no_memory(err);
  }
  return 0;
}

static int put_machine(cJSON *engines, const struct desired *d, const struct observed_machine *m, struct err *err) {
  cJSON *machine = object_of(engines, "", m->name, NULL);
  cJSON *engine = machine ? object_of(machine, "the engine", "", NULL) : NULL;
  if (!engine || !json_put_str(engine, "version", m->version ? m->version : ""))
    return err_no_memory(err);
  for (size_t i = 0; i < m->container_count; i++)
    if (put_container(machine, &m->containers[i], err) < 0)
      return -1;
  return put_images(machine, d, m, err) < 0 || put_resources(machine, d, m, true, err) < 0 ||
                 put_resources(machine, d, m, false, err) < 0
             ? -1
             : 0;
}

int basis_make(const struct desired *desired, const struct observed *observed, int64_t revision, cJSON **ret_basis,
               struct err *err) {
  CLEANUP_JSON cJSON *basis = cJSON_CreateObject();
  cJSON *files = cJSON_CreateObject(), *engines = cJSON_CreateObject();
  bool ok = json_put(basis, "files", files);
  ok = json_put(basis, "engines", engines) && ok;
  char hex[65];
  if (!ok || !json_put_int(basis, "revision", revision))
    return err_no_memory(err);
  if (json_hash(desired->doc, hex, err) < 0)
    return -1;
  if (!json_put_str(basis, "desired", hex))
    return err_no_memory(err);
  if (put_files(files, desired, err) < 0)
    return -1;
  for (size_t i = 0; i < observed->machine_count; i++)
    if (put_machine(engines, desired, &observed->machines[i], err) < 0)
      return -1;
  *ret_basis = STEAL(basis);
  return 0;
}

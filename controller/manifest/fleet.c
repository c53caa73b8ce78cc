#include "controller/manifest/fleet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/manifest/check.h"
#include "controller/manifest/confighash.h"
#include "controller/manifest/fleet_private.h"
#include "controller/manifest/print.h"

int fleet_warn(struct fleet *fleet, const struct node *at, const char *format, ...) {
  char text[1024];
  int len = 0;
  if (at && at->pos.file)
    len = snprintf(text, sizeof(text) / 2, "%s:%d:%d: ", at->pos.file, at->pos.line, at->pos.column);
  va_list args;
  va_start(args, format);
  vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
  va_end(args);
  return strv_add_once(&fleet->warnings, text, NULL);
}

/* --- making ------------------------------------------------------------------------------------------------------- */

static int copy_strv(struct strv *to, const struct strv *from, struct err *err) {
  for (size_t i = 0; i < from->count; i++)
    if (strv_add(to, from->items[i], err) < 0)
      return -1;
  return 0;
}

static int copy_names(struct fleet *fleet, const struct document *d, struct err *err) {
  fleet->name = strdup(d->name);
  fleet->working_dir = strdup(d->working_dir);
  if (!fleet->name || !fleet->working_dir || !(fleet->document = node_to_json(d->root)))
    return err_no_memory(err);
  if (copy_strv(&fleet->files, &d->files, err) < 0 || copy_strv(&fleet->loaded_files, &d->loaded_files, err) < 0)
    return -1;
  return copy_strv(&fleet->warnings, &d->warnings, err);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct service *)a)->name, ((const struct service *)b)->name);
}

static int read_services(struct loading *l, struct err *err) {
  const struct node *services = node_get(l->document->root, "services");
  size_t count = services && services->kind == NODE_MAP ? services->count : 0;
  if (!count)
    return 0;
  if (!(l->fleet->services = calloc(count, sizeof(*l->fleet->services))))
    return err_no_memory(err);
  for (size_t i = 0; i < count; i++)
    if (fleet_read_service(l, &services->pairs[i], &l->fleet->services[l->fleet->service_count++], err) < 0)
      return -1;
  qsort(l->fleet->services, count, sizeof(*l->fleet->services), by_name);
  return 0;
}

static int load(const struct manifest_options *options, struct fleet *fleet, struct err *err) {
  if (document_load(options, &fleet->source, err) < 0)
    return -1;
  struct loading l = {.options = options, .document = fleet->source, .fleet = fleet};
  int rc = copy_names(fleet, l.document, err);
  if (rc == 0 && xtandem_read(&l, err) < 0)
    rc = -1;
  if (rc == 0 && (read_services(&l, err) < 0 || fleet_read_resources(&l, err) < 0))
    rc = -1;
  if (rc == 0)
    rc = check_support_warn(fleet, err);
  xtandem_free(l.xtandem);
  return rc;
}

int manifest_load(const struct manifest_options *options, struct fleet **ret_fleet, struct err *err) {
  struct fleet *fleet = calloc(1, sizeof(*fleet));
  if (!fleet)
    return err_no_memory(err);
  if (load(options, fleet, err) < 0) {
    fleet_free(fleet);
    return -1;
  }
  *ret_fleet = fleet;
  return 0;
}

/* --- freeing ------------------------------------------------------------------------------------------------------ */

static void machine_release(struct machine *m) {
  free(m->name);
  free(m->endpoint);
  free(m->address);
  free(m->tls_ca);
  free(m->tls_cert);
  free(m->tls_key);
}

static void tier_release(struct tier *t) {
  free(t->name);
  free(t->image);
  build_free(t->build);
}

static void service_release_lists(struct service *s) {
  for (size_t i = 0; i < s->dependency_count; i++)
    free(s->dependencies[i].service);
  for (size_t i = 0; i < s->port_count; i++) {
    free(s->ports[i].host_ip);
    free(s->ports[i].protocol);
  }
  free(s->dependencies);
  free(s->ports);
  strv_release(&s->networks);
  strv_release(&s->volumes);
  strv_release(&s->secret_env);
}

static void service_release(struct service *s) {
  service_release_lists(s);
  free(s->name);
  free(s->container_name);
  free(s->image);
  free(s->platform);
  free(s->pull_policy);
  free(s->requirements);
  build_free(s->build);
  cJSON_Delete(s->gates);
  cJSON_Delete(s->body);
  cJSON_Delete(s->files);
  cJSON_Delete(s->post_start);
  cJSON_Delete(s->pre_stop);
}

static void resources_free(struct resource *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(list[i].key);
    free(list[i].name);
    cJSON_Delete(list[i].body);
  }
  free(list);
}

void fleet_free(struct fleet *fleet) {
  if (!fleet)
    return;
  for (size_t i = 0; i < fleet->machine_count; i++)
    machine_release(&fleet->machines[i]);
  for (size_t i = 0; i < fleet->tier_count; i++)
    tier_release(&fleet->tiers[i]);
  for (size_t i = 0; i < fleet->service_count; i++)
    service_release(&fleet->services[i]);
  resources_free(fleet->networks, fleet->network_count);
  resources_free(fleet->volumes, fleet->volume_count);
  free(fleet->machines);
  free(fleet->tiers);
  free(fleet->services);
  free(fleet->name);
  free(fleet->working_dir);
  strv_release(&fleet->files);
  strv_release(&fleet->loaded_files);
  strv_release(&fleet->warnings);
  cJSON_Delete(fleet->document);
  document_free(fleet->source);
  free(fleet);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

const struct service *fleet_service(const struct fleet *fleet, const char *name) {
  for (size_t i = 0; i < fleet->service_count; i++)
    if (strcmp(fleet->services[i].name, name) == 0)
      return &fleet->services[i];
  return NULL;
}

const struct machine *fleet_machine(const struct fleet *fleet, const char *name) {
  for (size_t i = 0; i < fleet->machine_count; i++)
    if (strcmp(fleet->machines[i].name, name) == 0)
      return &fleet->machines[i];
  return NULL;
}

int fleet_service_config_hash(const struct fleet *fleet, const struct service *service, char ret_hex[65],
                              struct err *err) {
  return confighash_service(fleet->source, service->name, CONFIGHASH_CONFIG, ret_hex, err);
}

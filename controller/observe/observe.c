#include "controller/observe/observe.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "api/engine/image.h"
#include "api/engine/resource.h"

struct observation {
  struct machines *machines;
  struct observed *observed;
  char filter[300];
  size_t pending;
  struct err err;
  observe_cb *cb;
  void *arg;
};

struct reading {
  struct observation *o;
  struct observed_machine *machine;
  struct engine *engine;
};

static void unref(struct observation *o) {
  if (--o->pending)
    return;
  struct observed *observed = STEAL(o->observed);
  if (o->err.kind) {
    observed_free(observed);
    observed = NULL;
  } else {
    observed_sort(observed);
  }
  o->cb(o->arg, observed, observed ? NULL : &o->err);
  err_release(&o->err);
  free(o);
}

static void fail(struct observation *o, struct err *err) {
  if (!o->err.kind)
    err_move(&o->err, err);
  else
    err_release(err);
}

/* A reading for one more call; NULL (and the observation failed) without memory. */
static struct reading *reading_new(struct observation *o, struct observed_machine *m, struct engine *e) {
  struct reading *r = malloc(sizeof(*r));
  if (!r) {
    err_no_memory(o->err.kind ? NULL : &o->err);
    return NULL;
  }
  *r = (struct reading){.o = o, .machine = m, .engine = e};
  o->pending++;
  return r;
}

static void got_container(void *arg, const struct engine_reply *reply, struct err *err) {
  struct reading *r = arg;
  struct err failure = ERR_INIT;
  if (!reply) {
    if (err->http_status != 404) /* gone since the list */
      err_move(&failure, err);
  } else {
    cJSON *copy = cJSON_Duplicate(reply->json, true);
    if (!copy)
      err_no_memory(&failure);
    else
      observed_add_container(r->machine, copy, &failure);
  }
  if (failure.kind)
    fail(r->o, &failure);
  unref(r->o);
  free(r);
}

static void got_list(void *arg, const struct engine_reply *reply, struct err *err) {
  struct reading *r = arg;
  if (!reply)
    fail(r->o, err);
  const cJSON *c, *list = reply ? reply->json : NULL;
  cJSON_ArrayForEach(c, list) {
    struct reading *one = reading_new(r->o, r->machine, r->engine);
    if (one)
      container_inspect(r->engine, json_str(c, "Id", ""), got_container, one);
  }
  unref(r->o);
  free(r);
}

static void got_documents(struct reading *r, const struct engine_reply *reply, struct err *err,
                          int (*add)(struct observed_machine *, const cJSON *, struct err *)) {
  struct err failure = ERR_INIT;
  if (!reply)
    err_move(&failure, err);
  else
    add(r->machine, reply->json, &failure);
  if (failure.kind)
    fail(r->o, &failure);
  unref(r->o);
  free(r);
}

static void got_images(void *arg, const struct engine_reply *reply, struct err *err) {
  got_documents(arg, reply, err, observed_add_images);
}

static void got_networks(void *arg, const struct engine_reply *reply, struct err *err) {
  got_documents(arg, reply, err, observed_add_networks);
}

static void got_volumes(void *arg, const struct engine_reply *reply, struct err *err) {
  got_documents(arg, reply, err, observed_add_volumes);
}

static int begin_machine(struct observation *o, struct machine_link *link) {
  struct observed_machine *m = &o->observed->machines[o->observed->machine_count++];
  struct engine *e = link->engine;
  m->name = strdup(link->name);
  m->version = strdup(engine_version(e));
  m->api_version = strdup(engine_api_version(e));
  m->ncpu = engine_ncpu(e);
  struct reading *r[4];
  for (size_t i = 0; i < 4; i++)
    if (!(r[i] = reading_new(o, m, e)))
      return -1;
  const char *labels[] = {o->filter};
  container_list(e, labels, 1, got_list, r[0]);
  image_list(e, got_images, r[1]);
  network_list(e, NULL, got_networks, r[2]);
  volume_list(e, NULL, got_volumes, r[3]);
  return m->name && m->version && m->api_version ? 0 : err_no_memory(&o->err);
}

int observe_start(struct machines *machines, const char *project, observe_cb *cb, void *arg, struct err *err) {
  struct observation *o = calloc(1, sizeof(*o));
  struct observed *observed = calloc(1, sizeof(*observed));
  if (!o || !observed || !(observed->machines = calloc(machines->count + 1, sizeof(*observed->machines)))) {
    free(o);
    free(observed);
    return err_no_memory(err);
  }
  *o = (struct observation){.machines = machines, .observed = observed, .cb = cb, .arg = arg, .pending = 1};
  snprintf(o->filter, sizeof(o->filter), "com.docker.compose.project=%s", project);
  for (size_t i = 0; i < machines->count && !o->err.kind; i++)
    if (machines->items[i].open)
      begin_machine(o, &machines->items[i]);
  if (o->pending == 1)
    err_set(&o->err, ERR_UNREACHABLE, "no engine is open");
  unref(o);
  return 0;
}

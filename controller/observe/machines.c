#include "controller/observe/machines.h"

#include <string.h>

struct opening {
  struct machines *machines;
  struct machine_link *link;
};

static void link_opened(void *arg, const struct engine_reply *reply, struct err *err) {
  struct opening *o = arg;
  struct machines *m = o->machines;
  if (reply) {
    o->link->open = true;
    log_emit(m->log, LOG_ENGINE_CONNECTED, LOG_FIELDS(.machine = o->link->name), "engine %s, API %s",
             engine_version(o->link->engine), engine_api_version(o->link->engine));
  } else {
    log_emit(m->log, LOG_ENGINE_FAILED, LOG_FIELDS(.machine = o->link->name, .err = err), "%s", err_text(err));
    err_move(&o->link->err, err);
    /* Whatever went wrong, nothing was changed and this engine cannot be used. */
    if (o->link->err.kind != ERR_TLS && o->link->err.kind != ERR_VERSION && o->link->err.kind != ERR_NO_MEMORY)
      o->link->err.kind = ERR_UNREACHABLE;
  }
  free(o);
  if (--m->pending == 0)
    m->opened_cb(m->arg);
}

static int link_new(struct uv_loop_s *loop, const struct machine *machine, struct machine_link *link,
                    struct err *err) {
  struct engine_options options = {
      .name = machine->name,
      .endpoint = machine->endpoint,
      .tls_ca = machine->tls_ca,
      .tls_cert = machine->tls_cert,
      .tls_key = machine->tls_key,
      .insecure = machine->insecure,
  };
  if (!(link->name = strdup(machine->name)))
    return err_no_memory(err);
  return engine_new(loop, &options, &link->engine, err);
}

static void release_links(struct machines *m) {
  for (size_t i = 0; i < m->count; i++) {
    free(m->items[i].name);
    err_release(&m->items[i].err);
  }
  free(m->items);
  m->items = NULL;
  m->count = 0;
}

int machines_open(struct uv_loop_s *loop, const struct fleet *fleet, struct log *log, struct machines *ret_machines,
                  void (*opened_cb)(void *arg), void *arg, struct err *err) {
  struct machines *m = ret_machines;
  *m = (struct machines){.log = log, .opened_cb = opened_cb, .arg = arg};
  m->items = calloc(fleet->machine_count + 1, sizeof(*m->items));
  struct opening **openings = calloc(fleet->machine_count + 1, sizeof(struct opening *));
  if (!m->items || !openings) {
    free(openings);
    release_links(m);
    return err_no_memory(err);
  }
  m->count = fleet->machine_count;
  for (size_t i = 0; i < m->count; i++) {
    if (link_new(loop, &fleet->machines[i], &m->items[i], &m->items[i].err) < 0)
      continue;
    if (!(openings[i] = calloc(1, sizeof(struct opening))))
      err_no_memory(&m->items[i].err);
    else
      m->pending++;
  }
  size_t started = m->pending;
  for (size_t i = 0; i < m->count; i++) {
    if (!openings[i])
      continue;
    *openings[i] = (struct opening){.machines = m, .link = &m->items[i]};
    engine_open(m->items[i].engine, link_opened, openings[i]);
  }
  free(openings);
  if (!started)
    opened_cb(arg);
  return 0;
}

int machines_check(const struct machines *m, struct err *err) {
  int rc = 0;
  for (size_t i = 0; i < m->count; i++) {
    const struct machine_link *link = &m->items[i];
    if (link->open)
      continue;
    if (rc == 0) {
      err_copy(err, &link->err);
      err_wrap(err, "machine %s", link->name);
    } else if (err) {
      char *longer = NULL;
      if (asprintf(&longer, "%s; machine %s: %s", err_text(err), link->name, err_text(&link->err)) >= 0) {
        free(err->message);
        err->message = longer;
      }
    }
    rc = -1;
  }
  return rc;
}

struct engine *machines_engine(const struct machines *m, const char *name) {
  for (size_t i = 0; i < m->count; i++)
    if (strcmp(m->items[i].name, name) == 0)
      return m->items[i].open ? m->items[i].engine : NULL;
  return NULL;
}

static void link_closed(void *arg) {
  struct machines *m = arg;
  if (--m->pending)
    return;
  release_links(m);
  m->opened_cb(m->arg);
}

void machines_close(struct machines *m, void (*closed_cb)(void *arg), void *arg) {
  m->opened_cb = closed_cb;
  m->arg = arg;
  m->pending = 1; /* one for this function, so that the end is seen once */
  for (size_t i = 0; i < m->count; i++) {
    if (!m->items[i].engine)
      continue;
    m->pending++;
    engine_close(m->items[i].engine, link_closed, m);
  }
  link_closed(m);
}

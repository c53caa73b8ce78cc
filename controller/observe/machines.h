/* The engines of a fleet's machines, opened together. */
#ifndef TANDEM_OBSERVE_MACHINES_H
#define TANDEM_OBSERVE_MACHINES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"
#include "api/engine/engine.h"
#include "controller/log/log.h"
#include "controller/manifest/fleet.h"

struct uv_loop_s;

struct machine_link {
  char *name;
  struct engine *engine; /* NULL when its settings are wrong */
  bool open;
  struct err err; /* why not */
};

struct machines {
  struct machine_link *items;
  size_t count;
  size_t pending;
  struct log *log;
  void (*opened_cb)(void *arg);
  void *arg;
};

/* Connects to all at once; opened_cb runs when each has answered or failed (see the links' err). On -1 nothing was
 * started and there is nothing to close. */
int machines_open(struct uv_loop_s *loop, const struct fleet *fleet, struct log *log, struct machines *ret_machines,
                  void (*opened_cb)(void *arg), void *arg, struct err *err);
/* 0 when all are open; else -1 with the first failure, its text naming every machine that failed. */
int machines_check(const struct machines *m, struct err *err);
/* The open engine, or NULL. */
struct engine *machines_engine(const struct machines *m, const char *name);
/* Closes all; closed_cb runs at the end, when the links are released too. */
void machines_close(struct machines *m, void (*closed_cb)(void *arg), void *arg);

#endif

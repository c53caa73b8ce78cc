/* The record of a running transaction on the engines: a read-only copy of its essentials, so that one that was cut off
 * can be undone or finished without the state folder. One mark on each engine, tandem.PROJECT.rREVISION.running, made
 * before everything else, renamed to .committed after the commit, removed last. Its labels hold the graph of steps
 * (no environment, no secret), what it was, and who did it. */
#ifndef TANDEM_DEPLOY_RECORD_H
#define TANDEM_DEPLOY_RECORD_H

#include "controller/observe/machines.h"
#include "controller/plan/observed.h"
#include "controller/state/holder.h"
#include "controller/state/state.h"

struct record {
  int64_t revision, base;
  bool committed;
  char *kind, *summary, *started_at;
  struct holder holder; /* pid 0: not told */
  cJSON *steps;         /* as steps_from_json() takes them */
  cJSON *ids;           /* by machine: the mark's full ID */
};

struct record_list {
  struct record *items; /* newest revision first; one for each transaction, over all engines */
  size_t count;
};
void record_list_release(struct record_list *list);

/* Adds what one engine's container list says. ERR_PROTOCOL for a record that cannot be read. Pure. */
int record_add(struct record_list *list, const char *machine, const cJSON *containers, struct err *err);
/* The journal that the record stands for: every step may have been begun, and what it has created is looked for in
 * what the engines hold. Pure. */
int record_rows(const struct record *r, const struct observed *observed, struct journal_rows *ret_rows,
                struct err *err);

/* Asks all open engines. Exactly one of list (the callee owns its content) and err is not NULL. */
typedef void record_cb(void *arg, struct record_list *list, struct err *err);
/* -1 (cb does not run) only without memory. */
int record_find(struct machines *machines, const char *project, record_cb *cb, void *arg, struct err *err);

#endif

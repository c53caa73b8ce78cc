/* What the files of the session share. */
#ifndef TANDEM_DAEMON_SESSION_PRIVATE_H
#define TANDEM_DAEMON_SESSION_PRIVATE_H

#include <uv.h>

#include "controller/daemon/session.h"
#include "controller/deploy/engine_lock.h"
#include "controller/deploy/transaction.h"
#include "controller/observe/machines.h"
#include "controller/plan/desired.h"

struct session {
  struct session_options options;
  uv_loop_t loop;
  bool loop_open;
  struct fleet *fleet;
  bool checked; /* fleet_check() has passed */
  struct state *state;
  bool writable;
  struct machines machines;
  bool engines_begun, engines_open;
  struct engine_lock *lock; /* NULL: nothing is to be changed yet */
  struct err lock_lost;     /* the lock was taken over: nothing may be changed any more */
  struct transaction *transaction; /* that runs now, or NULL */
  struct observed *observed;
  cJSON *placements; /* [{"service", "machine", "manifest_machine"}] in effect */
  cJSON *digests;    /* build contexts' digests by folder and dockerfile */
};

/* Runs the loop until *flag. */
void session_await(struct session *s, const bool *flag);
int session_current(struct session *s, int64_t *ret_revision, struct err *err);
/* The desired state of a committed revision. *ret_desired NULL when there is none (0) or it is of a down. */
int session_desired_of(struct session *s, int64_t revision, struct desired **ret_desired, struct err *err);
/* The manifest with s->placements. */
int session_load_placed(struct session *s, struct fleet **ret_fleet, struct err *err);
/* The oldest of the newest `retain` committed revisions; 0 when there is none. */
int session_oldest_kept(struct session *s, int retain, int64_t *ret_number, struct err *err);
/* Tells what kept revisions need and s->observed lacks: parked containers, images and the tags that hold them. */
int session_find_lost(struct session *s, struct strv *warnings, struct err *err);
/* Carries out steps; wraps transaction_start(). */
struct transaction_run {
  struct transaction_facts facts;
  const char *project;
  int64_t revision;
  const struct steps *steps;
  struct desired *desired;
  struct journal *journal;
  const struct journal_rows *rows;
  enum transaction_begin begin;
  int parallelism;
  bool strict_cleanup;
};
int session_transact(struct session *s, const struct transaction_run *run, struct outcome *ret_outcome,
                     struct err *err);
/* This state's cut-off transaction is finished or undone; ERR_CONFLICT when it cannot be. */
int session_recover_first(struct session *s, struct err *err);
/* With the lock held: ERR_CONFLICT when the engines tell of a cut-off transaction of another state folder. */
int session_check_records(struct session *s, struct err *err);
/* Takes the fleet's lock on the engines, unless it is held. ERR_LOCKED names the holder. */
int session_lock(struct session *s, struct err *err);
/* ERR_LOCKED when the lock was held and has been taken over. */
int session_check_lock(const struct session *s, struct err *err);
/* After a transaction: was it made under the lock to its end? Else its outcome says so. */
void session_confirm_lock(struct session *s, struct outcome *outcome);
void session_unlock(struct session *s);

#endif

/* The walker: carries a graph of steps out on the engines, journaling each intent before its call and each result
 * after it; on a failure it walks the same graph back. Apply, rollback, relocate, down, build and recover are all
 * this, with other graphs or another beginning. */
#ifndef TANDEM_DEPLOY_TRANSACTION_H
#define TANDEM_DEPLOY_TRANSACTION_H

#include "controller/deploy/walk.h"
#include "controller/deploy/work.h"
#include "controller/state/state.h"

struct transaction;

enum transaction_result {
  TRANSACTION_COMMITTED,
  TRANSACTION_FAILED_CLEAN, /* before the switch, and undone */
  TRANSACTION_PUT_BACK,
  TRANSACTION_STUCK,
};

struct transaction_outcome {
  enum transaction_result result;
  cJSON *failure;      /* owned by the callee after the callback; see struct outcome in daemon/session.h */
  struct strv left;    /* owned likewise */
  bool gone;           /* some of it was removed by others: recovery is at its end all the same */
  int64_t put_back_ms; /* -1 */
  size_t put_back_services;
};

typedef void transaction_cb(void *arg, struct transaction_outcome *outcome);

enum transaction_begin {
  BEGIN_FORWARD, /* a new one */
  BEGIN_UNDO,    /* recovery of one without an outcome: back */
  BEGIN_CLEANUP, /* recovery of a committed one: the rest of its cleanup */
};

struct transaction_options {
  struct work *work;       /* outlives the transaction; results and steps set */
  struct journal *journal; /* NULL: nothing is journaled (builds only) */
  int parallelism;         /* per machine */
  enum transaction_begin begin;
  const struct journal_rows *rows; /* what recovery starts from */
  bool strict_cleanup;             /* down: what cleanup cannot remove makes it STUCK, not a warning */
  /* Just before the commit, to store what the steps found out; may fail the transaction. NULL: nothing. */
  int (*before_commit)(void *arg, struct err *err);
  transaction_cb *cb; /* once, from the loop */
  void *arg;
};

/* -1 (cb does not run) only without memory. */
int transaction_start(const struct transaction_options *options, struct transaction **ret_transaction, struct err *err);
/* Puts back, as after a failure. Nothing after the commit. */
void transaction_interrupt(struct transaction *t);

/* From now on the engines may not be touched, since another tandem has taken over: what is under way is cut short,
 * nothing more is begun, forward or back, and no outcome is written, so that the row stays "running" for who recovers
 * it. Ends STUCK, with why as its failure and as what is left. Nothing once the last outcome is being written. */
void transaction_abandon(struct transaction *t, const struct err *why);

#endif

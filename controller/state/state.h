/* What tandem keeps between runs, in one SQLite database under --state: revisions and the journal of the transaction
 * that makes each. The only folder that includes sqlite3.h.
 *
 * A revision row is made when its transaction begins (outcome "running") and gets its outcome at the end; the
 * journal's rows of a transaction say of each step what was intended and what came of it. Reads are synchronous and
 * small; journal writes are asynchronous, durable (synchronous=FULL) before their callback, and grouped: all that is
 * queued while one write runs goes into the next one. */
#ifndef TANDEM_STATE_STATE_H
#define TANDEM_STATE_STATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"

struct uv_loop_s;
struct state;

enum state_access {
  STATE_READ,  /* many at once */
  STATE_WRITE, /* one at a time, over processes: a file lock that dies with its holder */
};

/* Opens or makes DIR (0700) and DIR/state.db (0600). STATE_WRITE: ERR_LOCKED says who holds it (pid, command) since
 * when. STATE_READ on a folder that does not exist gives an empty state. command goes into the lock's text. */
int state_open(const char *dir, enum state_access access, const char *command, struct state **ret_state,
               struct err *err);
/* "3.40.1" */
const char *state_library_version(void);
void state_close(struct state *s); /* no write may be queued */

enum revision_outcome {
  REVISION_RUNNING,   /* no outcome yet: under way, or cut off */
  REVISION_COMMITTED, /* became the fleet's state; cleanup may be unfinished (see cleaned) */
  REVISION_FAILED,    /* failed before anything changed */
  REVISION_PUT_BACK,  /* failed and put back */
  REVISION_STUCK,     /* failed and not put back whole */
};
const char *revision_outcome_name(enum revision_outcome outcome); /* "committed", "put back", … */

struct revision {
  int64_t number; /* 1… per project */
  int64_t base;   /* committed revision it started from; 0 none */
  char *kind;     /* apply, rollback, relocate, down */
  enum revision_outcome outcome;
  bool cleaned;        /* the steps after the commit are done too */
  char *summary;       /* one line for people */
  char *failure;       /* one line, or NULL */
  char *started_at;    /* RFC 3339 UTC */
  char *ended_at;      /* or NULL */
  int64_t duration_ms; /* -1 while running */
  /* Only filled by state_revision() and state_unfinished(): */
  cJSON *desired; /* the desired document; NULL after a down */
  cJSON *plan;    /* the step graph; NULL when trimmed */
};
void revision_release(struct revision *r);

struct revision_list {
  struct revision *items; /* newest first */
  size_t count;
};
int state_revisions(struct state *s, const char *project, struct revision_list *ret_list, struct err *err);
void revision_list_release(struct revision_list *list);
/* 1 found, 0 not there, -1 error. */
int state_revision(struct state *s, const char *project, int64_t number, struct revision *ret_revision,
                   struct err *err);
/* The committed revision that holds now; 0 when there is none. */
int state_current(struct state *s, const char *project, int64_t *ret_number, struct err *err);
/* The newest one before `number` with outcome committed and kind other than down; 0 none. */
int state_previous(struct state *s, const char *project, int64_t number, int64_t *ret_number, struct err *err);
/* A transaction that needs recovery: outcome running, stuck, or committed but not cleaned. 1, 0, -1. */
int state_unfinished(struct state *s, const char *project, struct revision *ret_revision, struct err *err);

/* Makes the row of a new transaction, durably, with outcome running. */
int state_begin(struct state *s, const char *project, const char *kind, const char *summary, int64_t base,
                const cJSON *desired, const cJSON *plan, int64_t *ret_number, struct err *err);
/* Notes a revision that was found on the engines and that this state knows nothing of: committed (it becomes the
 * current one) or another outcome of a transaction that was recovered from its record. Its documents are not known. A
 * number that is there already stays as it is. */
int state_adopt(struct state *s, const char *project, int64_t number, int64_t base, const char *kind,
                enum revision_outcome outcome, const char *summary, struct err *err);
/* The next epoch of the lock on the engines, durably: greater than all before of this state. */
int state_next_epoch(struct state *s, const char *project, int64_t *ret_epoch, struct err *err);
/* Replaces the stored desired document (image IDs are known only after the builds). */
int state_set_desired(struct state *s, const char *project, int64_t number, const cJSON *desired, struct err *err);
/* Drops the plan and journal rows of revisions older than number (history rows stay), and their desired documents. */
int state_trim(struct state *s, const char *project, int64_t older_than, struct err *err);

enum journal_mark {
  JOURNAL_INTENT,      /* run is about to be called */
  JOURNAL_DONE,        /* applied; result */
  JOURNAL_FAILED,      /* certainly not applied, or applied as far as result says; error */
  JOURNAL_UNDO_INTENT, /* undo is about to be called */
  JOURNAL_UNDONE,
  JOURNAL_UNDO_FAILED,
};
const char *journal_mark_name(enum journal_mark mark);

/* The newest mark of each step, with the newest result; one per step that has any. */
struct journal_row {
  int step;
  enum journal_mark mark;
  cJSON *result;                           /* of DONE or FAILED, or NULL */
  char *error;                             /* or NULL */
  char *kind, *machine, *service, *object; /* readable columns */
  char *at;                                /* time of the newest mark */
  int64_t at_us;                           /* the same, since 1970 */
  int64_t duration_ms;                     /* intent to result, -1 unknown */
};
struct journal_rows {
  struct journal_row *items; /* by step */
  size_t count;
};
int state_journal(struct state *s, const char *project, int64_t revision, struct journal_rows *ret_rows,
                  struct err *err);
void journal_rows_release(struct journal_rows *rows);

/* How long steps have taken, on the average of all journals that are kept, as {KIND: milliseconds}; a kind that never
 * came to its end is not there. Caller deletes. */
int state_step_ms(struct state *s, const char *project, cJSON **ret_step_ms, struct err *err);

/* The asynchronous writer of one transaction. */
struct journal;
typedef void journal_cb(void *arg, struct err *err); /* err NULL: durable */

struct journal_entry {
  int step;
  enum journal_mark mark;
  const char *kind, *machine, *service, *object; /* service may be NULL */
  const cJSON *result;                           /* may be NULL */
  const char *error;                             /* may be NULL */
};
int journal_open(struct state *s, struct uv_loop_s *loop, const char *project, int64_t revision,
                 struct journal **ret_journal, struct err *err);
/* Queues; entry is copied. cb runs from the loop once the row is durable, or with an error (then nothing more of this
 * journal is written: every later write fails too). */
void journal_write(struct journal *j, const struct journal_entry *entry, journal_cb *cb, void *arg);
/* Queues the outcome (and, for COMMITTED, makes it the project's current revision in the same SQLite transaction).
 * failure may be NULL. */
void journal_outcome(struct journal *j, enum revision_outcome outcome, bool cleaned, const char *failure,
                     journal_cb *cb, void *arg);
/* After the last callback only. */
void journal_close(struct journal *j);

#endif

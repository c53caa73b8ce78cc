/* The journal's writer. Entries queue on the loop; one uv_work at a time takes all that are queued, writes them in one
 * SQLite transaction on a connection of its own, and their callbacks run back on the loop, in the order of queueing.
 * After the first failure nothing more is written: a later row must not become durable when an earlier one is not. */
#include <string.h>
#include <uv.h>

#include "api/base/json.h"
#include "controller/log/log.h"
#include "controller/state/db.h"
#include "controller/state/state.h"

enum { RESERVE_SIZE = 64 };

struct write {
  struct write *next;
  journal_cb *cb;
  void *arg;
  int64_t at_us;
  bool is_outcome;
  bool reserved; /* one of journal.reserve: not to be freed */
  bool broken;   /* memory ran out while it was copied */
  /* An entry: */
  int step;
  enum journal_mark mark;
  char *kind, *machine, *service, *object, *result, *error;
  /* An outcome (failure is in error): */
  enum revision_outcome outcome;
  bool cleaned;
};

struct queue {
  struct write *head, *tail;
};

struct journal {
  uv_loop_t *loop;
  uv_work_t work;
  sqlite3 *db;
  sqlite3_stmt *insert;
  char *project;
  int64_t revision;
  int64_t revision_id;
  int64_t next_seq;
  struct queue waiting;               /* queued, not yet taken */
  struct queue running;               /* taken by the uv_work */
  bool busy;                          /* the uv_work is in flight, or its callbacks run */
  bool closed;                        /* journal_close came from inside the last callback */
  struct err failure;                 /* once set, every write fails with it */
  struct write reserve[RESERVE_SIZE]; /* so that a write without memory can be told so, later, as any other */
  struct queue spare;                 /* what of it is free */
};

static void push(struct queue *q, struct write *w) {
  w->next = NULL;
  if (q->tail)
    q->tail->next = w;
  else
    q->head = w;
  q->tail = w;
}

static struct write *pop(struct queue *q) {
  struct write *w = q->head;
  q->head = w ? w->next : NULL;
  if (!q->head)
    q->tail = NULL;
  return w;
}

static void write_free(struct journal *j, struct write *w) {
  free(w->kind);
  free(w->machine);
  free(w->service);
  free(w->object);
  free(w->result);
  free(w->error);
  if (w->reserved) {
    *w = (struct write){.reserved = true};
    push(&j->spare, w);
  } else {
    free(w);
  }
}

static int insert_entry(struct journal *j, const struct write *w, struct err *err) {
  sqlite3_reset(j->insert);
  int rc =
      db_bind(j->insert, err, "iiisssssssi", j->revision_id, j->next_seq, (int64_t)w->step, journal_mark_name(w->mark),
              w->kind, w->machine, w->service, w->object, w->result, w->error, w->at_us);
  rc = rc == 0 ? db_step(j->insert, err) : rc;
  sqlite3_reset(j->insert);
  j->next_seq++;
  return rc;
}

/* A revision that was committed already (now its cleanup ended) keeps its time and stays what it is. */
static int write_outcome(struct journal *j, const struct write *w, struct err *err) {
  const char *name = revision_outcome_name(w->outcome);
  if (db_run(j->db, err,
             "UPDATE revision SET ended_us = CASE WHEN outcome = 'committed' AND ?1 = 'committed' THEN ended_us"
             " WHEN ?1 = 'running' THEN NULL ELSE ?2 END, outcome = ?1, cleaned = ?3, failure = coalesce(?4, failure)"
             " WHERE id = ?5",
             "siisi", name, w->at_us, (int64_t)w->cleaned, w->error, j->revision_id) < 0)
    return -1;
  if (w->outcome != REVISION_COMMITTED)
    return 0;
  return db_run(j->db, err,
                "INSERT INTO project (name, current) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET current = max(current, excluded.current)",
                "si", j->project, j->revision);
}

static int write_batch(struct journal *j, struct err *err) {
  if (db_begin(j->db, err) < 0)
    return -1;
  int rc = 0;
  for (const struct write *w = j->running.head; w && rc == 0; w = w->next)
    rc = w->broken ? err_no_memory(err) : w->is_outcome ? write_outcome(j, w, err) : insert_entry(j, w, err);
  if (rc == 0 && db_commit(j->db, err) == 0)
    return 0;
  db_rollback(j->db);
  return err_wrap(err, "journal of revision %lld", (long long)j->revision);
}

/* In the thread pool. The loop touches neither db nor running nor failure meanwhile. */
static void on_work(uv_work_t *work) {
  struct journal *j = work->data;
  if (j->failure.kind == ERR_NONE)
    write_batch(j, &j->failure);
}

static void journal_free(struct journal *j) {
  sqlite3_finalize(j->insert);
  db_close(j->db);
  err_release(&j->failure);
  free(j->project);
  free(j);
}

static void start_batch(struct journal *j);

static void on_written(uv_work_t *work, int status) {
  struct journal *j = work->data;
  if (status < 0 && j->failure.kind == ERR_NONE)
    err_set(&j->failure, ERR_CANCELLED, "journal of revision %lld: %s", (long long)j->revision, uv_strerror(status));
  struct write *w;
  while ((w = pop(&j->running))) {
    CLEANUP_ERR struct err err = ERR_INIT;
    bool failed = j->failure.kind != ERR_NONE;
    journal_cb *cb = w->cb;
    void *arg = w->arg;
    write_free(j, w);
    if (failed)
      err_copy(&err, &j->failure);
    cb(arg, failed ? &err : NULL);
  }
  j->busy = false;
  if (j->closed)
    journal_free(j);
  else
    start_batch(j);
}

static void start_batch(struct journal *j) {
  if (j->busy || !j->waiting.head)
    return;
  j->running = j->waiting;
  j->waiting = (struct queue){0};
  j->busy = true;
  j->work.data = j;
  uv_queue_work(j->loop, &j->work, on_work, on_written);
}

/* Never NULL: without memory one of the reserve, and its batch will fail. More writes at a time than the reserve holds
 * without any memory leave no way to keep the promise of a callback; the journal is made for being cut off. */
static struct write *write_new(struct journal *j, journal_cb *cb, void *arg, bool *ret_good) {
  struct write *w = calloc(1, sizeof(*w));
  *ret_good = w != NULL;
  if (!w && !(w = pop(&j->spare)))
    abort();
  w->cb = cb;
  w->arg = arg;
  w->at_us = log_now_us();
  return w;
}

static bool copy_text(char **ret, const char *text) {
  *ret = text ? strdup(text) : NULL;
  return *ret || !text;
}

static bool copy_entry(struct write *w, const struct journal_entry *e) {
  w->step = e->step;
  w->mark = e->mark;
  w->result = e->result ? json_text(e->result) : NULL;
  return (w->result || !e->result) && copy_text(&w->kind, e->kind) && copy_text(&w->machine, e->machine) &&
         copy_text(&w->service, e->service) && copy_text(&w->object, e->object) && copy_text(&w->error, e->error);
}

static void enqueue(struct journal *j, struct write *w) {
  push(&j->waiting, w);
  start_batch(j);
}

void journal_write(struct journal *j, const struct journal_entry *entry, journal_cb *cb, void *arg) {
  bool good;
  struct write *w = write_new(j, cb, arg, &good);
  w->broken = !good || !copy_entry(w, entry);
  enqueue(j, w);
}

void journal_outcome(struct journal *j, enum revision_outcome outcome, bool cleaned, const char *failure,
                     journal_cb *cb, void *arg) {
  bool good;
  struct write *w = write_new(j, cb, arg, &good);
  w->is_outcome = true;
  w->outcome = outcome;
  w->cleaned = cleaned;
  w->broken = !good || !copy_text(&w->error, failure);
  enqueue(j, w);
}

static int find_revision(struct journal *j, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  if (db_prepare(j->db, &stmt, err,
                 "SELECT id, (SELECT coalesce(max(seq), 0) + 1 FROM journal WHERE revision_id = id)"
                 " FROM revision WHERE project = ? AND number = ?",
                 "si", j->project, j->revision) < 0)
    return -1;
  int rc = db_step(stmt, err);
  if (rc <= 0)
    return rc < 0
               ? -1
               : err_set(err, ERR_INTERNAL, "%s has no revision %lld to journal", j->project, (long long)j->revision);
  j->revision_id = sqlite3_column_int64(stmt, 0);
  j->next_seq = sqlite3_column_int64(stmt, 1);
  return 0;
}

int journal_open(struct state *s, struct uv_loop_s *loop, const char *project, int64_t revision,
                 struct journal **ret_journal, struct err *err) {
  sqlite3 *unused = NULL;
  if (db_for_write(s, &unused, err) < 0)
    return -1;
  struct journal *j = calloc(1, sizeof(*j));
  if (!j)
    return err_no_memory(err);
  for (size_t i = 0; i < RESERVE_SIZE; i++) {
    j->reserve[i].reserved = true;
    push(&j->spare, &j->reserve[i]);
  }
  j->loop = loop;
  j->revision = revision;
  j->project = strdup(project);
  int rc = j->project ? 0 : err_no_memory(err);
  if (rc < 0 || db_open_write(s->path, &j->db, err) < 0 || find_revision(j, err) < 0 ||
      db_prepare(j->db, &j->insert, err,
                 "INSERT INTO journal (revision_id, seq, step, mark, kind, machine, service, object, result, error,"
                 " at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 "") < 0) {
    journal_free(j);
    return -1;
  }
  *ret_journal = j;
  return 0;
}

void journal_close(struct journal *j) {
  if (!j)
    return;
  if (j->busy)
    j->closed = true;
  else
    journal_free(j);
}

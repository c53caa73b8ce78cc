/* One command's work from files to result: what the CLI calls, and later the controller's socket. A session owns the
 * loop, the state, the fleet and the engines. Functions here run the loop until their result is there. */
#ifndef TANDEM_DAEMON_SESSION_H
#define TANDEM_DAEMON_SESSION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"
#include "controller/log/log.h"
#include "controller/manifest/fleet.h"
#include "controller/plan/observed.h"
#include "controller/plan/plan.h"
#include "controller/state/state.h"

struct session_options {
  struct manifest_options manifest;
  const char *state_dir;
  const char *command; /* for the lock's text */
  struct log *log;
};

struct session;

int session_new(const struct session_options *options, struct session **ret_session, struct err *err);
/* Closes engines, state and loop, running the loop until all is closed. */
void session_free(struct session *s);

/* Loads (once) the manifest with the placements that relocations made. ERR_INPUT. */
int session_fleet(struct session *s, const struct fleet **ret_fleet, struct err *err);
/* Opens (once) the state. write: takes the lock; ERR_LOCKED. Writing commands also recover a cut-off transaction. */
int session_state(struct session *s, bool write, struct state **ret_state, struct err *err);
/* Connects to all machines (once). ERR_UNREACHABLE, ERR_TLS, ERR_VERSION: names the machine. */
int session_engines(struct session *s, struct err *err);
/* Reads all engines afresh; valid until the next call. */
int session_observe(struct session *s, const struct observed **ret_observed, struct err *err);

/* The plan of apply, for some services (NULL: all). */
int session_plan_apply(struct session *s, const char *const *services, size_t count, bool no_build, int parallelism,
                       struct plan **ret_plan, struct err *err);
/* revision 0: the last committed before the present one. *ret_target: the revision gone back to. */
int session_plan_rollback(struct session *s, int64_t revision, struct plan **ret_plan, int64_t *ret_target,
                          struct err *err);
int session_plan_relocate(struct session *s, const char *service, const char *machine, struct plan **ret_plan,
                          struct err *err);
int session_plan_down(struct session *s, bool volumes, struct plan **ret_plan, struct err *err);
int session_plan_build(struct session *s, const char *const *names, size_t count, struct plan **ret_plan,
                       struct err *err);

enum session_result {
  SESSION_DONE,         /* exit 0 */
  SESSION_FAILED_CLEAN, /* exit 1: failed before anything changed */
  SESSION_PUT_BACK,     /* exit 3 */
  SESSION_STUCK,        /* exit 4 */
};

struct outcome {
  enum session_result result;
  int64_t revision;   /* the transaction's own number */
  int64_t holds;      /* the revision that holds now */
  int64_t duration_ms;
  int64_t put_back_ms; /* -1 when nothing was put back */
  size_t put_back_services;
  /* What failed: NULL when done. {"service", "machine", "step", "reason", "exit_code", "oom_killed", "status",
   * "health": {"status", "failing_streak", "output"}, "logs": ["…"]}; members that do not apply are absent. */
  cJSON *failure;
  struct strv left; /* STUCK: what could not be put back */
  bool gone;        /* STUCK, but only for containers that somebody removed: apply makes them anew */
  char *told;       /* of a recovery: what the engines tell of a transaction that the state does not know; or NULL */
};
void outcome_release(struct outcome *o);

/* Carries out a plan as one transaction. Returns 0 with the outcome (also for failures of the transaction), -1 when
 * it could not even begin. SIGINT and SIGTERM put back; a second one ends at once (recover finishes). */
int session_run(struct session *s, const struct plan *plan, const char *summary, struct outcome *ret_outcome,
                struct err *err);
/* Finishes or undoes a cut-off transaction. *ret_found false: there was none. */
int session_recover(struct session *s, bool *ret_found, struct outcome *ret_outcome, struct err *err);

/* What transactions that nobody remembers have left on the engines, one line each. Asks the engines. */
int session_traces(struct session *s, struct strv *ret_traces, struct err *err);
/* Waits for input on fd while the loop, and with it the lock's heartbeat, goes on. ERR_LOCKED when the lock was lost. */
int session_await_input(struct session *s, int fd, struct err *err);

/* Containers' output over all machines. services NULL: all. line_cb gets whole lines, in the order they arrive. */
typedef void session_line_cb(void *arg, const char *machine, const char *service, int stream, const char *line);
int session_logs(struct session *s, const char *const *services, size_t count, bool follow, int tail,
                 session_line_cb *line_cb, void *arg, struct err *err);

/* One row of `status`. Strings belong to the list. */
struct status_row {
  char *machine, *service, *container, *image, *state, *health;
  char *drift;             /* NULL: none; else "memory 2 GiB → 4 GiB" */
  int64_t revision;        /* of the container */
  int64_t restarts;
  double cpu_percent;      /* -1 unknown */
  int64_t memory_bytes;    /* -1 */
  int64_t memory_limit_bytes; /* 0 none */
  double cpus_limit;       /* 0 none */
  int64_t pids;            /* -1 */
  int64_t pids_limit;      /* 0 none */
};
struct status_list {
  struct status_row *items;
  size_t count;
  int64_t revision; /* that holds */
  struct strv warnings; /* what kept revisions need and is gone */
};
int session_status(struct session *s, bool with_stats, struct status_list *ret_list, struct err *err);
void status_list_release(struct status_list *list);

/* The way back to one kept revision. */
struct way_back {
  int64_t revision;
  bool known;     /* false: the engines could not be asked */
  bool recreates; /* some container is made anew; else parked ones are started, or nothing but limits changes */
  struct rollback rollback;
};
struct way_back_list {
  struct way_back *items; /* newest first, without the revision that holds */
  size_t count;
  struct strv warnings; /* what kept revisions need and is gone */
};
/* Of all kept revisions. Engines that cannot be reached are no failure. */
int session_ways_back(struct session *s, struct way_back_list *ret_list, struct err *err);
void way_back_list_release(struct way_back_list *list);

/* {"tandem", "libraries": {...}, "engines": [{"machine", "version", "api", "error"}]}; engines that fail are told. */
int session_version(struct session *s, cJSON **ret_json, struct err *err);

#endif

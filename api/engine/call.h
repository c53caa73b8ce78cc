/* Inside api/engine: what every typed call is made of.
 *
 * An engine_call is what the caller sees: one callback, one cancel. It sends one or several legs, a leg being one
 * HTTP request. A leg's done function either starts the next leg, or ends the call with call_finish(). */
#ifndef TANDEM_ENGINE_CALL_H
#define TANDEM_ENGINE_CALL_H

#include <sys/queue.h>

#include "api/base/buf.h"
#include "api/engine/engine.h"
#include "api/engine/url.h"
#include "api/http/http.h"

/* What limits how many requests are under way at a time. Waiting legs are served in order. */
enum lane {
  LANE_QUERY,    /* short GETs: 16 (8 over TLS, whose connections cost a handshake each) */
  LANE_MUTATION, /* short changes: options.max_mutations, else twice the engine's CPUs */
  LANE_STREAM,   /* whatever may last: no limit */
  LANE_SINGLE,   /* one at a time: 20.10 answers 500 to parallel /system/df */
  LANE_COUNT,
};

struct leg;
TAILQ_HEAD(leg_list, leg);
TAILQ_HEAD(call_list, engine_call);

/* One of reply and err is not NULL; err may be moved out of. The leg is gone after this. */
typedef void leg_done(struct engine_call *call, const struct engine_reply *reply, struct err *err);

enum {
  DEADLINE_NONE = -1, /* in place of milliseconds; 0 is the lane's default */
};

struct leg_spec {
  const char *method; /* a literal */
  struct url *url;    /* path below the version; released, but for the label with keep_label */
  bool keep_label;
  bool unversioned; /* /_ping and /version */
  bool fresh;       /* on a connection of its own */
  bool drop_body;   /* a success's body is no JSON and of no interest */
  enum lane lane;
  const cJSON *json_body;   /* encoded at once */
  const char *content_type; /* of raw_body or of the stream */
  const void *raw_body;     /* copied */
  size_t raw_bytes;
  int idle_ms;  /* defaults: QUERY engine's idle, else none */
  int total_ms; /* defaults: QUERY, MUTATION engine's total, else none */
  /* Streams; arg for all. A success's data goes to on_data and no JSON is parsed. */
  void *arg;
  void (*on_head)(void *arg, const struct http_head *head); /* only for a 2xx */
  int (*on_data)(void *arg, const void *data, size_t len, struct err *err);
  long (*on_read)(void *arg, void *data, size_t size, struct err *err);
  int64_t read_bytes; /* length of what on_read gives; < 0 unknown */
};

struct engine_call {
  TAILQ_ENTRY(engine_call) entry; /* in engine->calls */
  struct engine *engine;
  engine_cb *cb;
  void *arg;
  struct leg_list legs; /* under way or waiting, on any engine */
  bool cancelled;
  bool unfenced;
  bool reserved; /* goes back to engine->spare_calls */
  void *state;   /* of a call of several legs; state_free at the end */
  void (*state_free)(void *state);
};

struct engine {
  struct uv_loop_s *loop;
  struct http *http;
  char *name;
  int connect_ms, idle_ms, total_ms;
  struct {
    int limit; /* 0: none */
    int busy;
    struct leg_list waiting;
  } lanes[LANE_COUNT];
  bool fixed_mutations; /* max_mutations was given */
  engine_fence_cb *fence; /* NULL: none */
  void *fence_arg;
  struct leg_list fenced; /* wait for the fence to open */
  struct call_list calls, spare_calls;
  struct leg_list spare_legs;
  struct leg_list legs; /* under way or waiting here, of any engine's calls */
  int users;            /* other engines' calls that may still send here */
  char version[64];
  char api_version[16];
  char id[80];
  int api_minor;
  int ncpu;
  uint64_t mutations;
  uint64_t heard_ms; /* loop time of the last piece of any reply; 0: none yet */
  bool closing;
  bool http_closing;
  void (*closed_cb)(void *arg);
  void *closed_arg;
};

/* Calls and legs for when there is no memory, so that every call can be told so, later, as any other. */
int call_fill_reserve(struct engine *e, struct err *err);
void call_drop_reserve(struct engine *e);
/* Never NULL. */
struct engine_call *call_new(struct engine *e, engine_cb *cb, void *arg);
/* Zeroed memory that lives as long as the call; state_free (may be NULL) releases what is in it. NULL without memory:
 * then `return call_no_memory(call);`. */
void *call_state(struct engine_call *call, size_t size, void (*state_free)(void *state));
/* The call ends with ERR_NO_MEMORY, later. */
struct engine_call *call_no_memory(struct engine_call *call);
/* Sends a leg on e (mostly call->engine). Never fails here. */
struct leg *leg_start(struct engine_call *call, struct engine *e, struct leg_spec *spec, leg_done *done);
/* Ends one leg of several; its done still runs, with ERR_CANCELLED. */
void leg_cancel(struct leg *leg);
void legs_cancel(struct engine *e); /* all of one engine */
void leg_resume(struct leg *leg);
/* Runs the caller's callback and frees the call. No leg may be left. A leg_done by itself for calls of one leg. */
void call_finish(struct engine_call *call, const struct engine_reply *reply, struct err *err);
/* Lets legs of a lane go that wait for their turn. */
void lane_pump(struct engine *e, enum lane lane);
/* Goes on with a closing engine once no call is left that could use it. */
void engine_check_closed(struct engine *e);
/* A call of one leg. */
struct engine_call *call_simple(struct engine *e, struct leg_spec *spec, engine_cb *cb, void *arg);

/* The error for a reply with an error status: "METHOD LABEL on MACHINE: STATUS: daemon's message". */
int call_http_error(const struct engine *e, const char *method, const char *label, const struct http_head *head,
                    const struct buf *body, struct err *err);

#endif

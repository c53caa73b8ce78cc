/* One Docker Engine: its connection settings, negotiated API version, and what every typed call shares.
 *
 * All calls run on the uv loop given to engine_new(), from that loop's thread only. A call function never fails
 * synchronously and never completes from inside itself: its callback runs exactly once, later, from the loop, also
 * after a cancel (ERR_CANCELLED) and when the engine is closed. */
#ifndef TANDEM_ENGINE_ENGINE_H
#define TANDEM_ENGINE_ENGINE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/base/err.h"

struct uv_loop_s;
struct engine;
struct engine_call; /* one call under way; gone when its callback returns */

struct engine_options {
  const char *name; /* the machine's short name, used in every error */
  const char
      *endpoint;      /* unix://PATH, tcp://HOST:PORT; ssh:// and context:// say clearly that they are not there yet */
  const char *tls_ca; /* files, PEM; all three or none */
  const char *tls_cert;
  const char *tls_key;
  bool insecure;          /* allows tcp:// without TLS off loopback */
  int connect_timeout_ms; /* 0: 5000 */
  int idle_timeout_ms;    /* 0: 30000; no byte either way for so long */
  int total_timeout_ms;   /* 0: 120000; for calls that do not stream or wait */
  int max_mutations;      /* 0: twice the engine's NCPU */
};

/* What a call that answers with a document gives. Valid only inside the callback. */
struct engine_reply {
  int status;        /* HTTP status, 2xx or 304 */
  const cJSON *json; /* NULL when the body is empty */
};

/* Exactly one of reply and err is not NULL. err: ERR_HTTP with the daemon's own message for a 4xx/5xx, its text
 * being "POST /containers/create on mainpc: 409: ...". The callee may err_move() out of err. */
typedef void engine_cb(void *arg, const struct engine_reply *reply, struct err *err);

/* Checks the options and makes an engine; nothing is sent. ERR_INPUT on a bad endpoint or mix of options. */
int engine_new(struct uv_loop_s *loop, const struct engine_options *options, struct engine **ret_engine,
               struct err *err);

/* GET /_ping, GET /version, GET /info: negotiates the API version (ERR_VERSION below 1.41 or when there is no
 * overlap), learns NCPU. Must have succeeded before any other call. reply->json is the /version document. */
struct engine_call *engine_open(struct engine *e, engine_cb *cb, void *arg);

/* GET /_ping on a connection of its own, since one that is kept says nothing about the way there: does the engine
 * answer? Given up after deadline_ms. */
struct engine_call *engine_ping(struct engine *e, int deadline_ms, engine_cb *cb, void *arg);

/* Cancels: the callback still runs, later, with ERR_CANCELLED (or with the result, if that came first). */
void engine_call_cancel(struct engine_call *call);

/* A fence keeps this process from changing the engine: for a caller whose right to do so can end while it runs. */
enum engine_fence {
  FENCE_OPEN,
  FENCE_SHUT,   /* not now: changing requests wait until engine_fence_changed() */
  FENCE_BROKEN, /* never again: they fail with ERR_LOCKED */
};
/* Asked before each changing request, when its turn comes and again when it is connected and about to be written; one
 * that is SHUT by then fails with ERR_UNREACHABLE (not sent). Fills *why unless OPEN. */
typedef enum engine_fence engine_fence_cb(void *arg, struct err *why);
/* NULL: no fence. */
void engine_set_fence(struct engine *e, engine_fence_cb *fence, void *arg);
/* The answer may be another one now: what waits is asked about anew. */
void engine_fence_changed(struct engine *e);

/* This call goes whatever the fence says: for the keeping of the fence itself. To be called right after its start. */
void engine_call_unfence(struct engine_call *call);

/* Cancels all calls, closes every handle; closed_cb runs when the memory is gone. */
void engine_close(struct engine *e, void (*closed_cb)(void *arg), void *arg);

const char *engine_name(const struct engine *e);
const char *engine_version(const struct engine *e);     /* "20.10.24"; "" before open */
const char *engine_api_version(const struct engine *e); /* "1.41", the negotiated one; "" before open */
int engine_api_minor(const struct engine *e);           /* 41 */
int engine_ncpu(const struct engine *e);
const char *engine_id(const struct engine *e); /* /info ID */
/* How many mutating requests were sent since engine_new (for "no mutating call" checks). */
uint64_t engine_mutations(const struct engine *e);
/* The loop's time when a piece of a reply last came, of whichever call; 0: never. */
uint64_t engine_heard_ms(const struct engine *e);

#endif

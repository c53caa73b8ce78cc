/* The engines' event streams while a transaction runs: tells who asked about a container that something happened to
 * it. A stream that ends is opened again; events may be lost meanwhile, so every subscriber also looks by itself now
 * and then. */
#ifndef TANDEM_GATE_WATCH_H
#define TANDEM_GATE_WATCH_H

#include <cjson/cJSON.h>

#include "controller/log/log.h"
#include "controller/observe/machines.h"

struct watch;
struct watch_subscription;

/* Opens a stream per machine. NULL without memory. */
struct watch *watch_open(struct machines *machines, const char *project, struct log *log);
/* Opens a machine's stream anew: it was out of reach, and the old one may never say so. */
void watch_reopen(struct watch *w, size_t machine);
/* Ends the streams; closed_cb runs when all have ended and the memory is gone. No subscription may be left. */
void watch_close(struct watch *w, void (*closed_cb)(void *arg), void *arg);

/* cb runs from the loop for each event of that container (die, start, oom, health_status, …); event: the engine's own
 * document, valid in the call. */
typedef void watch_cb(void *arg, const cJSON *event);
struct watch_subscription *watch_subscribe(struct watch *w, const char *container_id, watch_cb *cb, void *arg);
void watch_unsubscribe(struct watch_subscription *s);

#endif

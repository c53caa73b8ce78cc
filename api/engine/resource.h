/* Networks, volumes, events and the engine's own documents. */
#ifndef TANDEM_ENGINE_RESOURCE_H
#define TANDEM_ENGINE_RESOURCE_H

#include "api/engine/engine.h"

/* GET /networks (array), GET /networks/{id}, POST /networks/create (json {"Id"}), DELETE, connect, disconnect.
 * label may be NULL or "KEY=VALUE". Mutations of a network take its full 64-hex ID. */
struct engine_call *network_list(struct engine *e, const char *label, engine_cb *cb, void *arg);
struct engine_call *network_inspect(struct engine *e, const char *id_or_name, engine_cb *cb, void *arg);
struct engine_call *network_create(struct engine *e, const cJSON *body, engine_cb *cb, void *arg);
struct engine_call *network_remove(struct engine *e, const char *id, engine_cb *cb, void *arg);
/* endpoint_config: EndpointSettings, may be NULL; container: full ID. */
struct engine_call *network_connect(struct engine *e, const char *id, const char *container,
                                    const cJSON *endpoint_config, engine_cb *cb, void *arg);
struct engine_call *network_disconnect(struct engine *e, const char *id, const char *container, bool force,
                                       engine_cb *cb, void *arg);

/* GET /volumes (object with Volumes), GET /volumes/{name}, POST /volumes/create, DELETE /volumes/{name} (not forced) */
struct engine_call *volume_list(struct engine *e, const char *label, engine_cb *cb, void *arg);
struct engine_call *volume_inspect(struct engine *e, const char *name, engine_cb *cb, void *arg);
struct engine_call *volume_create(struct engine *e, const cJSON *body, engine_cb *cb, void *arg);
struct engine_call *volume_remove(struct engine *e, const char *name, engine_cb *cb, void *arg);

/* GET /events: event_cb gets every event (json, valid in the call) until the stream ends or is cancelled; opened_cb
 * runs once when the engine has answered 200, so that a listing made afterwards misses nothing. filters: the query's
 * JSON object or NULL. */
typedef void engine_event_cb(void *arg, const cJSON *event);
struct engine_call *engine_events(struct engine *e, const cJSON *filters, void (*opened_cb)(void *arg),
                                  engine_event_cb *event_cb, engine_cb *cb, void *arg);

struct engine_call *engine_info(struct engine *e, engine_cb *cb, void *arg);       /* GET /info */
struct engine_call *engine_disk_usage(struct engine *e, engine_cb *cb, void *arg); /* GET /system/df, one at a time */

#endif

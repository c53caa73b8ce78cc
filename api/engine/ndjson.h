/* A stream of JSON documents, one a line, fed in arbitrary pieces. */
#ifndef TANDEM_ENGINE_NDJSON_H
#define TANDEM_ENGINE_NDJSON_H

#include "api/base/buf.h"
#include "api/base/json.h"

struct ndjson {
  struct buf line;
};

/* One document; valid in the call. 0, or -1 with *err filled to stop the feeding. */
typedef int ndjson_cb(void *arg, const cJSON *json, struct err *err);

/* A line longer than limit_bytes is ERR_PROTOCOL. */
void ndjson_init(struct ndjson *n, size_t limit_bytes);
/* Calls back for each complete line; empty lines are skipped. ERR_PROTOCOL on a line that is not JSON. */
int ndjson_feed(struct ndjson *n, const void *data, size_t len, ndjson_cb *cb, void *arg, struct err *err);
/* The stream's end: a last line without a line end counts when it is whole, else ERR_PROTOCOL (truncated). */
int ndjson_end(struct ndjson *n, ndjson_cb *cb, void *arg, struct err *err);
void ndjson_release(struct ndjson *n);

#endif

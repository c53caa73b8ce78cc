/* A POST that is answered with an NDJSON stream, with or without a local file as its body: pull, import, build. */
#ifndef TANDEM_ENGINE_TRANSFER_H
#define TANDEM_ENGINE_TRANSFER_H

#include "api/engine/call.h"
#include "api/engine/stream_reply.h"
#include "api/engine/upload.h"

struct transfer {
  struct engine_call *call;
  struct stream_reply reply; /* its callbacks may be set before transfer_start() */
  struct url url;
  struct upload *upload; /* NULL: no body */
  struct leg *leg;       /* NULL while not under way */
  int idle_ms;
  leg_done *done; /* reply: complete, and without an errorDetail */
};

/* arg: for the reply's callbacks. */
void transfer_init(struct transfer *t, struct engine_call *call, void *arg);
/* Sends POST t->url, with the file at tar_path unless NULL. A transfer is part of its call's state. */
void transfer_start(struct transfer *t, const char *tar_path, int idle_ms, leg_done *done);
void transfer_release(struct transfer *t);

#endif

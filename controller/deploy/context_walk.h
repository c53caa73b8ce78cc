/* Walks a build context in a fixed order (each folder's names by byte value, a folder before what is in it), leaving
 * out what is ignored, and hands each file's content over. Private to the context. */
#ifndef TANDEM_DEPLOY_CONTEXT_WALK_H
#define TANDEM_DEPLOY_CONTEXT_WALK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "api/base/err.h"
#include "controller/deploy/ignore.h"

struct context_entry {
  const char *path;   /* in the context */
  char type;          /* 'f', 'd', 'l' */
  mode_t mode;        /* permission bits */
  uint64_t size;      /* of a file: as many bytes follow by data() */
  const char *target; /* of a link */
};

/* Borrowed for the calls. Either callback ends the walk with -1. */
struct context_sink {
  int (*entry)(void *arg, const struct context_entry *entry, struct err *err);
  int (*data)(void *arg, const void *data, size_t len, struct err *err);
  void *arg;
};

/* Links are handed over as links. Sockets are left out as docker does; a FIFO or a device that is not ignored is
 * ERR_INPUT. A file that changes or goes away while it is read is ERR_CONFLICT, retryable. The file skip_dev/skip_ino
 * (the tar that is being written) is left out. */
int context_walk(const char *folder, const struct ignore *ignore, dev_t skip_dev, ino_t skip_ino,
                 const struct context_sink *sink, struct err *err);

#endif

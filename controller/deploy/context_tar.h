/* Writes context entries as a tar (GNU format: names are bytes, of any length) that depends on the entries alone.
 * Private to the context. */
#ifndef TANDEM_DEPLOY_CONTEXT_TAR_H
#define TANDEM_DEPLOY_CONTEXT_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"

struct context_tar;
struct context_entry;

/* fd stays the caller's. */
int context_tar_new(int fd, struct context_tar **ret_tar, struct err *err);
/* The two callbacks of a struct context_sink; arg is the struct context_tar. */
int context_tar_entry(void *arg, const struct context_entry *entry, struct err *err);
int context_tar_data(void *arg, const void *data, size_t len, struct err *err);
/* Ends the tar and frees it, on failure too. */
int context_tar_finish(struct context_tar *tar, uint64_t *ret_bytes, struct err *err);
/* Drops an unfinished one; accepts NULL. */
void context_tar_free(struct context_tar *tar);

#endif

/* Build contexts' tars on disk: one per context of a transaction, made in the thread pool when first asked for and
 * shared by all builds of it. */
#ifndef TANDEM_DEPLOY_TAR_CACHE_H
#define TANDEM_DEPLOY_TAR_CACHE_H

#include <cjson/cJSON.h>
#include <uv.h>

#include "api/base/err.h"

struct tar_cache;

/* folder: where the files go. NULL without memory. */
struct tar_cache *tar_cache_new(uv_loop_t *loop, const char *folder);
/* Removes the files. Nothing may be waiting. */
void tar_cache_free(struct tar_cache *c);

/* tar and dockerfile are valid as long as the cache; NULL with err. */
typedef void tar_cache_cb(void *arg, const char *tar, const char *dockerfile, struct err *err);
/* build: as in desired images. cb runs once, later, from the loop; not at all after -1 (ERR_NO_MEMORY). */
int tar_cache_get(struct tar_cache *c, const cJSON *build, tar_cache_cb *cb, void *arg, struct err *err);

#endif

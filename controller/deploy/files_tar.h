/* The tar of secrets and configs that have their content in the manifest. */
#ifndef TANDEM_DEPLOY_FILES_TAR_H
#define TANDEM_DEPLOY_FILES_TAR_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "api/base/err.h"

/* files: [{"path", "content", "mode", "uid", "gid"}], paths absolute in the container. Caller frees *ret_tar. */
int files_tar(const cJSON *files, char **ret_tar, size_t *ret_bytes, struct err *err);

#endif

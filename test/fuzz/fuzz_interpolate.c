/* Expressions in values: each gives a text or an error that says why. */
#include "controller/manifest/interpolate.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_STRV struct strv env = STRV_INIT;
  CLEANUP_STRV struct strv unset = STRV_INIT;
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_FREE char *text = strndup((const char *)data, size);
  CLEANUP_FREE char *result = NULL;
  strv_add(&env, "A=one", NULL);
  strv_add(&env, "B=", NULL);
  strv_add(&env, "C=$A${B}", NULL);
  const struct variables variables = {.first = &env, .unset = &unset};
  if (interpolate_text(text, &variables, &result, &err) == 0 ? !result : !err.message)
    __builtin_trap();
  return 0;
}

/* .env files, cooked and raw: every entry that comes out is K=V. */
#include "controller/manifest/dotenv.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct strv *env) {
  for (size_t i = 0; i < env->count; i++)
    if (!strchr(env->items[i], '='))
      __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_STRV struct strv outer = STRV_INIT;
  CLEANUP_STRV struct strv cooked = STRV_INIT;
  CLEANUP_STRV struct strv raw = STRV_INIT;
  CLEANUP_ERR struct err err = ERR_INIT;
  strv_add(&outer, "A=one", NULL);
  if (dotenv_parse("fuzz", (const char *)data, size, &outer, &cooked, &err) < 0 && !err.message)
    __builtin_trap();
  err_release(&err);
  dotenv_parse_raw("fuzz", (const char *)data, size, &outer, &raw, &err);
  check(&cooked);
  check(&raw);
  return 0;
}

/* SHA-256 (libcrypto), streaming and at once. */
#ifndef TANDEM_BASE_SHA256_H
#define TANDEM_BASE_SHA256_H

#include <stddef.h>

#include "api/base/err.h"

struct sha256;

/* NULL without memory. */
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *s, const void *data, size_t len);
/* Writes 64 lower-case hex digits and a NUL, and frees s. */
int sha256_finish(struct sha256 *s, char ret_hex[65], struct err *err);
void sha256_free(struct sha256 *s);

int sha256_hex(const void *data, size_t len, char ret_hex[65], struct err *err);

#endif

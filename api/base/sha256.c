#include "api/base/sha256.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>

struct sha256 {
  EVP_MD_CTX *ctx;
  bool failed;
};

struct sha256 *sha256_new(void) {
  struct sha256 *s = calloc(1, sizeof(*s));
  if (!s)
    return NULL;
  s->ctx = EVP_MD_CTX_new();
  if (!s->ctx || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1) {
    sha256_free(s);
    return NULL;
  }
  return s;
}

void sha256_update(struct sha256 *s, const void *data, size_t len) {
  if (EVP_DigestUpdate(s->ctx, data, len) != 1)
    s->failed = true;
}

int sha256_finish(struct sha256 *s, char ret_hex[65], struct err *err) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int len = 0;
  bool ok = !s->failed && EVP_DigestFinal_ex(s->ctx, digest, &len) == 1 && len == 32;
  sha256_free(s);
  if (!ok)
    return err_set(err, ERR_INTERNAL, "SHA-256 failed");
  for (unsigned int i = 0; i < len; i++)
    snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
  return 0;
}

void sha256_free(struct sha256 *s) {
  if (!s)
    return;
  EVP_MD_CTX_free(s->ctx);
  free(s);
}

int sha256_hex(const void *data, size_t len, char ret_hex[65], struct err *err) {
  struct sha256 *s = sha256_new();
  if (!s)
    return err_no_memory(err);
  sha256_update(s, data, len);
  return sha256_finish(s, ret_hex, err);
}

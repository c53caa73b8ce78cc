/* Where an engine listens: unix://PATH or tcp://HOST[:PORT], checked and taken apart. */
#ifndef TANDEM_HTTP_ENDPOINT_H
#define TANDEM_HTTP_ENDPOINT_H

#include <stdbool.h>

#include "api/base/err.h"

enum endpoint_kind {
  ENDPOINT_UNIX,
  ENDPOINT_TCP,
};

struct endpoint {
  enum endpoint_kind kind;
  bool tls;       /* tcp only */
  char *path;     /* unix only: absolute */
  char *host;     /* tcp only: a name, an IPv4 address, or an IPv6 address without brackets */
  int port;       /* tcp only */
  char *base_url; /* "http://localhost", "https://10.0.0.2:2376", "https://[fd00::2]:2376" */
};

/* Takes text apart. tls: the caller has certificate files. insecure: plain tcp:// off loopback is allowed.
 * Port: 2376 with TLS and 2375 without, where none is given. ERR_INPUT says what was expected; *ret_endpoint is
 * untouched then. ssh:// and context:// are known and refused until they are supported. */
int endpoint_parse(const char *text, bool tls, bool insecure, struct endpoint *ret_endpoint, struct err *err);
void endpoint_release(struct endpoint *endpoint);

#endif

#include "api/http/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

static int parse_unix(const char *path, struct endpoint *ep, struct err *err) {
  size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
  if (path[0] != '/')
    return err_set(err, ERR_INPUT, "expected unix:// and an absolute path, as in unix:///var/run/docker.sock");
  if (strlen(path) > max)
    return err_set(err, ERR_INPUT, "a socket path has at most %zu bytes, this one has %zu", max, strlen(path));
  ep->kind = ENDPOINT_UNIX;
  ep->path = strdup(path);
  ep->base_url = strdup("http://localhost");
  return ep->path && ep->base_url ? 0 : err_no_memory(err);
}

static bool is_ipv6(const char *host) {
  struct in6_addr addr;
  return inet_pton(AF_INET6, host, &addr) == 1;
}

static bool is_loopback(const char *host) {
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, host, &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host, &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&v6);
  return strcasecmp(host, "localhost") == 0;
}

static bool is_host_name(const char *host) {
  if (!isalnum((unsigned char)host[0]))
    return false;
  for (const char *p = host; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr(".-_", *p))
      return false;
  return strlen(host) <= 253;
}

static int parse_port(const char *text, int *ret_port, struct err *err) {
  size_t len = strlen(text);
  if (len == 0 || len > 5 || strspn(text, "0123456789") != len || atoi(text) < 1 || atoi(text) > 65535)
    return err_set(err, ERR_INPUT, "expected a port from 1 to 65535, found \"%s\"", text);
  *ret_port = atoi(text);
  return 0;
}

/* Splits HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. *ret_port is left alone without a port. */
static int split_host(const char *rest, char **ret_host, int *ret_port, struct err *err) {
  bool bracketed = rest[0] == '[';
  const char *begin = bracketed ? rest + 1 : rest;
  const char *end = begin + strcspn(begin, bracketed ? "]" : ":/");
  if (bracketed && *end != ']')
    return err_set(err, ERR_INPUT, "expected \"]\" after the IPv6 address");
  const char *after = bracketed ? end + 1 : end;
  CLEANUP_FREE char *port = NULL;
  CLEANUP_FREE char *host = strndup(begin, (size_t)(end - begin));
  if (!host || (*after == ':' && !(port = strdup(after + 1))))
    return err_no_memory(err);
  if (port && strlen(port) && port[strlen(port) - 1] == '/')
    port[strlen(port) - 1] = '\0';
  if (!port && *after && strcmp(after, "/") != 0)
    return err_set(err, ERR_INPUT, "expected tcp://HOST:PORT (an IPv6 address in brackets), found \"%s\" at the end",
                   after);
  if (bracketed ? !is_ipv6(host) : !is_host_name(host))
    return err_set(err, ERR_INPUT, "\"%s\" is no host name or address", host);
  if (port && parse_port(port, ret_port, err) < 0)
    return -1;
  *ret_host = STEAL(host);
  return 0;
}

static int parse_tcp(const char *rest, bool tls, bool insecure, struct endpoint *ep, struct err *err) {
  ep->kind = ENDPOINT_TCP;
  ep->tls = tls;
  ep->port = tls ? 2376 : 2375;
  if (split_host(rest, &ep->host, &ep->port, err) < 0)
    return -1;
  if (!tls && !insecure && !is_loopback(ep->host))
    return err_set(err, ERR_INPUT,
                   "tcp:// without TLS gives root on that machine to anyone on the network: "
                   "set tls (ca, cert, key), or insecure: true");
  bool v6 = is_ipv6(ep->host);
  if (asprintf(&ep->base_url, "%s://%s%s%s:%d", tls ? "https" : "http", v6 ? "[" : "", ep->host, v6 ? "]" : "",
               ep->port) < 0)
    ep->base_url = NULL;
  return ep->base_url ? 0 : err_no_memory(err);
}

static int parse_any(const char *text, bool tls, bool insecure, struct endpoint *ep, struct err *err) {
  const char *rest = strstr(text, "://");
  size_t scheme = rest ? (size_t)(rest - text) : 0;
  if (rest)
    rest += 3;
  if (scheme == 4 && strncmp(text, "unix", 4) == 0)
    return tls ? err_set(err, ERR_INPUT, "tls does not apply to unix://") : parse_unix(rest, ep, err);
  if (scheme == 3 && strncmp(text, "tcp", 3) == 0)
    return parse_tcp(rest, tls, insecure, ep, err);
  if ((scheme == 3 && strncmp(text, "ssh", 3) == 0) || (scheme == 7 && strncmp(text, "context", 7) == 0))
    return err_set(err, ERR_INPUT, "%.*s:// is not supported yet: use unix:// or tcp:// with TLS", (int)scheme, text);
  return err_set(err, ERR_INPUT, "expected unix://PATH or tcp://HOST:PORT");
}

int endpoint_parse(const char *text, bool tls, bool insecure, struct endpoint *ret_endpoint, struct err *err) {
  struct endpoint ep = {0};
  if (!text || !*text)
    return err_set(err, ERR_INPUT, "endpoint: expected unix://PATH or tcp://HOST:PORT, found nothing");
  if (parse_any(text, tls, insecure, &ep, err) < 0) {
    endpoint_release(&ep);
    return err_wrap(err, "endpoint %s", text);
  }
  *ret_endpoint = ep;
  return 0;
}

void endpoint_release(struct endpoint *endpoint) {
  if (!endpoint)
    return;
  free(endpoint->path);
  free(endpoint->host);
  free(endpoint->base_url);
  *endpoint = (struct endpoint){0};
}

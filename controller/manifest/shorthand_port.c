#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "controller/manifest/shorthand.h"

struct port_range {
  unsigned first, last;
};

/* The whole of text; Go's ParseUint: digits only. */
static bool parse_number(const char *text, unsigned *ret) {
  size_t len = strspn(text, "0123456789");
  if (len == 0 || text[len] || len > 9)
    return false;
  *ret = (unsigned)atoi(text);
  return *ret <= 65535;
}

static bool parse_range(char *text, struct port_range *ret) {
  char *dash = strchr(text, '-');
  if (!dash) {
    ret->last = 0;
    return parse_number(text, &ret->first) && (ret->last = ret->first, true);
  }
  *dash = '\0';
  char *more = strchr(dash + 1, '-');
  if (more)
    *more = '\0';
  return parse_number(text, &ret->first) && parse_number(dash + 1, &ret->last) && ret->first <= ret->last;
}

static bool is_ip(char *ip) {
  unsigned char address[16];
  char *zone = strchr(ip, '%');
  return !zone && (inet_pton(AF_INET, ip, address) == 1 || inet_pton(AF_INET6, ip, address) == 1);
}

static int put_text(struct node *map, const char *key, const char *text) {
  return text && *text ? node_put(map, key, map->pos, node_string(text, map->pos)) : 0;
}

static int put_number(struct node *map, const char *key, unsigned value) {
  char text[16];
  snprintf(text, sizeof(text), "%u", value);
  struct node *n = node_string(text, map->pos);
  if (!n)
    return -1;
  n->kind = NODE_INT;
  n->integer = value;
  n->number = value;
  return node_put(map, key, map->pos, n);
}

struct port_spec {
  const char *ip;
  const char *protocol;
  struct port_range host;
  bool has_host;
  struct port_range target;
};

static struct node *one_port(const struct port_spec *spec, unsigned offset, struct position pos) {
  char published[24] = "";
  bool single = spec->target.first == spec->target.last;
  if (spec->has_host && single && spec->host.first != spec->host.last)
    snprintf(published, sizeof(published), "%u-%u", spec->host.first, spec->host.last);
  else if (spec->has_host)
    snprintf(published, sizeof(published), "%u", spec->host.first + offset);
  struct node *map = node_new(NODE_MAP, pos);
  if (!map || put_text(map, "mode", "ingress") < 0 || put_text(map, "host_ip", spec->ip) < 0 ||
      put_number(map, "target", spec->target.first + offset) < 0 || put_text(map, "published", published) < 0 ||
      put_text(map, "protocol", spec->protocol) < 0) {
    node_free(map);
    return NULL;
  }
  return map;
}

static int by_target_text(const void *a, const void *b) {
  const struct node *const *x = a;
  const struct node *const *y = b;
  return strcmp(node_text(node_get(*x, "target"), ""), node_text(node_get(*y, "target"), ""));
}

static int append_ports(const struct port_spec *spec, struct position pos, struct node *list, struct err *err) {
  size_t before = list->count;
  for (unsigned i = 0; i <= spec->target.last - spec->target.first; i++)
    if (node_append(list, one_port(spec, i, pos)) < 0)
      return err_no_memory(err);
  qsort(list->items + before, list->count - before, sizeof(struct node *), by_target_text);
  return 0;
}

/* Lower-cases; NULL for one that docker does not know. */
static const char *known_protocol(char *text) {
  for (char *p = text; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  bool known = strcmp(text, "tcp") == 0 || strcmp(text, "udp") == 0 || strcmp(text, "sctp") == 0;
  return known ? text : NULL;
}

/* Cuts text at its last ':'; what stands behind it, or the whole text when there is none (*ret_front is NULL then). */
static char *cut_last(char *text, char **ret_front) {
  char *colon = strrchr(text, ':');
  *ret_front = colon ? text : NULL;
  if (!colon)
    return text;
  *colon = '\0';
  return colon + 1;
}

static const char *parse_port(char *text, struct port_spec *spec) {
  char *front = NULL;
  char *ip = NULL;
  char *target = cut_last(text, &front);
  char *host = front ? cut_last(front, &ip) : NULL;
  char *slash = strchr(target, '/');
  spec->protocol = "tcp";
  if (slash) {
    *slash = '\0';
    char *rest = strchr(slash + 1, '/');
    if (rest)
      *rest = '\0';
    spec->protocol = slash[1] ? known_protocol(slash + 1) : "tcp";
  }
  if (!spec->protocol)
    return "expected the protocol tcp, udp or sctp";
  size_t len = ip ? strlen(ip) : 0;
  if (ip && ip[0] == '[' && ip[len - 1] == ']') {
    ip[len - 1] = '\0';
    ip++;
  }
  else if (ip && strchr(ip, ':'))
    return "expected an IPv6 address in [brackets]";
  if (ip && *ip && !is_ip(ip))
    return "expected an IP address before the ports";
  spec->ip = ip;
  if (!parse_range(target, &spec->target) || spec->target.first == 0)
    return "expected a container port of 1 to 65535 or FIRST-LAST";
  spec->has_host = host && *host;
  if (spec->has_host && !parse_range(host, &spec->host))
    return "expected a host port of 0 to 65535 or FIRST-LAST";
  bool equal = spec->target.last - spec->target.first == spec->host.last - spec->host.first;
  if (spec->has_host && !equal && spec->target.first != spec->target.last)
    return "expected as many host ports as container ports";
  return NULL;
}

int port_expand(const char *text, struct position pos, struct node *list, struct err *err) {
  CLEANUP_FREE char *copy = strdup(text);
  if (!copy)
    return err_no_memory(err);
  struct port_spec spec = {0};
  const char *problem = parse_port(copy, &spec);
  if (problem)
    return position_error(err, &pos, "\"%s\" is no port, %s", text, problem);
  return append_ports(&spec, pos, list, err);
}

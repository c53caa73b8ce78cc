/* Published ports, ranges expanded to single ones. */
#include <stdlib.h>
#include <string.h>

#include "controller/manifest/fleet_private.h"

static int add_port(struct service *s, const struct node *n, int published, int target, struct err *err) {
  struct published_port *ports = realloc(s->ports, (s->port_count + 1) * sizeof(*ports));
  if (!ports)
    return err_no_memory(err);
  s->ports = ports;
  struct published_port *p = &ports[s->port_count++];
  *p = (struct published_port){.published = published, .target = target, .pos = n->pos};
  p->protocol = strdup(node_text(node_get(n, "protocol"), "tcp"));
  return p->protocol ? fleet_copy_text(&p->host_ip, node_get(n, "host_ip"), err) : err_no_memory(err);
}

/* "7000-7002" and "7000"; an empty one is 0. */
static int read_range(const struct node *n, const char *text, int *ret_first, int *ret_last, struct err *err) {
  char *end;
  long first = strtol(text, &end, 10), last = first;
  if (*end == '-')
    last = strtol(end + 1, &end, 10);
  if (*end || first < 0 || last < first || last > 65535)
    return node_error(err, n, "\"%s\" is no port or range of ports", text);
  *ret_first = (int)first;
  *ret_last = (int)last;
  return 0;
}

/* A range of host ports before one container port is a choice for the engine: the first free one is taken. All of
 * them are listed, as any may be. */
int fleet_read_ports(const struct node *ports, struct service *s, struct err *err) {
  for (size_t i = 0; ports && ports->kind == NODE_LIST && i < ports->count; i++) {
    const struct node *n = ports->items[i];
    int first, last, target, target_last;
    if (read_range(n, node_text(node_get(n, "target"), ""), &target, &target_last, err) < 0 ||
        read_range(n, node_text(node_get(n, "published"), ""), &first, &last, err) < 0)
      return -1;
    for (int p = first; p <= last; p++)
      if (add_port(s, n, p, target, err) < 0)
        return -1;
  }
  return 0;
}

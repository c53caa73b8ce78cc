#include <stdlib.h>
#include <string.h>

#include "controller/manifest/check.h"
#include "controller/manifest/fleet_private.h"

/* A port that a service takes on its machine. */
struct taken {
  const struct service *service;
  const struct published_port *port;
};

static bool is_all(const char *host_ip) {
  return !host_ip || !*host_ip || strcmp(host_ip, "0.0.0.0") == 0 || strcmp(host_ip, "::") == 0 ||
         strcmp(host_ip, "[::]") == 0;
}

static bool overlap(const struct taken *a, const struct taken *b) {
  if (a->service->machine != b->service->machine || a->port->published != b->port->published ||
      strcmp(a->port->protocol, b->port->protocol) != 0)
    return false;
  return is_all(a->port->host_ip) || is_all(b->port->host_ip) || strcmp(a->port->host_ip, b->port->host_ip) == 0;
}

/* By machine, port, protocol, and then as they came: an array made in order stays in order. */
static int by_port(const void *a, const void *b) {
  const struct taken *x = a, *y = b;
  if (x->service->machine != y->service->machine)
    return x->service->machine < y->service->machine ? -1 : 1;
  if (x->port->published != y->port->published)
    return x->port->published < y->port->published ? -1 : 1;
  int order = strcmp(x->port->protocol, y->port->protocol);
  if (order == 0 && x->service != y->service)
    order = x->service < y->service ? -1 : 1;
  return order ? order : (x->port > y->port) - (x->port < y->port);
}

static int refuse(const struct fleet *fleet, const struct taken *first, const struct taken *second, struct err *err) {
  const struct published_port *p = second->port;
  const struct position *there = &first->port->pos;
  if (first->service == second->service)
    return position_error(err, &p->pos, "service %s publishes host port %d/%s twice: first at %s:%d:%d",
                          second->service->name, p->published, p->protocol, there->file ? there->file : "?",
                          there->line, there->column);
  return position_error(err, &p->pos, "host port %d/%s of machine %s is taken twice: by %s, and by %s at %s:%d:%d",
                        p->published, p->protocol, fleet->machines[second->service->machine].name,
                        second->service->name, first->service->name, there->file ? there->file : "?", there->line,
                        there->column);
}

/* A range of host ports for one container port is the engine's to choose from: it takes one that is free. */
static bool is_chosen(const struct service *s, const struct published_port *p) {
  for (size_t i = 0; i < s->port_count; i++) {
    const struct published_port *o = &s->ports[i];
    if (o != p && o->pos.file == p->pos.file && o->pos.line == p->pos.line && o->pos.column == p->pos.column &&
        o->target == p->target && strcmp(o->protocol, p->protocol) == 0 && o->published != p->published)
      return true;
  }
  return false;
}

int check_ports(const struct fleet *fleet, struct err *err) {
  size_t count = 0, n = 0;
  for (size_t i = 0; i < fleet->service_count; i++)
    count += fleet->services[i].port_count;
  CLEANUP_FREE struct taken *all = calloc(count + 1, sizeof(*all));
  if (!all)
    return err_no_memory(err);
  for (size_t i = 0; i < fleet->service_count; i++) {
    const struct service *s = &fleet->services[i];
    for (size_t p = 0; p < s->port_count && s->replicas != 0; p++)
      if (s->ports[p].published && !is_chosen(s, &s->ports[p]))
        all[n++] = (struct taken){s, &s->ports[p]};
  }
  qsort(all, n, sizeof(*all), by_port);
  for (size_t i = 1; i < n; i++)
    for (size_t k = i; k > 0 && all[k - 1].service->machine == all[i].service->machine &&
                       all[k - 1].port->published == all[i].port->published;
         k--)
      if (overlap(&all[k - 1], &all[i]))
        return refuse(fleet, &all[k - 1], &all[i], err);
  return 0;
}

int check_names(const struct fleet *fleet, struct err *err) {
  for (size_t i = 0; i < fleet->service_count; i++) {
    const struct service *a = &fleet->services[i];
    for (size_t k = i + 1; k < fleet->service_count; k++) {
      const struct service *b = &fleet->services[k];
      if (a->machine == b->machine && strcmp(a->container_name, b->container_name) == 0)
        return position_error(err, &b->pos, "services %s and %s of machine %s both have the container name %s", a->name,
                              b->name, fleet->machines[a->machine].name, a->container_name);
    }
  }
  return 0;
}

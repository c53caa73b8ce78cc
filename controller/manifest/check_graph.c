#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "controller/manifest/check.h"
#include "controller/manifest/fleet_private.h"

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct walk {
  const struct fleet *fleet;
  unsigned char *marks;
  size_t *path; /* of services, by index */
  size_t depth;
};

static int refuse_cycle(const struct walk *w, size_t again, const struct dependency *d, struct err *err) {
  CLEANUP_BUF struct buf text = BUF_INIT(0);
  size_t from = 0;
  while (w->path[from] != again)
    from++;
  for (size_t i = from; i < w->depth; i++)
    if (buf_printf(&text, err, "%s -> ", w->fleet->services[w->path[i]].name) < 0)
      return -1;
  return position_error(err, &d->pos, "services depend on each other in a circle: %s%s", buf_text(&text),
                        w->fleet->services[again].name);
}

/* Depth first; as deep as the longest chain of dependencies. */
static int visit(struct walk *w, size_t index, struct err *err) {
  const struct service *s = &w->fleet->services[index];
  w->marks[index] = MARK_OPEN;
  w->path[w->depth++] = index;
  for (size_t i = 0; i < s->dependency_count; i++) {
    const struct service *target = fleet_service(w->fleet, s->dependencies[i].service);
    if (!target)
      continue;
    size_t next = (size_t)(target - w->fleet->services);
    if (w->marks[next] == MARK_OPEN)
      return refuse_cycle(w, next, &s->dependencies[i], err);
    if (w->marks[next] == MARK_NEW && visit(w, next, err) < 0)
      return -1;
  }
  w->marks[index] = MARK_DONE;
  w->depth--;
  return 0;
}

int check_cycles(const struct fleet *fleet, struct err *err) {
  CLEANUP_FREE unsigned char *marks = calloc(fleet->service_count + 1, 1);
  CLEANUP_FREE size_t *path = calloc(fleet->service_count + 1, sizeof(*path));
  struct walk w = {.fleet = fleet, .marks = marks, .path = path};
  if (!marks || !path)
    return err_no_memory(err);
  for (size_t i = 0; i < fleet->service_count; i++)
    if (marks[i] == MARK_NEW && visit(&w, i, err) < 0)
      return -1;
  return 0;
}

/* The service that "service:NAME" or "NAME[:ro]" or "NAME:ALIAS" means; containers by name are the user's own. */
static const struct service *referred(const struct fleet *fleet, const char *text, bool prefixed) {
  char name[256];
  if (prefixed ? strncmp(text, "service:", 8) != 0 : strncmp(text, "container:", 10) == 0)
    return NULL;
  text += prefixed ? 8 : 0;
  snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
  return fleet_service(fleet, name);
}

static int check_reference(const struct fleet *fleet, const struct service *s, const char *key, const struct node *n,
                           bool prefixed, struct err *err) {
  const struct service *target = n ? referred(fleet, node_text(n, ""), prefixed) : NULL;
  if (!target || target->machine == s->machine)
    return 0;
  return node_error(err, n,
                    "service %s: %s refers to %s, which is on machine %s and not on %s: what it shares exists "
                    "within one machine only",
                    s->name, key, target->name, fleet->machines[target->machine].name,
                    fleet->machines[s->machine].name);
}

static int check_service(const struct fleet *fleet, const struct service *s, const struct node *n, struct err *err) {
  static const char *const modes[] = {"network_mode", "pid", "ipc", "uts", "cgroup"};
  static const char *const lists[] = {"volumes_from", "links"};
  for (size_t i = 0; i < COUNT_OF(modes); i++)
    if (check_reference(fleet, s, modes[i], node_get(n, modes[i]), true, err) < 0)
      return -1;
  for (size_t i = 0; i < COUNT_OF(lists); i++) {
    const struct node *list = node_get(n, lists[i]);
    for (size_t k = 0; list && list->kind == NODE_LIST && k < list->count; k++)
      if (check_reference(fleet, s, lists[i], list->items[k], false, err) < 0)
        return -1;
  }
  return 0;
}

int check_shared(const struct fleet *fleet, struct err *err) {
  const struct node *services = node_get(fleet->source->root, "services");
  for (size_t i = 0; i < fleet->service_count; i++) {
    const struct service *s = &fleet->services[i];
    if (check_service(fleet, s, node_get(services, s->name), err) < 0)
      return -1;
  }
  return 0;
}

/* One service of the document, resolved. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"
#include "controller/manifest/fleet_private.h"

static int read_names(struct loading *l, struct service *s, const struct node *n, struct err *err) {
  if (fleet_copy_text(&s->container_name, node_get(n, "container_name"), err) < 0 ||
      fleet_copy_text(&s->image, node_get(n, "image"), err) < 0 ||
      fleet_copy_text(&s->platform, node_get(n, "platform"), err) < 0 ||
      fleet_copy_text(&s->pull_policy, node_get(n, "pull_policy"), err) < 0)
    return -1;
  s->container_name_set = s->container_name != NULL;
  if (!s->container_name && asprintf(&s->container_name, "%s-%s-1", l->fleet->name, s->name) < 0)
    return s->container_name = NULL, err_no_memory(err);
  if (!s->image && asprintf(&s->image, "%s-%s", l->fleet->name, s->name) < 0)
    return s->image = NULL, err_no_memory(err);
  return 0;
}

static int read_dependencies(struct service *s, const struct node *n, struct err *err) {
  static const struct {
    const char *word;
    enum depends_condition condition;
  } conditions[] = {{"service_started", DEPENDS_STARTED},
                    {"service_healthy", DEPENDS_HEALTHY},
                    {"service_completed_successfully", DEPENDS_COMPLETED}};
  if (!n || n->kind != NODE_MAP || !n->count)
    return 0;
  if (!(s->dependencies = calloc(n->count, sizeof(*s->dependencies))))
    return err_no_memory(err);
  for (size_t i = 0; i < n->count; i++) {
    struct dependency *d = &s->dependencies[s->dependency_count++];
    const struct node *v = n->pairs[i].value, *required = node_get(v, "required");
    *d = (struct dependency){.pos = n->pairs[i].key_pos, .restart = fleet_is_true(node_get(v, "restart"))};
    d->required = !required || fleet_is_true(required);
    if (!(d->service = strdup(n->pairs[i].key)))
      return err_no_memory(err);
    for (size_t c = 0; c < COUNT_OF(conditions); c++)
      if (strcmp(node_text(node_get(v, "condition"), ""), conditions[c].word) == 0)
        d->condition = conditions[c].condition;
  }
  return 0;
}

/* --- where it runs ------------------------------------------------------------------------------------------------ */

static const char *relocation_of(const struct manifest_options *o, const char *service) {
  for (size_t i = o->placement_count; i > 0; i--)
    if (strcmp(o->placements[i - 1].service, service) == 0)
      return o->placements[i - 1].machine;
  return NULL;
}

/* NAME of "node.hostname == NAME", spaces as one likes; NULL for any other constraint. */
static const char *hostname_of(const char *constraint) {
  static const char key[] = "node.hostname";
  while (isspace((unsigned char)*constraint))
    constraint++;
  if (strncmp(constraint, key, sizeof(key) - 1) != 0)
    return NULL;
  constraint += sizeof(key) - 1;
  constraint += strspn(constraint, " \t");
  if (strncmp(constraint, "==", 2) != 0)
    return NULL;
  constraint += 2;
  return constraint + strspn(constraint, " \t");
}

static const struct node *constraint_of(struct loading *l, const struct node *n, const char **ret_name) {
  const struct node *list = node_at(n, "deploy.placement.constraints");
  const struct node *found = NULL;
  for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
    const char *name = hostname_of(node_text(list->items[i], ""));
    if (!name)
      fleet_warn(l->fleet, list->items[i],
                 "placement constraint \"%s\" is not observed: known is "
                 "node.hostname == MACHINE",
                 node_text(list->items[i], ""));
    if (name && !found) {
      found = list->items[i];
      *ret_name = name;
    }
  }
  return found;
}

static int unknown_machine(const struct fleet *fleet, const struct position *pos, const char *name, struct err *err) {
  const char *names[32];
  size_t count = 0;
  CLEANUP_FREE char *known = NULL;
  for (size_t i = 0; i < fleet->machine_count; i++) {
    char *longer = NULL;
    if (asprintf(&longer, "%s%s%s", known ? known : "", known ? ", " : "", fleet->machines[i].name) < 0)
      return err_no_memory(err);
    free(known);
    known = longer;
    if (count < COUNT_OF(names))
      names[count++] = fleet->machines[i].name;
  }
  const char *near = fleet_nearest(name, names, count);
  return position_error(err, pos, "there is no machine \"%s\": known are %s%s%s%s", name, known,
                        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int place(struct loading *l, struct service *s, const struct node *n, const struct xtandem_service *x,
                 struct err *err) {
  const char *name = relocation_of(l->options, s->name);
  const struct node *constraint = NULL;
  s->machine = l->xtandem->has_machines ? MACHINE_NONE : 0;
  s->machine_pos = s->pos;
  if (name && !fleet_machine(l->fleet, name))
    name = NULL; /* the machine of an old relocation is gone */
  if (!name && x->machine) {
    name = x->machine;
    s->machine_pos = x->machine_pos;
  } else if (!name && (constraint = constraint_of(l, n, &name))) {
    s->machine_pos = constraint->pos;
  }
  if (!name || (constraint && !l->xtandem->has_machines))
    return 0;
  const struct machine *machine = fleet_machine(l->fleet, name);
  if (!machine)
    return unknown_machine(l->fleet, &s->machine_pos, name, err);
  s->machine = (size_t)(machine - l->fleet->machines);
  return 0;
}

static int find_tier(struct loading *l, struct service *s, const struct xtandem_service *x, struct err *err) {
  s->tier = -1;
  for (size_t i = 0; x->tier && i < l->fleet->tier_count; i++)
    if (strcmp(l->fleet->tiers[i].name, x->tier) == 0)
      s->tier = (int)i;
  if (!x->tier || s->tier >= 0)
    return 0;
  return position_error(err, &x->tier_pos, "there is no tier \"%s\" in x-tandem.tiers", x->tier);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int replicas_of(const struct node *n) {
  int64_t count = 1;
  if (!fleet_int(node_at(n, "deploy.replicas"), &count))
    fleet_int(node_get(n, "scale"), &count);
  return count < 0 || count > 100000 ? 1 : (int)count;
}

static int copy_json(const struct node *n, cJSON **ret, struct err *err) {
  if (!n || n->kind == NODE_NULL)
    return 0;
  *ret = node_to_json(n);
  return *ret ? 0 : err_no_memory(err);
}

static int read_rest(struct loading *l, struct service *s, const struct node *n, struct xtandem_service *x,
                     struct err *err) {
  const struct node *build = node_get(n, "build");
  s->limits = x->limits;
  s->update = x->update;
  s->pinned = x->pinned;
  s->requirements = STEAL(x->requirements);
  s->gates = STEAL(x->gates);
  s->replicas = replicas_of(n);
  if (read_names(l, s, n, err) < 0 || place(l, s, n, x, err) < 0 || find_tier(l, s, x, err) < 0)
    return -1;
  if (build && build->kind != NODE_NULL &&
      fleet_read_build(build, l->fleet->working_dir, &l->document->environment, &s->build, err) < 0)
    return -1;
  if (read_dependencies(s, node_get(n, "depends_on"), err) < 0 || fleet_read_ports(node_get(n, "ports"), s, err) < 0 ||
      copy_json(node_get(n, "post_start"), &s->post_start, err) < 0 ||
      copy_json(node_get(n, "pre_stop"), &s->pre_stop, err) < 0)
    return -1;
  return body_make(l, s, n, err);
}

int fleet_read_service(struct loading *l, const struct node_pair *pair, struct service *ret, struct err *err) {
  struct xtandem_service x = {0};
  ret->pos = pair->key_pos;
  ret->tier = -1;
  ret->machine = MACHINE_NONE;
  if (!(ret->name = strdup(pair->key)))
    return err_no_memory(err);
  if (xtandem_for_service(l, pair->key, &x, err) < 0)
    return -1;
  int rc = read_rest(l, ret, pair->value, &x, err);
  xtandem_service_release(&x);
  return rc;
}

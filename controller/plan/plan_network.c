/* The networks of a container that is there: what an operator has connected or disconnected by hand, and the steps that
 * mend it while the container runs. */
#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/plan/planner.h"

/* The network that the container shares or lacks is no thing to connect to. NULL: no networks of its own. */
static const char *own_mode(const cJSON *body) {
  const char *mode = json_str(json_get(body, "HostConfig"), "NetworkMode", "default");
  if (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0 || strncmp(mode, "container:", 10) == 0 ||
      strncmp(mode, "service:", 8) == 0)
    return NULL;
  return !*mode || strcmp(mode, "default") == 0 ? "bridge" : mode;
}

static bool wants_network(const struct service_work *w, const char *mode, const char *name) {
  const cJSON *endpoints = json_at(w->want->body, "NetworkingConfig.EndpointsConfig");
  return endpoints && endpoints->child ? json_get(endpoints, name) != NULL : strcmp(mode, name) == 0;
}

static const cJSON *wanted_endpoint(const struct service_work *w, const char *name) {
  return json_get(json_at(w->want->body, "NetworkingConfig.EndpointsConfig"), name);
}

static bool has_string(const cJSON *list, const char *text) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0)
      return true;
  }
  return false;
}

/* The first alias or the address that the files want and the connection lacks; NULL: it is as wanted. */
static const char *endpoint_lacks(const cJSON *want, const cJSON *have) {
  const cJSON *alias;
  cJSON_ArrayForEach(alias, json_get(want, "Aliases")) {
    if (cJSON_IsString(alias) && !has_string(json_get(have, "Aliases"), alias->valuestring))
      return alias->valuestring;
  }
  const char *address = json_str(json_get(want, "IPAMConfig"), "IPv4Address", NULL);
  return address && strcmp(json_str(json_get(have, "IPAMConfig"), "IPv4Address", ""), address) != 0 ? address : NULL;
}

/* The network that the connection is of was removed since: such a container cannot even start. */
static bool is_stale(const struct observed_machine *m, const cJSON *have) {
  const char *id = json_str(have, "NetworkID", "");
  bool there = !*id;
  for (size_t i = 0; i < m->network_count && !there; i++)
    there = m->networks[i].id && strcmp(m->networks[i].id, id) == 0;
  return !there;
}

static int show(struct service_work *w, const char *format_end, const char *name, const char *from, const char *to,
                struct err *err) {
  char field[300];
  snprintf(field, sizeof(field), "network %s%s", name, format_end);
  w->rewire = true;
  return field_changes_add(&w->changes, field, from, to, true, err);
}

int planner_network_diff(struct service_work *w, const struct observed_container *c, bool *ret_recreate,
                         struct err *err) {
  static const char on[] = "connected", off[] = "not connected";
  const char *mode = own_mode(w->want->body);
  const cJSON *have = json_at(c->inspect, "NetworkSettings.Networks");
  const cJSON *want = json_at(w->want->body, "NetworkingConfig.EndpointsConfig");
  w->rewire = false;
  if (!mode || !have)
    return 0;
  if (!(want && want->child) && !json_get(have, mode) && show(w, "", mode, off, on, err) < 0)
    return -1;
  for (const cJSON *e = want ? want->child : NULL; e; e = e->next)
    if (!json_get(have, e->string) && show(w, "", e->string, off, on, err) < 0)
      return -1;
  for (const cJSON *h = have->child; h; h = h->next) {
    const cJSON *endpoint = wanted_endpoint(w, h->string);
    const char *lacks = endpoint ? endpoint_lacks(endpoint, h) : NULL;
    if (!wants_network(w, mode, h->string)) {
      if (show(w, "", h->string, on, off, err) < 0)
        return -1;
    } else if (is_stale(w->on, h)) {
      *ret_recreate = true;
      if (show(w, "", h->string, "removed meanwhile", on, err) < 0)
        return -1;
    } else if (lacks && show(w, " name", h->string, NULL, lacks, err) < 0) {
      return -1;
    }
  }
  return 0;
}

/* --- steps ------------------------------------------------------------------------------------------------------- */

static int chain(struct planner *p, int step, int *last, struct err *err) {
  if (step < 0 || steps_order(&p->plan->steps, step, *last, err) < 0)
    return -1;
  *last = step;
  return 0;
}

static int network_step(struct planner *p, struct service_work *w, const struct observed_container *c,
                        enum step_kind kind, const char *name, cJSON *args, int *last, struct err *err) {
  int at = steps_add(&p->plan->steps, kind, PHASE_SWITCH, w->machine, w->name, name, args, err);
  if (at >= 0 && !(p->plan->steps.items[at].container = strdup(c->id)))
    return err_no_memory(err);
  return chain(p, at, last, err);
}

/* What a connection was made with, so that undo can make it again. The engine adds the container's short ID as an alias
 * by itself. */
static cJSON *endpoint_before(const struct observed_container *c, const cJSON *have) {
  static const char *const kept[] = {"IPAMConfig", "Links", "DriverOpts"};
  cJSON *endpoint = cJSON_CreateObject(), *aliases = cJSON_CreateArray();
  bool ok = json_put(endpoint, "Aliases", aliases);
  for (size_t i = 0; i < COUNT_OF(kept) && ok; i++)
    ok = !json_get(have, kept[i]) || json_put(endpoint, kept[i], cJSON_Duplicate(json_get(have, kept[i]), true));
  const cJSON *alias;
  cJSON_ArrayForEach(alias, json_get(have, "Aliases")) {
    bool own = cJSON_IsString(alias) && strncmp(alias->valuestring, c->id, 12) == 0;
    ok = ok && (own || cJSON_AddItemToArray(aliases, cJSON_Duplicate(alias, true)));
  }
  if (ok)
    return endpoint;
  cJSON_Delete(endpoint);
  return NULL;
}

static int disconnect(struct planner *p, struct service_work *w, const struct observed_container *c, const cJSON *have,
                      int *last, struct err *err) {
  cJSON *args = cJSON_CreateObject();
  if (!args || !json_put_str(args, "id", json_str(have, "NetworkID", "")) ||
      !json_put(args, "previous", endpoint_before(c, have))) {
    cJSON_Delete(args);
    return err_no_memory(err);
  }
  return network_step(p, w, c, STEP_NETWORK_DISCONNECT, have->string, args, last, err);
}

int planner_network_steps(struct planner *p, struct service_work *w, const struct observed_container *c, int *last,
                          struct err *err) {
  const char *mode = own_mode(w->want->body);
  const cJSON *have = json_at(c->inspect, "NetworkSettings.Networks");
  const cJSON *want = json_at(w->want->body, "NetworkingConfig.EndpointsConfig");
  for (const cJSON *h = have ? have->child : NULL; h; h = h->next) {
    const cJSON *endpoint = wanted_endpoint(w, h->string);
    bool wanted = wants_network(w, mode, h->string), mend = wanted && endpoint && endpoint_lacks(endpoint, h);
    if ((!wanted || mend) && disconnect(p, w, c, h, last, err) < 0)
      return -1;
    if (mend && network_step(p, w, c, STEP_NETWORK_CONNECT, h->string, NULL, last, err) < 0)
      return -1;
  }
  if (!(want && want->child))
    return json_get(have, mode) ? 0 : network_step(p, w, c, STEP_NETWORK_CONNECT, mode, NULL, last, err);
  for (const cJSON *e = want->child; e; e = e->next)
    if (!json_get(have, e->string) && network_step(p, w, c, STEP_NETWORK_CONNECT, e->string, NULL, last, err) < 0)
      return -1;
  return 0;
}

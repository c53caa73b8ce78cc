#include "controller/manifest/check.h"

#include "api/base/json.h"
#include "controller/manifest/fleet_private.h"

static int check_placed(const struct fleet *fleet, const struct service *s, struct err *err) {
  if (s->machine < fleet->machine_count)
    return 0;
  return position_error(err, &s->pos,
                        "service %s has no machine: name one in x-tandem.services or in "
                        "deploy.placement.constraints (node.hostname == MACHINE)",
                        s->name);
}

static int check_replicas(const struct service *s, struct err *err) {
  if (s->replicas <= 1)
    return 0;
  return position_error(err, &s->pos, "service %s asks for %d replicas: one container a service is all there is so far",
                        s->name, s->replicas);
}

static int check_pids(const struct service *s, struct err *err) {
  if (s->limits.pids <= 0 || s->limits.pids >= CHECK_PIDS_LEAST)
    return 0;
  return position_error(err, s->limits.pids_pos.file ? &s->limits.pids_pos : &s->pos,
                        "service %s: a cap of %lld tasks (pids) is too low: a Python agent with two ZeroMQ contexts "
                        "needs more than that only to start, expected %d or more; max_threads is what sizes thread "
                        "pools",
                        s->name, (long long)s->limits.pids, CHECK_PIDS_LEAST);
}

/* The engine takes no reservation above the limit, no swap limit below it, and no limit below 6 MiB. */
static int check_memory(const struct service *s, struct err *err) {
  const cJSON *host = json_get(s->body, "HostConfig");
  int64_t limit = json_int(host, "Memory", 0), reserved = json_int(host, "MemoryReservation", 0);
  int64_t swap = json_int(host, "MemorySwap", 0), mib = 1048576;
  if (limit <= 0)
    return 0;
  if (limit < 6 * mib)
    return position_error(err, &s->pos, "service %s: a memory limit of %lld bytes is below the 6 MiB an engine takes",
                          s->name, (long long)limit);
  if (reserved > limit)
    return position_error(err, &s->pos, "service %s reserves more memory (%lld MiB) than its limit allows (%lld MiB)",
                          s->name, (long long)(reserved / mib), (long long)(limit / mib));
  if (swap > 0 && swap < limit)
    return position_error(err, &s->pos,
                          "service %s: memswap_limit, memory and swap together, is %lld MiB, below the memory limit "
                          "of %lld MiB",
                          s->name, (long long)(swap / mib), (long long)(limit / mib));
  return 0;
}

static int check_service(const struct fleet *fleet, const struct service *s, struct err *err) {
  if (check_placed(fleet, s, err) < 0 || check_replicas(s, err) < 0)
    return -1;
  return check_pids(s, err) < 0 ? -1 : check_memory(s, err);
}

int fleet_check(const struct fleet *fleet, struct err *err) {
  for (size_t i = 0; i < fleet->service_count; i++)
    if (check_service(fleet, &fleet->services[i], err) < 0)
      return -1;
  if (check_support(fleet, err) < 0 || check_names(fleet, err) < 0 || check_ports(fleet, err) < 0)
    return -1;
  return check_cycles(fleet, err) < 0 ? -1 : check_shared(fleet, err);
}

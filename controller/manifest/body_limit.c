/* x-tandem's limits, where no Compose key of the service sets its own; and what is in effect, for the checks. */
#include <math.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/manifest/body.h"

static double number_of(struct body *b, const char *name) {
  const cJSON *item = json_get(b->host, name);
  return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* What Compose sets is left; else the limit goes in. */
static int apply(struct body *b, const char *name, double limit, struct err *err) {
  if (limit <= 0 || json_get(b->host, name))
    return 0;
  return json_put(b->host, name, cJSON_CreateNumber(limit)) ? 0 : err_no_memory(err);
}

/* The engine refuses NanoCpus beside a quota or period of the same service. */
static bool has_quota(struct body *b) {
  return json_get(b->host, "CpuQuota") || json_get(b->host, "CpuPeriod");
}

int body_limits(struct body *b, struct err *err) {
  struct limits *limits = &b->service->limits;
  const struct node *pids = node_at(b->from, "deploy.resources.limits.pids");
  if (!pids)
    pids = node_get(b->from, "pids_limit");
  if ((!has_quota(b) && apply(b, "NanoCpus", (double)llround(limits->cpu_percent * 1e7), err) < 0) ||
      apply(b, "Memory", (double)limits->memory_mb * 1048576, err) < 0 ||
      apply(b, "PidsLimit", pids ? 0 : (double)limits->pids, err) < 0)
    return -1;
  limits->cpu_percent = number_of(b, "NanoCpus") / 1e7;
  limits->memory_mb = (int64_t)(number_of(b, "Memory") / 1048576);
  limits->pids = (int64_t)number_of(b, "PidsLimit");
  if (pids)
    limits->pids_pos = pids->pos;
  return 0;
}

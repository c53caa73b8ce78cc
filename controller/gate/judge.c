#include "controller/gate/judge.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"

static enum gate_answer fail_exited(const cJSON *inspect, const char *how, char *reason, size_t size) {
  const cJSON *state = json_get(inspect, "State");
  long long code = json_int(state, "ExitCode", 0);
  const char *error = json_str(state, "Error", "");
  snprintf(reason, size, "%s: exit code %lld%s%s%s", how, code, json_bool(state, "OOMKilled", false) ? ", out of memory" : "",
           *error ? ", " : "", error);
  return GATE_FAIL;
}

static bool has_restarted(const cJSON *inspect, int64_t restarts) {
  return json_bool(json_get(inspect, "State"), "Restarting", false) || json_int(inspect, "RestartCount", 0) > restarts;
}

/* The last probe's output, its first line. */
static enum gate_answer fail_unhealthy(const cJSON *inspect, const char *how, char *reason, size_t size) {
  const cJSON *health = json_at(inspect, "State.Health");
  const cJSON *log = json_get(health, "Log");
  const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
  const char *output = json_str(last, "Output", "");
  int length = (int)strcspn(output, "\r\n");
  snprintf(reason, size, "%s: %lld probes failed%s%.*s", how, (long long)json_int(health, "FailingStreak", 0),
           length ? ", last: " : "", length > 300 ? 300 : length, output);
  return GATE_FAIL;
}

/* An engine says "unhealthy" of every container that is paused or stopped, without a failed probe, and goes on saying so
 * until the first probe afterwards: then there is no verdict yet. */
static bool is_unhealthy(const cJSON *inspect) {
  const cJSON *health = json_at(inspect, "State.Health");
  int64_t retries = json_int(json_at(inspect, "Config.Healthcheck"), "Retries", 0);
  return strcmp(json_str(health, "Status", ""), "unhealthy") == 0 &&
         json_int(health, "FailingStreak", 0) >= (retries > 0 ? retries : 3);
}

enum gate_answer gate_judge_ready(const cJSON *inspect, bool completes, int64_t restarts, char *reason, size_t size) {
  const cJSON *state = json_get(inspect, "State");
  const char *health = json_str(json_get(state, "Health"), "Status", "none");
  bool running = json_bool(state, "Running", false) && !json_bool(state, "Restarting", false);
  if (completes && !running && strcmp(json_str(state, "Status", ""), "exited") == 0)
    return json_int(state, "ExitCode", -1) == 0 ? GATE_PASS : fail_exited(inspect, "ended badly", reason, size);
  if (has_restarted(inspect, restarts))
    return fail_exited(inspect, "exits after its start", reason, size);
  if (!running)
    return fail_exited(inspect, "does not stay up", reason, size);
  if (completes)
    return GATE_WAIT;
  if (is_unhealthy(inspect))
    return fail_unhealthy(inspect, "never healthy", reason, size);
  return strcmp(health, "starting") == 0 || strcmp(health, "unhealthy") == 0 ? GATE_WAIT : GATE_PASS;
}

enum gate_answer gate_judge_hold(const cJSON *inspect, int64_t restarts, char *reason, size_t size) {
  const cJSON *state = json_get(inspect, "State");
  if (has_restarted(inspect, restarts))
    return fail_exited(inspect, "restarted while it was watched", reason, size);
  if (!json_bool(state, "Running", false))
    return fail_exited(inspect, "ended while it was watched", reason, size);
  const char *health = json_str(json_get(state, "Health"), "Status", "");
  if (strcmp(health, "unhealthy") == 0)
    return fail_unhealthy(inspect, "became unhealthy while it was watched", reason, size);
  return strcmp(health, "starting") == 0 ? GATE_WAIT : GATE_PASS;
}

cJSON *gate_probe_command(const cJSON *inspect) {
  const cJSON *test = json_at(inspect, "Config.Healthcheck.Test");
  const char *form = cJSON_GetStringValue(cJSON_GetArrayItem(test, 0));
  if (form && strcmp(form, "CMD") == 0) {
    cJSON *command = cJSON_Duplicate(test, true);
    cJSON_DeleteItemFromArray(command, 0);
    return command;
  }
  const char *line = cJSON_GetStringValue(cJSON_GetArrayItem(test, 1));
  if (!form || !line || strcmp(form, "CMD-SHELL") != 0)
    return NULL;
  const cJSON *shell = json_at(inspect, "Config.Shell");
  cJSON *command = cJSON_GetArraySize(shell) > 0 ? cJSON_Duplicate(shell, true) : NULL;
  const char *usual[] = {"/bin/sh", "-c"};
  if (!command)
    command = cJSON_CreateStringArray(usual, 2);
  cJSON_AddItemToArray(command, cJSON_CreateString(line));
  return command;
}

static int64_t ns_to_ms(const cJSON *check, const char *name, int64_t fallback_ms) {
  int64_t ns = json_int(check, name, 0);
  return ns > 0 ? ns / 1000000 : fallback_ms;
}

int64_t gate_deadline_ms(const cJSON *inspect) {
  const cJSON *check = json_at(inspect, "Config.Healthcheck");
  if (!json_get(json_get(inspect, "State"), "Health"))
    return -1;
  int64_t retries = json_int(check, "Retries", 0);
  if (retries <= 0)
    retries = 3;
  return ns_to_ms(check, "StartPeriod", 0) +
         (retries + 1) * (ns_to_ms(check, "Interval", 30000) + ns_to_ms(check, "Timeout", 30000)) + 10000;
}

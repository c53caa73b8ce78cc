#include "controller/deploy/diagnose.h"

#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/engine/container.h"

enum { LAST_LINES = 10, OUTPUT_LIMIT = 64 * 1024, HEALTH_LIMIT = 2000 };

struct diagnosis {
  struct engine *engine;
  struct engine_call *call;
  char id[65];
  cJSON *state; /* as it was found; may be NULL */
  cJSON *report;
  struct buf output;
  diagnose_cb *cb;
  void *arg;
};

static void finish(struct diagnosis *d) {
  d->cb(d->arg, d->report);
  cJSON_Delete(d->state);
  buf_release(&d->output);
  free(d);
}

/* Lines with control characters replaced: a container's output is not to be trusted on a terminal. */
static void add_lines(struct diagnosis *d) {
  cJSON *logs = cJSON_CreateArray();
  char *text = (char *)buf_text(&d->output), *save = NULL;
  for (char *line = strtok_r(text, "\r\n", &save); logs && line; line = strtok_r(NULL, "\r\n", &save)) {
    for (char *p = line; *p; p++)
      if ((unsigned char)*p < 0x20 || *p == 0x7f)
        *p = *p == '\t' ? ' ' : '?';
    cJSON *item = cJSON_CreateString(line);
    if (!item || !cJSON_AddItemToArray(logs, item))
      cJSON_Delete(item);
  }
  json_put(d->report, "logs", logs);
}

static void on_output(void *arg, int stream, const char *data, size_t len) {
  struct diagnosis *d = arg;
  (void)stream;
  buf_append(&d->output, data, len, NULL); /* past the limit the rest is dropped */
}

static void logs_ended(void *arg, const struct engine_reply *reply, struct err *err) {
  struct diagnosis *d = arg;
  (void)reply;
  (void)err; /* what came before the end is worth showing */
  if (d->output.len)
    add_lines(d);
  finish(d);
}

static cJSON *health_json(const cJSON *health) {
  const cJSON *log = json_get(health, "Log");
  const char *output = json_str(cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1), "Output", "");
  cJSON *json = cJSON_CreateObject();
  char *text = strndup(output, HEALTH_LIMIT);
  if (text)
    text[strcspn(text, "\r\n")] = '\0';
  json_put_str(json, "status", json_str(health, "Status", ""));
  json_put_int(json, "failing_streak", json_int(health, "FailingStreak", 0));
  json_put_str(json, "output", text ? text : "");
  free(text);
  return json;
}

static void inspected(void *arg, const struct engine_reply *reply, struct err *err) {
  struct diagnosis *d = arg;
  (void)err;
  if (!reply || !(d->report = cJSON_CreateObject())) {
    finish(d);
    return;
  }
  const cJSON *state = d->state ? d->state : json_get(reply->json, "State"), *health = json_get(state, "Health");
  json_put_str(d->report, "status", json_str(state, "Status", ""));
  json_put_int(d->report, "exit_code", json_int(state, "ExitCode", 0));
  json_put_bool(d->report, "oom_killed", json_bool(state, "OOMKilled", false));
  if (*json_str(state, "Error", ""))
    json_put_str(d->report, "error", json_str(state, "Error", ""));
  if (cJSON_IsObject(health))
    json_put(d->report, "health", health_json(health));
  bool tty = json_bool(json_get(reply->json, "Config"), "Tty", false);
  struct container_logs_options options = {.tail = LAST_LINES};
  d->call = container_logs(d->engine, d->id, tty, &options, on_output, logs_ended, d);
}

struct diagnosis *diagnose_start(struct engine *e, const char *container_id, const cJSON *state, diagnose_cb *cb,
                                 void *arg) {
  struct diagnosis *d = calloc(1, sizeof(*d));
  if (!d)
    return NULL;
  *d = (struct diagnosis){.engine = e, .cb = cb, .arg = arg, .output = BUF_INIT(OUTPUT_LIMIT)};
  d->state = state ? cJSON_Duplicate(state, true) : NULL;
  strncpy(d->id, container_id, sizeof(d->id) - 1);
  d->call = container_inspect(e, d->id, inspected, d);
  return d;
}

void diagnose_cancel(struct diagnosis *d) {
  engine_call_cancel(d->call);
}

#include "controller/deploy/lock_seat.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"

/* 0 stands for "does not happen here": the state stays. */
#define TO(state) ((state) + 1)
static const unsigned char course[SEAT_STATE_COUNT][SEAT_EVENT_COUNT] = {
    [SEAT_FREE] = {[SEAT_BEGIN] = TO(SEAT_LOOK)},
    [SEAT_LOOK] = {[SEAT_ABSENT] = TO(SEAT_CREATE),
                   [SEAT_OURS] = TO(SEAT_HELD),
                   [SEAT_DEAD] = TO(SEAT_REMOVE),
                   [SEAT_ALIVE] = TO(SEAT_REFUSED),
                   [SEAT_UNSURE] = TO(SEAT_WATCH),
                   [SEAT_FAILED] = TO(SEAT_REFUSED)},
    [SEAT_CREATE] = {[SEAT_MADE] = TO(SEAT_HELD),
                     [SEAT_TAKEN] = TO(SEAT_LOOK),
                     [SEAT_NO_IMAGE] = TO(SEAT_IMPORT),
                     [SEAT_UNKNOWN] = TO(SEAT_LOOK),
                     [SEAT_FAILED] = TO(SEAT_REFUSED)},
    [SEAT_IMPORT] = {[SEAT_DONE] = TO(SEAT_CREATE), [SEAT_FAILED] = TO(SEAT_REFUSED)},
    [SEAT_WATCH] = {[SEAT_DONE] = TO(SEAT_LOOK)},
    [SEAT_REMOVE] = {[SEAT_DONE] = TO(SEAT_CREATE), [SEAT_UNKNOWN] = TO(SEAT_LOOK), [SEAT_FAILED] = TO(SEAT_REFUSED)},
    [SEAT_HELD] = {[SEAT_GONE] = TO(SEAT_CREATE), [SEAT_EXPIRED] = TO(SEAT_LOST)},
};

enum seat_state seat_next(enum seat_state state, enum seat_event event, bool was_held) {
  unsigned char to = course[state][event];
  bool others = event == SEAT_DEAD || event == SEAT_ALIVE || event == SEAT_UNSURE;
  if (was_held && ((state == SEAT_LOOK && others) || event == SEAT_EXPIRED))
    return SEAT_LOST;
  if (was_held && to == TO(SEAT_REFUSED))
    return SEAT_LOOK; /* an owner does not give up for an error: its lease runs out by itself meanwhile */
  return to ? (enum seat_state)(to - 1) : state;
}

const char *seat_state_name(enum seat_state state) {
  static const char *const names[SEAT_STATE_COUNT] = {"free",   "look", "create",  "import", "watch",
                                                      "remove", "held", "refused", "lost"};
  return (size_t)state < SEAT_STATE_COUNT ? names[state] : "unknown";
}

int64_t seat_epoch(const cJSON *inspect) {
  return strtoll(json_str(json_at(inspect, "Config.Labels"), "tandem.epoch", "0"), NULL, 10);
}

/* Labels have dots in their names, so json_at() ends at the map. */
static const char *label(const cJSON *inspect, const char *name) {
  return json_str(json_at(inspect, "Config.Labels"), name, "");
}

static bool told_holder(const cJSON *inspect, struct holder *ret) {
  const char *text = label(inspect, "tandem.holder");
  CLEANUP_JSON cJSON *json = NULL;
  return json_parse(text, strlen(text), &json, NULL) == 0 && holder_parse(json, ret);
}

enum seat_event seat_judge(const cJSON *inspect, const char *token, uint64_t now_ms, struct seat_watch *w,
                           struct holder *ret_holder) {
  const char *id = json_str(inspect, "Id", "");
  int64_t beat = json_int(json_at(inspect, "HostConfig.RestartPolicy"), "MaximumRetryCount", 0);
  *ret_holder = (struct holder){0};
  if (strcmp(label(inspect, "tandem.role"), "lock") != 0)
    return SEAT_FAILED;
  if (strcmp(label(inspect, "tandem.token"), token) == 0)
    return SEAT_OURS;
  enum holder_life life = told_holder(inspect, ret_holder) ? holder_life(ret_holder) : HOLDER_UNSURE;
  if (holder_is_self(ret_holder))
    return SEAT_DEAD; /* of an earlier session of this process, which could not give it back */
  if (life != HOLDER_UNSURE)
    return life == HOLDER_ENDED ? SEAT_DEAD : SEAT_ALIVE;
  bool known = strcmp(w->id, id) == 0;
  if (known && w->beat != beat)
    return SEAT_ALIVE;
  if (known)
    return now_ms - w->since_ms >= LOCK_STALE_MS ? SEAT_DEAD : SEAT_UNSURE;
  snprintf(w->id, sizeof(w->id), "%s", id);
  w->beat = beat;
  w->since_ms = now_ms;
  return SEAT_UNSURE;
}

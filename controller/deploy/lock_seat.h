/* The course of the fleet's lock on one engine: a table, and what its present owner's container tells. Pure. */
#ifndef TANDEM_DEPLOY_LOCK_SEAT_H
#define TANDEM_DEPLOY_LOCK_SEAT_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "controller/state/holder.h"

/* A holder shows that it lives every BEAT; what it sends is sent within HOLD of the last beat that was answered; others
 * take the lock when they have seen no beat for STALE, and then wait for HOLD: a beat that came just before they took
 * it may have given the old holder as much. All by each one's own clock. */
enum { LOCK_BEAT_MS = 2000, LOCK_HOLD_MS = 10000, LOCK_STALE_MS = 15000, LOCK_LOOK_MS = 1000 };

enum seat_state {
  SEAT_FREE,   /* nothing begun, or given back */
  SEAT_LOOK,   /* whose is it? */
  SEAT_CREATE, /* by the name: one wins */
  SEAT_IMPORT, /* the image for it is missing */
  SEAT_WATCH,  /* another's: does it beat? */
  SEAT_REMOVE, /* of a dead holder's, by its full ID */
  SEAT_HELD,
  SEAT_REFUSED, /* another's, or an error */
  SEAT_LOST,    /* was held and is another's now */
  SEAT_STATE_COUNT
};

enum seat_event {
  SEAT_BEGIN,
  SEAT_ABSENT, /* no container of that name */
  SEAT_OURS,   /* it is this process's, a reply was lost */
  SEAT_DEAD,   /* its holder has ended, or is silent for too long */
  SEAT_ALIVE,
  SEAT_UNSURE, /* cannot be known yet */
  SEAT_MADE,   /* created */
  SEAT_TAKEN,  /* the name was taken */
  SEAT_NO_IMAGE,
  SEAT_UNKNOWN, /* the reply was lost */
  SEAT_DONE,    /* imported, removed, or it is time to look again */
  SEAT_GONE,    /* the container that was held is not there any more */
  SEAT_EXPIRED, /* the container that was held is gone or made anew, but too late to know who was there meanwhile */
  SEAT_FAILED,
  SEAT_EVENT_COUNT
};

/* was_held: an owner that finds another one has lost the lock, a newcomer looks at who that is. */
enum seat_state seat_next(enum seat_state state, enum seat_event event, bool was_held);
const char *seat_state_name(enum seat_state state);

/* What a newcomer remembers between two looks. */
struct seat_watch {
  char id[65]; /* "" before the first look */
  int64_t beat;
  uint64_t since_ms; /* of that beat */
};
/* inspect: of the lock's container. token: this process's. Fills *ret_holder where it can be told. The answer is
 * SEAT_FAILED for a container that is no lock of tandem's. */
enum seat_event seat_judge(const cJSON *inspect, const char *token, uint64_t now_ms, struct seat_watch *w,
                           struct holder *ret_holder);
/* The epoch that a lock's container tells; 0 when none. */
int64_t seat_epoch(const cJSON *inspect);

#endif

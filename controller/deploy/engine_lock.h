/* The fleet's lock on the engines themselves, for operators with a state folder each: on every engine one container of
 * a fixed name, tandem.PROJECT.lock, that is never started. Creating a name is a compare-and-swap; its labels tell who
 * holds it and in which epoch, its restart policy's count is the heartbeat. The container's ID is what fences: an owner
 * that was paused finds its own gone, and each changing request asks the fence as the last thing before it is written.
 *
 * Engines are locked one after the other in the order of their IDs, so that of two operators one gets all. */
#ifndef TANDEM_DEPLOY_ENGINE_LOCK_H
#define TANDEM_DEPLOY_ENGINE_LOCK_H

#include "controller/log/log.h"
#include "controller/observe/machines.h"

struct engine_lock;

struct engine_lock_options {
  struct uv_loop_s *loop;
  struct machines *machines; /* open; outlive the lock */
  struct log *log;
  const char *project;
  const char *command; /* for who waits */
  const char *state_dir;
  int64_t epoch; /* greater than any that the state knows */
  /* Once, from the loop, when the lock was held and is another's: nothing is sent to that engine any more. */
  void (*lost_cb)(void *arg, const struct err *why);
  void *lost_arg;
};

/* err NULL: held on every engine, and every engine fenced with it. ERR_LOCKED names the holder. Watching whether a
 * silent holder lives takes up to LOCK_STALE_MS + LOCK_HOLD_MS (lock_seat.h). */
typedef void engine_lock_cb(void *arg, struct err *err);
/* cb runs once, from the loop. -1 (cb does not run, nothing to drop) only without memory. After an error the lock is
 * to be dropped all the same. */
int engine_lock_take(const struct engine_lock_options *options, struct engine_lock **ret_lock, engine_lock_cb *cb,
                     void *arg, struct err *err);
/* Is it known now, on every engine, whether the lock is still held? Not after a pause, until the next heartbeat. */
bool engine_lock_is_sure(const struct engine_lock *lock);
/* Gives back what is held, ends the fence, frees the lock; cb from the loop. An engine that does not answer keeps its
 * container: it is a dead holder's from then on. */
void engine_lock_drop(struct engine_lock *lock, void (*cb)(void *arg), void *arg);

#endif

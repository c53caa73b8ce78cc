#include "controller/deploy/engine_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "api/engine/image.h"
#include "controller/deploy/lock_seat.h"
#include "controller/deploy/mark.h"

enum { BEAT_DEADLINE_MS = 5000 };

struct seat {
  struct engine_lock *lock;
  struct engine *engine;
  const char *machine;
  enum seat_state state;
  bool was_held;
  char id[65];
  bool ours; /* that container */
  int beat;
  bool busy;               /* a look or a beat is under way */
  uint64_t sent_ms;        /* of the create or beat under way */
  uint64_t valid_until_ms; /* what may be sent while it is held */
  struct seat_watch watch;
  struct holder other;
  struct err why; /* REFUSED or LOST */
};

struct engine_lock {
  struct engine_lock_options o;
  char *project, *name, *command, *state_dir;
  char token[33];
  struct seat *seats;
  size_t count, at; /* at: the one that is being taken */
  size_t under_way; /* calls */
  uint64_t not_before_ms;
  uv_timer_t beat, again; /* again: look again, or the old holder's lease has run out */
  int open_timers;
  bool taking, dropping;
  engine_lock_cb *cb;
  void *arg;
  void (*dropped_cb)(void *arg);
  void *dropped_arg;
};

static void enter(struct seat *s);
static void seat_on(struct seat *s, enum seat_event event);

/* Goes on while the machine sleeps, as the leases of others do. */
static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void lock_free(struct engine_lock *l) {
  for (size_t i = 0; i < l->count; i++)
    err_release(&l->seats[i].why);
  free(l->seats);
  free(l->project);
  free(l->name);
  free(l->command);
  free(l->state_dir);
  free(l);
}

static void check_dropped(struct engine_lock *l) {
  if (!l->dropping || l->under_way || l->open_timers)
    return;
  void (*cb)(void *arg) = l->dropped_cb;
  void *arg = l->dropped_arg;
  lock_free(l);
  cb(arg);
}

static void call_began(struct seat *s) {
  s->lock->under_way++;
}

/* True: the lock is being dropped, and nothing is to be done any more. */
static bool call_ended(struct seat *s) {
  struct engine_lock *l = s->lock;
  l->under_way--;
  return l->dropping;
}

/* --- taking ------------------------------------------------------------------------------------------------------ */

static void taken(struct engine_lock *l) {
  if (!l->taking)
    return;
  l->taking = false;
  log_emit(l->o.log, LOG_LOCK_TAKEN, LOG_FIELDS(.project = l->project), "the fleet is locked, epoch %lld",
           (long long)l->o.epoch);
  l->cb(l->arg, NULL);
}

static void on_again(uv_timer_t *timer) {
  struct engine_lock *l = timer->data;
  if (l->at < l->count)
    seat_on(&l->seats[l->at], SEAT_DONE);
  else
    taken(l);
}

static enum engine_fence fence(void *arg, struct err *why) {
  const struct seat *s = arg;
  if (s->state == SEAT_LOST) {
    err_copy(why, &s->why);
    return FENCE_BROKEN;
  }
  uint64_t now = now_ms();
  if (s->state == SEAT_HELD && now < s->valid_until_ms)
    return FENCE_OPEN;
  err_set(why, ERR_UNREACHABLE, "the lock on %s could not be renewed in time", s->machine);
  return FENCE_SHUT;
}

/* The next engine, or all are held; then the lease of an owner that was silent, and perhaps only paused, runs out. */
static void take_next(struct engine_lock *l) {
  uint64_t now = now_ms();
  if (!l->taking)
    return;
  if (l->at < l->count) {
    seat_on(&l->seats[l->at], SEAT_BEGIN);
    return;
  }
  for (size_t i = 0; i < l->count; i++)
    engine_set_fence(l->seats[i].engine, fence, &l->seats[i]);
  if (l->not_before_ms > now)
    uv_timer_start(&l->again, on_again, l->not_before_ms - now, 0);
  else
    taken(l);
}

static void held(struct seat *s) {
  struct engine_lock *l = s->lock;
  s->valid_until_ms = s->sent_ms + LOCK_HOLD_MS;
  if (s->was_held) {
    engine_fence_changed(s->engine);
    return;
  }
  s->was_held = true;
  l->at++;
  take_next(l);
}

static void refused(struct seat *s) {
  struct engine_lock *l = s->lock;
  if (!l->taking)
    return;
  l->taking = false;
  struct err err = ERR_INIT;
  err_copy(&err, &s->why);
  l->cb(l->arg, &err);
  err_release(&err);
}

static void lost(struct seat *s) {
  struct engine_lock *l = s->lock;
  char text[300];
  holder_text(&s->other, text, sizeof(text));
  if (s->other.pid)
    err_set(&s->why, ERR_LOCKED, "the lock on %s was taken over by %s", s->machine, text);
  else
    err_set(&s->why, ERR_LOCKED,
            "the lock on %s was lost while this process was paused: another tandem may have changed the fleet",
            s->machine);
  log_emit(l->o.log, LOG_LOCK_LOST, LOG_FIELDS(.project = l->project, .machine = s->machine, .err = &s->why), "%s",
           err_text(&s->why));
  engine_fence_changed(s->engine);
  if (l->taking)
    refused(s);
  else if (l->o.lost_cb)
    l->o.lost_cb(l->o.lost_arg, &s->why);
}

/* --- one engine's steps ------------------------------------------------------------------------------------------ */

static void note_other(struct seat *s, enum seat_event event) {
  struct engine_lock *l = s->lock;
  char text[300] = "another tandem";
  if (s->was_held)
    return;
  if (s->other.pid)
    holder_text(&s->other, text, sizeof(text));
  if (event == SEAT_ALIVE)
    err_set(&s->why, ERR_LOCKED, "%s is locked by %s", s->machine, text);
  else if (event == SEAT_FAILED)
    err_set(&s->why, ERR_CONFLICT, "%s: a container named %s is there and is no lock of tandem's: rename it",
            s->machine, l->name);
  else if (event == SEAT_DEAD)
    log_emit(l->o.log, LOG_LOCK_TAKEN_OVER, LOG_FIELDS(.project = l->project, .machine = s->machine),
             "taking over the lock of %s, which has ended or is silent", text);
  else if (event == SEAT_UNSURE && s->watch.since_ms + LOCK_LOOK_MS > now_ms())
    log_emit(l->o.log, LOG_LOCK_WATCH, LOG_FIELDS(.project = l->project, .machine = s->machine),
             "%s is locked by %s: watching for up to %d s whether it lives", s->machine, text, LOCK_STALE_MS / 1000);
}

static void looked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  struct engine_lock *l = s->lock;
  s->busy = false;
  if (call_ended(s)) {
    check_dropped(l);
    return;
  }
  if (!reply && err->http_status == 404) {
    seat_on(s, SEAT_ABSENT);
  } else if (!reply) {
    err_move(&s->why, err);
    seat_on(s, SEAT_FAILED);
  } else {
    uint64_t now = now_ms();
    enum seat_event event = seat_judge(reply->json, l->token, now, &s->watch, &s->other);
    s->ours = event == SEAT_OURS;
    if (event == SEAT_OURS || event == SEAT_DEAD)
      snprintf(s->id, sizeof(s->id), "%s", json_str(reply->json, "Id", ""));
    if (event == SEAT_DEAD && holder_life(&s->other) == HOLDER_UNSURE)
      l->not_before_ms = now + LOCK_HOLD_MS;
    if (event == SEAT_DEAD && seat_epoch(reply->json) >= l->o.epoch)
      l->o.epoch = seat_epoch(reply->json) + 1;
    note_other(s, event);
    seat_on(s, event);
  }
}

static void look(struct seat *s) {
  s->busy = true;
  call_began(s);
  container_inspect(s->engine, s->lock->name, looked, s);
}

static cJSON *lock_labels(const struct engine_lock *l) {
  struct holder self;
  char epoch[32];
  CLEANUP_JSON cJSON *labels = cJSON_CreateObject();
  holder_self(l->command, l->state_dir, &self);
  snprintf(epoch, sizeof(epoch), "%lld", (long long)l->o.epoch);
  CLEANUP_JSON cJSON *holder = holder_json(&self);
  CLEANUP_FREE char *text = holder ? json_text(holder) : NULL;
  if (labels && text && json_put_str(labels, "tandem.project", l->project) &&
      json_put_str(labels, "tandem.role", "lock") && json_put_str(labels, "tandem.token", l->token) &&
      json_put_str(labels, "tandem.epoch", epoch) && json_put_str(labels, "tandem.holder", text))
    return STEAL(labels);
  return NULL;
}

static void made(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  struct engine_lock *l = s->lock;
  bool ended = call_ended(s);
  s->ours = reply != NULL;
  if (reply)
    snprintf(s->id, sizeof(s->id), "%s", json_str(reply->json, "Id", ""));
  if (ended) { /* dropped meanwhile: what was made just now goes too */
    if (reply) {
      engine_lock_drop(l, l->dropped_cb, l->dropped_arg);
    }
    check_dropped(l);
    return;
  }
  if (reply)
    seat_on(s, strlen(s->id) == 64 ? SEAT_MADE : SEAT_UNKNOWN);
  else if (err->http_status == 409)
    seat_on(s, SEAT_TAKEN);
  else if (err->http_status == 404)
    seat_on(s, SEAT_NO_IMAGE);
  else {
    bool unknown = err_is_unknown_result(err);
    err_move(&s->why, err);
    seat_on(s, unknown ? SEAT_UNKNOWN : SEAT_FAILED);
  }
}

static void create(struct seat *s) {
  CLEANUP_JSON cJSON *labels = lock_labels(s->lock);
  CLEANUP_JSON cJSON *body = labels ? mark_body(STEAL(labels)) : NULL;
  if (!body) {
    err_no_memory(&s->why);
    seat_on(s, SEAT_FAILED);
    return;
  }
  s->sent_ms = now_ms();
  call_began(s);
  engine_call_unfence(container_create(s->engine, s->lock->name, NULL, body, made, s));
}

static void imported(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  struct engine_lock *l = s->lock;
  if (call_ended(s)) {
    check_dropped(l);
    return;
  }
  if (!reply)
    err_move(&s->why, err);
  seat_on(s, reply ? SEAT_DONE : SEAT_FAILED);
}

static void import(struct seat *s) {
  call_began(s);
  engine_call_unfence(mark_import(s->engine, imported, s));
}

static void removed(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  struct engine_lock *l = s->lock;
  if (call_ended(s)) {
    check_dropped(l);
    return;
  }
  bool gone = reply || err->http_status == 404;
  bool again = !gone && (err->http_status == 409 || err_is_unknown_result(err));
  if (!gone)
    err_move(&s->why, err);
  seat_on(s, gone ? SEAT_DONE : again ? SEAT_UNKNOWN : SEAT_FAILED);
}

static void remove_other(struct seat *s) {
  call_began(s);
  container_remove(s->engine, s->id, true, false, removed, s);
}

static void peeked(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  (void)err; /* its own look tells */
  if (call_ended(s)) {
    check_dropped(s->lock);
    return;
  }
  if (reply)
    seat_judge(reply->json, s->lock->token, now_ms(), &s->watch, &s->other);
}

/* The engines that come later are watched already: one wait serves all. */
static void watch(struct seat *s) {
  for (struct seat *later = s + 1; later < s->lock->seats + s->lock->count; later++) {
    call_began(later);
    container_inspect(later->engine, s->lock->name, peeked, later);
  }
  uv_timer_start(&s->lock->again, on_again, LOCK_LOOK_MS, 0);
}

/* By state: what is done on entering it. An owner that looks again after an error does so with its next beat. */
static void (*const entry[SEAT_STATE_COUNT])(struct seat *s) = {
    [SEAT_LOOK] = look,           [SEAT_CREATE] = create, [SEAT_IMPORT] = import,   [SEAT_WATCH] = watch,
    [SEAT_REMOVE] = remove_other, [SEAT_HELD] = held,     [SEAT_REFUSED] = refused, [SEAT_LOST] = lost,
};

static void enter(struct seat *s) {
  if (entry[s->state])
    entry[s->state](s);
}

static void seat_on(struct seat *s, enum seat_event event) {
  enum seat_state next = seat_next(s->state, event, s->was_held);
  if (next == SEAT_HELD && s->was_held && s->sent_ms >= s->valid_until_ms)
    next = seat_next(s->state, SEAT_EXPIRED, true);
  bool waits = s->was_held && event == SEAT_FAILED; /* the next beat looks */
  s->state = next;
  if (!waits)
    enter(s);
}

/* --- heartbeat --------------------------------------------------------------------------------------------------- */

static void beaten(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  struct engine_lock *l = s->lock;
  s->busy = false;
  if (call_ended(s)) {
    check_dropped(l);
    return;
  }
  if (s->state != SEAT_HELD)
    return;
  if (reply) {
    s->valid_until_ms = s->sent_ms + LOCK_HOLD_MS;
    engine_fence_changed(s->engine);
  } else if (err->http_status == 404 && now_ms() >= s->valid_until_ms) {
    seat_on(s, SEAT_EXPIRED);
  } else if (err->http_status == 404) {
    log_emit(l->o.log, LOG_LOCK_GONE, LOG_FIELDS(.project = l->project, .machine = s->machine),
             "the lock on %s is gone (docker container prune?); taking it again", s->machine);
    seat_on(s, SEAT_GONE);
  }
}

static void on_beat(uv_timer_t *timer) {
  struct engine_lock *l = timer->data;
  for (size_t i = 0; i < l->count; i++) {
    struct seat *s = &l->seats[i];
    if (s->busy || !s->was_held)
      continue;
    if (s->state == SEAT_LOOK) {
      look(s);
    } else if (s->state == SEAT_HELD) {
      s->busy = true;
      s->sent_ms = now_ms();
      call_began(s);
      container_beat(s->engine, s->id, ++s->beat, BEAT_DEADLINE_MS, beaten, s);
    }
  }
}

bool engine_lock_is_sure(const struct engine_lock *l) {
  for (size_t i = 0; i < l->count; i++)
    if (l->seats[i].state == SEAT_LOST)
      return true; /* and that is enough */
  for (size_t i = 0; i < l->count; i++)
    if (l->seats[i].state != SEAT_HELD || now_ms() >= l->seats[i].valid_until_ms)
      return false;
  return true;
}

/* --- beginning and end ------------------------------------------------------------------------------------------- */

static int by_engine_id(const void *a, const void *b) {
  const struct seat *x = a, *y = b;
  return strcmp(engine_id(x->engine), engine_id(y->engine));
}

/* Two machines may be one engine under two names. */
static void add_seats(struct engine_lock *l) {
  for (size_t i = 0; i < l->o.machines->count; i++) {
    const struct machine_link *link = &l->o.machines->items[i];
    bool known = !link->open;
    for (size_t k = 0; k < l->count && !known; k++)
      known = strcmp(engine_id(l->seats[k].engine), engine_id(link->engine)) == 0;
    if (!known)
      l->seats[l->count++] = (struct seat){.lock = l, .engine = link->engine, .machine = link->name};
  }
  if (l->count)
    qsort(l->seats, l->count, sizeof(*l->seats), by_engine_id);
}

static void make_token(char ret_token[33]) {
  unsigned char bytes[16];
  if (uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL) < 0) /* never on Linux; the pid and time differ too */
    snprintf((char *)bytes, sizeof(bytes), "%llx", (unsigned long long)now_ms());
  for (int i = 0; i < 16; i++)
    snprintf(ret_token + 2 * i, 3, "%02x", bytes[i]);
}

static void on_begin(uv_timer_t *timer) {
  take_next(timer->data);
}

int engine_lock_take(const struct engine_lock_options *options, struct engine_lock **ret_lock, engine_lock_cb *cb,
                     void *arg, struct err *err) {
  struct engine_lock *l = calloc(1, sizeof(*l));
  if (!l)
    return err_no_memory(err);
  l->o = *options;
  l->cb = cb;
  l->arg = arg;
  l->taking = true;
  l->project = strdup(options->project);
  l->command = strdup(options->command ? options->command : "");
  l->state_dir = strdup(options->state_dir ? options->state_dir : "");
  l->name = mark_name(options->project, "lock");
  l->seats = calloc(options->machines->count + 1, sizeof(*l->seats));
  if (!l->project || !l->command || !l->state_dir || !l->name || !l->seats) {
    lock_free(l);
    return err_no_memory(err);
  }
  make_token(l->token);
  add_seats(l);
  uv_timer_init(options->loop, &l->beat);
  uv_timer_init(options->loop, &l->again);
  l->open_timers = 2;
  l->beat.data = l->again.data = l;
  uv_timer_start(&l->beat, on_beat, LOCK_BEAT_MS, LOCK_BEAT_MS);
  uv_timer_start(&l->again, on_begin, 0, 0);
  *ret_lock = l;
  return 0;
}

static void given_back(void *arg, const struct engine_reply *reply, struct err *err) {
  struct seat *s = arg;
  struct engine_lock *l = s->lock;
  l->under_way--;
  if (!reply && err->http_status != 404)
    log_emit(l->o.log, LOG_LOCK_LEFT, LOG_FIELDS(.project = l->project, .machine = s->machine, .err = err),
             "the lock on %s could not be given back", s->machine);
  check_dropped(l);
}

static void timer_closed(uv_handle_t *handle) {
  struct engine_lock *l = handle->data;
  l->open_timers--;
  check_dropped(l);
}

static void close_timers(struct engine_lock *l) {
  if (uv_is_closing((uv_handle_t *)&l->beat))
    return;
  uv_close((uv_handle_t *)&l->beat, timer_closed);
  uv_close((uv_handle_t *)&l->again, timer_closed);
}

void engine_lock_drop(struct engine_lock *l, void (*cb)(void *arg), void *arg) {
  l->dropping = true;
  l->dropped_cb = cb;
  l->dropped_arg = arg;
  for (size_t i = 0; i < l->count; i++) {
    struct seat *s = &l->seats[i];
    engine_set_fence(s->engine, NULL, NULL);
    if (!s->ours)
      continue;
    s->ours = false;
    l->under_way++;
    container_remove(s->engine, s->id, true, false, given_back, s);
  }
  close_timers(l);
}

#include "controller/deploy/walk.h"

#include <stdlib.h>
#include <string.h>

int walk_init(struct walk *w, const struct steps *steps, struct err *err) {
  size_t edges = 0, n = steps->count;
  for (size_t i = 0; i < n; i++)
    edges += steps->items[i].after_count;
  *w = (struct walk){.steps = steps};
  w->status = calloc(n + 1, sizeof(*w->status));
  w->unreachable = calloc(n + 1, sizeof(*w->unreachable));
  w->next_start = calloc(n + 2, sizeof(*w->next_start));
  w->followers = calloc(edges + 1, sizeof(*w->followers));
  if (!w->status || !w->unreachable || !w->next_start || !w->followers) {
    walk_release(w);
    return err_no_memory(err);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < steps->items[i].after_count; k++)
      w->next_start[steps->items[i].after[k] + 2]++;
  for (size_t i = 2; i < n + 2; i++)
    w->next_start[i] += w->next_start[i - 1];
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < steps->items[i].after_count; k++)
      w->followers[w->next_start[steps->items[i].after[k] + 1]++] = (int)i;
  return 0;
}

void walk_release(struct walk *w) {
  free(w->status);
  free(w->unreachable);
  free(w->next_start);
  free(w->followers);
  *w = (struct walk){0};
}

bool walk_can_run(const struct walk *w, int step, enum step_phase phase) {
  const struct step *s = &w->steps->items[step];
  if (w->status[step] != STEP_WAITING || s->phase != phase)
    return false;
  for (size_t i = 0; i < s->after_count; i++)
    if (w->status[s->after[i]] != STEP_DONE && (phase != PHASE_CLEANUP || w->status[s->after[i]] != STEP_FAILED))
      return false;
  return true;
}

static bool begun(enum step_status status) {
  return status == STEP_DONE || status == STEP_FAILED;
}

bool walk_stands(const struct walk *w, int step) {
  return w->status[step] != STEP_WAITING && w->status[step] != STEP_UNDONE;
}

void walk_set_unreachable(struct walk *w, const char *machine, bool unreachable) {
  for (size_t i = 0; i < w->steps->count; i++)
    if (strcmp(w->steps->items[i].machine, machine) == 0)
      w->unreachable[i] = unreachable;
}

/* A step of that kind and of the same service, on another machine, which does not answer. -1: none that still stands.
 */
static int counterpart(const struct walk *w, const struct step *s, enum step_kind kind) {
  for (size_t i = 0; i < w->steps->count && s->service; i++) {
    const struct step *other = &w->steps->items[i];
    if (other->kind == kind && w->unreachable[i] && walk_stands(w, (int)i) && other->service &&
        strcmp(other->service, s->service) == 0 && strcmp(other->machine, s->machine) != 0)
      return (int)i;
  }
  return -1;
}

/* Does a follower that still stands hold the step back? */
static bool holds_back(const struct walk *w, const struct step *s, int follower) {
  return walk_stands(w, follower) &&
         (!w->unreachable[follower] || strcmp(w->steps->items[follower].machine, s->machine) == 0);
}

enum walk_bar walk_undo_bar(const struct walk *w, int step, int *ret_other) {
  const struct step *s = &w->steps->items[step];
  int other = -1, *at = ret_other ? ret_other : &other;
  if (!begun(w->status[step]) || s->phase == PHASE_CLEANUP)
    return BAR_ORDER;
  if (w->unreachable[step])
    return BAR_UNREACHABLE;
  for (int i = w->next_start[step]; i < w->next_start[step + 1]; i++)
    if (holds_back(w, s, w->followers[i]))
      return BAR_ORDER;
  if (s->kind == STEP_CONTAINER_STOP && (*at = counterpart(w, s, STEP_CONTAINER_START)) >= 0)
    return BAR_TWICE;
  if (s->kind == STEP_CONTAINER_START && w->status[step] == STEP_DONE &&
      (*at = counterpart(w, s, STEP_CONTAINER_STOP)) >= 0 && w->status[*at] == STEP_DONE)
    return BAR_ONLY_COPY;
  return BAR_NONE;
}

bool walk_can_undo(const struct walk *w, int step) {
  return walk_undo_bar(w, step, NULL) == BAR_NONE;
}

bool walk_phase_done(const struct walk *w, enum step_phase phase) {
  for (size_t i = 0; i < w->steps->count; i++)
    if (w->steps->items[i].phase == phase && (w->status[i] == STEP_WAITING || w->status[i] == STEP_RUNNING))
      return false;
  return true;
}

bool walk_undo_done(const struct walk *w) {
  for (size_t i = 0; i < w->steps->count; i++)
    if (w->status[i] == STEP_UNDOING || w->status[i] == STEP_RUNNING || walk_can_undo(w, (int)i))
      return false;
  return true;
}

static const enum txn_state course[TXN_STATE_COUNT][TXN_EVENT_COUNT] = {
    /*                    ALL_DONE        FAILURE         IDLE            DURABLE         ABANDONED */
    [TXN_FORWARD] = {TXN_COMMITTING, TXN_DRAINING, TXN_FORWARD, TXN_FORWARD, TXN_END},
    [TXN_DRAINING] = {TXN_DRAINING, TXN_DRAINING, TXN_UNDOING, TXN_DRAINING, TXN_END},
    [TXN_UNDOING] = {TXN_CLOSING, TXN_UNDOING, TXN_UNDOING, TXN_UNDOING, TXN_END},
    [TXN_COMMITTING] = {TXN_COMMITTING, TXN_DRAINING, TXN_COMMITTING, TXN_CLEANING, TXN_COMMITTING},
    [TXN_CLEANING] = {TXN_CLOSING, TXN_CLEANING, TXN_CLEANING, TXN_CLEANING, TXN_END},
    [TXN_CLOSING] = {TXN_CLOSING, TXN_END, TXN_CLOSING, TXN_END, TXN_CLOSING},
    [TXN_END] = {TXN_END, TXN_END, TXN_END, TXN_END, TXN_END},
};

enum txn_state txn_next(enum txn_state state, enum txn_event event) {
  return course[state][event];
}

const char *txn_state_name(enum txn_state state) {
  static const char *const names[TXN_STATE_COUNT] = {"forward",  "draining", "undoing", "committing",
                                                     "cleaning", "closing",  "end"};
  return (size_t)state < TXN_STATE_COUNT ? names[state] : "unknown";
}

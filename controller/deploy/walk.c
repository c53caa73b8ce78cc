#include "controller/deploy/walk.h"

#include <stdlib.h>

int walk_init(struct walk *w, const struct steps *steps, struct err *err) {
  size_t edges = 0, n = steps->count;
  for (size_t i = 0; i < n; i++)
    edges += steps->items[i].after_count;
  *w = (struct walk){.steps = steps};
  w->status = calloc(n + 1, sizeof(*w->status));
  w->next_start = calloc(n + 2, sizeof(*w->next_start));
  w->followers = calloc(edges + 1, sizeof(*w->followers));
  if (!w->status || !w->next_start || !w->followers) {
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

bool walk_can_undo(const struct walk *w, int step) {
  if (!begun(w->status[step]) || w->steps->items[step].phase == PHASE_CLEANUP)
    return false;
  for (int i = w->next_start[step]; i < w->next_start[step + 1]; i++) {
    enum step_status follower = w->status[w->followers[i]];
    if (follower != STEP_WAITING && follower != STEP_UNDONE)
      return false;
  }
  return true;
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
    /*                    ALL_DONE        FAILURE         IDLE            DURABLE */
    [TXN_FORWARD] = {TXN_COMMITTING, TXN_DRAINING, TXN_FORWARD, TXN_FORWARD},
    [TXN_DRAINING] = {TXN_DRAINING, TXN_DRAINING, TXN_UNDOING, TXN_DRAINING},
    [TXN_UNDOING] = {TXN_CLOSING, TXN_UNDOING, TXN_UNDOING, TXN_UNDOING},
    [TXN_COMMITTING] = {TXN_COMMITTING, TXN_DRAINING, TXN_COMMITTING, TXN_CLEANING},
    [TXN_CLEANING] = {TXN_CLOSING, TXN_CLEANING, TXN_CLEANING, TXN_CLEANING},
    [TXN_CLOSING] = {TXN_CLOSING, TXN_END, TXN_CLOSING, TXN_END},
    [TXN_END] = {TXN_END, TXN_END, TXN_END, TXN_END},
};

enum txn_state txn_next(enum txn_state state, enum txn_event event) {
  return course[state][event];
}

const char *txn_state_name(enum txn_state state) {
  static const char *const names[TXN_STATE_COUNT] = {"forward",    "draining", "undoing", "committing",
                                                     "cleaning", "closing",  "end"};
  return (size_t)state < TXN_STATE_COUNT ? names[state] : "unknown";
}

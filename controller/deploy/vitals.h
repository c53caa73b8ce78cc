/* Whether a machine is there, judged from the times of questions and of signs of life. Pure: times are given.
 *
 * How soon a cut is noticed: the last sign of life may come just before it, the next question goes out up to
 * VITALS_ASK_MS and a tick later, and VITALS_LOST_MS and a tick after that the machine counts as lost: 2 + 0.5 + 6 +
 * 0.5 = 9 s at worst, within the 10 s that are promised. */
#ifndef TANDEM_DEPLOY_VITALS_H
#define TANDEM_DEPLOY_VITALS_H

#include <stdbool.h>
#include <stdint.h>

enum {
  VITALS_TICK_MS = 500,   /* how often the judge is asked */
  VITALS_ASK_MS = 2000,   /* from one question to the next */
  VITALS_LOST_MS = 6000,  /* a question that stays without any sign of life for so long: lost */
  VITALS_STALL_MS = 2000, /* ticks this far apart: it was us who stood still */
};

enum vitals_change { VITALS_SAME, VITALS_LOST, VITALS_BACK };

struct vitals {
  uint64_t heard_ms;   /* the last sign of life */
  uint64_t asked_ms;   /* the last question */
  uint64_t waiting_ms; /* when the question went out since which nothing was heard; valid while waiting */
  uint64_t ticked_ms;
  bool waiting, lost;
};

/* It has just answered. */
void vitals_init(struct vitals *v, uint64_t now_ms);
/* hurry: somebody waits for the answer. */
bool vitals_must_ask(const struct vitals *v, uint64_t now_ms, bool hurry);
void vitals_asked(struct vitals *v, uint64_t now_ms);
/* Any reply, to whichever call, at that time. */
enum vitals_change vitals_heard(struct vitals *v, uint64_t at_ms);
/* Silence counts from a question, not from the last answer: a machine that was not asked has not failed to answer. */
enum vitals_change vitals_tick(struct vitals *v, uint64_t now_ms);

#endif

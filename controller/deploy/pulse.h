/* Asks machines every two seconds, each time on a connection of its own, whether they are there, while a transaction
 * runs. Whatever else a machine answers meanwhile counts too. What makes a machine lost is vitals.h. */
#ifndef TANDEM_DEPLOY_PULSE_H
#define TANDEM_DEPLOY_PULSE_H

#include "controller/deploy/vitals.h"
#include "controller/observe/machines.h"

struct pulse;

/* From the loop; machine: its index in machines. */
struct pulse_handlers {
  void (*lost)(void *arg, size_t machine);
  void (*back)(void *arg, size_t machine); /* it was lost */
  void (*answered)(void *arg, size_t machine);
  void (*tick)(void *arg); /* every half second, when all of this was looked at */
};

/* watched: by machine, copied. Those not open are never lost. NULL without memory. */
struct pulse *pulse_open(struct uv_loop_s *loop, struct machines *machines, const bool *watched,
                         const struct pulse_handlers *handlers, void *arg);
/* closed_cb runs once, later, when no question is left. */
void pulse_close(struct pulse *p, void (*closed_cb)(void *arg), void *arg);

bool pulse_is_lost(const struct pulse *p, size_t machine);
/* Since when nothing was heard, on the loop's clock. */
uint64_t pulse_heard_ms(const struct pulse *p, size_t machine);
/* Asks now, and twice a second until it is answered. Gives the question's number. */
uint64_t pulse_ask(struct pulse *p, size_t machine);
/* That question or a later one was answered. */
bool pulse_has_answered(const struct pulse *p, size_t machine, uint64_t question);
/* That question or a later one came to nothing. */
bool pulse_has_failed(const struct pulse *p, size_t machine, uint64_t question);

#endif

/* The live area at the bottom of a terminal: counts, running steps, the last line of a build. Drawn anew at most ten
 * times a second, on events. */
#ifndef TANDEM_CLI_LIVE_H
#define TANDEM_CLI_LIVE_H

#include <stdint.h>

#include "controller/cli/term.h"

struct log_fields;

enum { LIVE_STEPS = 256, LIVE_NAME = 64, LIVE_LINE = 200 };

struct live_step {
  char machine[LIVE_NAME], service[LIVE_NAME], kind[LIVE_NAME], text[LIVE_LINE];
  bool waits; /* a gate: it does nothing itself */
  int64_t since_ms;
};

struct live {
  struct term term;
  char phase[LIVE_NAME];
  char line[LIVE_LINE]; /* the last of a build, a pull or a copy */
  struct live_step steps[LIVE_STEPS];
  size_t step_count;   /* running; those over LIVE_STEPS are only counted */
  int64_t done, total; /* steps; total -1: not known */
  int64_t started_ms, drawn_ms;
  int lines_drawn;
};

void live_init(struct live *l, const struct term *term);
/* text: what it does, "start ai-system-responder-1". */
void live_step_started(struct live *l, const struct log_fields *f, const char *text);
void live_step_ended(struct live *l, const struct log_fields *f);
/* A new phase: what ran has ended, and how many steps lie ahead is not known. */
void live_phase(struct live *l, const char *phase);
/* Draws when the last drawing is old enough. */
void live_draw(struct live *l);
/* Takes what is drawn off the screen. */
void live_erase(struct live *l);

#endif

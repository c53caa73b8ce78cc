/* A command's progress, made from the log's events. */
#ifndef TANDEM_CLI_PROGRESS_H
#define TANDEM_CLI_PROGRESS_H

#include "controller/cli/term.h"
#include "controller/log/log.h"

struct progress;

enum progress_mode {
  PROGRESS_PLAIN, /* a line for what matters */
  PROGRESS_TTY,   /* such lines, and below them a live area: counts, running steps, the build's last line */
};

/* term is copied; its stream is borrowed. NULL without memory. */
struct progress *progress_new(enum progress_mode mode, const struct term *term);
/* A log_sink_cb; arg is the progress. */
void progress_event(void *arg, enum log_event event, const struct log_fields *fields, const char *msg);
/* Takes the live area away, so that results can be printed; a later event brings it back. NULL is fine. */
void progress_finish(struct progress *p);
void progress_free(struct progress *p);

/* Pure, for the plain lines: whether an event is worth a line of its own. */
bool progress_is_notable(enum log_event event, const struct log_fields *fields);

#endif

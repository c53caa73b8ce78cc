#include "controller/cli/progress.h"

#include <stdlib.h>
#include <string.h>

#include "controller/cli/live.h"
#include "controller/cli/text.h"

struct progress {
  enum progress_mode mode;
  struct live live; /* PLAIN uses its term only */
};

struct progress *progress_new(enum progress_mode mode, const struct term *term) {
  struct progress *p = calloc(1, sizeof *p);

  if (p) {
    p->mode = mode;
    live_init(&p->live, term);
  }
  return p;
}

static bool one_of(const char *word, const char *const *words) {
  for (; word && *words; words++)
    if (strcmp(word, *words) == 0)
      return true;
  return false;
}

/* The transaction's states in words for people; line: what is worth a line of its own. */
static const struct phase {
  const char *name, *words, *line;
} PHASES[] = {{"forward", "apply", NULL},
              {"draining", "stop", NULL},
              {"undoing", "put back", "putting back"},
              {"committing", "commit", NULL},
              {"cleaning", "clean up", NULL},
              {"closing", "close", NULL},
              {"end", "", NULL}};

static const struct phase *phase_of(const struct log_fields *fields) {
  for (size_t i = 0; fields->to && i < COUNT_OF(PHASES); i++)
    if (strcmp(PHASES[i].name, fields->to) == 0)
      return &PHASES[i];
  return NULL;
}

bool progress_is_notable(enum log_event event, const struct log_fields *fields) {
  static const char *const LONG_STEPS[] = {"image.build", "image.pull", "image.copy", NULL};
  static const char *const STATES[] = {"healthy", "ready", "up", "failed", "unhealthy", "exited", "updated", NULL};

  switch (event) {
  case LOG_STEP_DONE:
    return one_of(fields->step, LONG_STEPS);
  case LOG_SERVICE_STATE:
    return one_of(fields->to, STATES);
  case LOG_TRANSACTION_PHASE:
    return !phase_of(fields) || phase_of(fields)->line;
  case LOG_TRANSACTION_FAILED: /* of a step: its own line has said it */
    return !fields->machine;
  case LOG_ENGINE_LOST:
  case LOG_MACHINE_LOST:
  case LOG_MACHINE_BACK:
  case LOG_MANIFEST_WARNING:
  case LOG_TRANSACTION_BEGIN:
  case LOG_TRANSACTION_COMMITTED:
  case LOG_TRANSACTION_STUCK:
  case LOG_TRANSACTION_RECOVERED:
  case LOG_STEP_FAILED:
  case LOG_STEP_RESOLVED:
  case LOG_STEP_UNDO_FAILED:
  case LOG_CLEANUP_FAILED:
    return true;
  default: /* the outcome, output and errors are told by the command itself; the rest is detail */
    return false;
  }
}

/* On a terminal the live area's counts say it: 76 lines of "healthy" would push all else off the screen. */
static bool is_shown_by_counts(enum log_event event, const struct log_fields *fields) {
  static const char *const GOOD[] = {"healthy", "ready", "up", NULL};

  return event == LOG_SERVICE_STATE && one_of(fields->to, GOOD);
}

static enum style style_of(enum log_event event) {
  switch (log_event_level(event)) {
  case LOG_ERROR:
    return STYLE_RED;
  case LOG_WARN:
    return STYLE_YELLOW;
  default:
    return event == LOG_TRANSACTION_PHASE ? STYLE_BOLD : STYLE_NONE;
  }
}

static void put_line(const struct term *t, enum log_event event, const struct log_fields *fields, const char *msg) {
  const struct phase *phase = event == LOG_TRANSACTION_PHASE ? phase_of(fields) : NULL;

  msg = phase && phase->line ? phase->line : msg;
  fputs(event == LOG_TRANSACTION_PHASE || event == LOG_TRANSACTION_BEGIN ? "  " : "    ", t->stream);
  fputs(style_of(event) == STYLE_NONE ? "" : term_on(t, style_of(event)), t->stream);
  text_put(t->stream, msg, -1);
  fputs(style_of(event) == STYLE_NONE ? "" : term_off(t), t->stream);
  if (fields->duration_ms >= 1000 && !strstr(msg, " in "))
    fprintf(t->stream, "  %s", text_duration(fields->duration_ms).text);
  fputc('\n', t->stream);
  fflush(t->stream);
}

/* Only the way back begins a count of its own. */
static void note_phase(struct live *l, const struct log_fields *f) {
  const struct phase *phase = phase_of(f);
  const char *words = phase ? phase->words : f->to ? f->to : "";

  if (phase && strcmp(phase->name, "undoing") == 0)
    live_phase(l, words);
  else
    snprintf(l->phase, sizeof l->phase, "%s", words);
}

static void note(struct live *l, enum log_event event, const struct log_fields *f, const char *msg) {
  switch (event) {
  case LOG_PLAN_READY:
    l->total = f->total;
    break;
  case LOG_TRANSACTION_PHASE:
    note_phase(l, f);
    break;
  case LOG_STEP_START:
    live_step_started(l, f, msg);
    break;
  case LOG_STEP_PROGRESS:
    snprintf(l->line, sizeof l->line, "%s", msg);
    break;
  case LOG_STEP_DONE:
  case LOG_STEP_FAILED:
  case LOG_STEP_UNDO:
  case LOG_STEP_UNDO_FAILED:
  case LOG_CLEANUP_FAILED:
    l->line[0] = '\0';
    live_step_ended(l, f);
    break;
  default:
    break;
  }
}

static bool ends(enum log_event event) {
  return event == LOG_TRANSACTION_COMMITTED || event == LOG_TRANSACTION_PUT_BACK || event == LOG_TRANSACTION_STUCK ||
         event == LOG_COMMAND_FAILED;
}

static bool moves(enum log_event event) {
  return event == LOG_TRANSACTION_BEGIN || event == LOG_TRANSACTION_PHASE || event == LOG_STEP_START ||
         event == LOG_STEP_PROGRESS || event == LOG_STEP_DONE || event == LOG_STEP_FAILED || event == LOG_STEP_UNDO ||
         event == LOG_SERVICE_STATE;
}

void progress_event(void *arg, enum log_event event, const struct log_fields *fields, const char *msg) {
  struct progress *p = arg;
  bool notable;

  fields = fields ? fields : LOG_FIELDS(.project = NULL);
  notable = progress_is_notable(event, fields) && !(p->mode == PROGRESS_TTY && is_shown_by_counts(event, fields));
  if (p->mode == PROGRESS_TTY) {
    note(&p->live, event, fields, msg);
    if (notable || ends(event))
      live_erase(&p->live);
  }
  if (notable)
    put_line(&p->live.term, event, fields, msg);
  if (p->mode == PROGRESS_TTY && moves(event))
    live_draw(&p->live);
}

void progress_finish(struct progress *p) {
  if (p && p->mode == PROGRESS_TTY)
    live_erase(&p->live);
}

void progress_free(struct progress *p) {
  free(p);
}

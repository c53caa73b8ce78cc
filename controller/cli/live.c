#include "controller/cli/live.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "controller/cli/text.h"
#include "controller/log/log.h"

enum { REDRAW_MS = 100, STEPS_SHOWN = 6, NAMES_SHOWN = 4, BAR = 24 };

static int64_t now_ms(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void live_init(struct live *l, const struct term *term) {
  *l = (struct live){.term = *term, .total = -1};
  l->started_ms = now_ms();
}

static void keep(char to[LIVE_NAME], const char *from) {
  snprintf(to, LIVE_NAME, "%s", from ? from : "");
}

static bool is_step(const struct live_step *s, const struct log_fields *f) {
  return strncmp(s->machine, f->machine ? f->machine : "", LIVE_NAME - 1) == 0 &&
         strncmp(s->service, f->service ? f->service : "", LIVE_NAME - 1) == 0 &&
         strncmp(s->kind, f->step ? f->step : "", LIVE_NAME - 1) == 0;
}

static void note_counts(struct live *l, const struct log_fields *f) {
  if (f->total < 0)
    return;
  l->total = f->total;
  l->done = f->done >= 0 ? f->done : l->done;
}

void live_step_started(struct live *l, const struct log_fields *f, const char *text) {
  note_counts(l, f);
  if (l->step_count < LIVE_STEPS) {
    struct live_step *s = &l->steps[l->step_count];

    keep(s->machine, f->machine);
    keep(s->service, f->service);
    keep(s->kind, f->step);
    snprintf(s->text, sizeof s->text, "%s", text);
    s->waits = strncmp(s->kind, "gate.", 5) == 0;
    s->since_ms = now_ms();
    l->step_count++;
  }
}

void live_step_ended(struct live *l, const struct log_fields *f) {
  if (f->total < 0)
    l->done++;
  note_counts(l, f);
  for (size_t i = 0; i < l->step_count; i++)
    if (is_step(&l->steps[i], f)) {
      memmove(&l->steps[i], &l->steps[i + 1], (l->step_count - i - 1) * sizeof l->steps[0]);
      l->step_count--;
      return;
    }
}

static void end_line(struct live *l) {
  fputs("\033[K\n", l->term.stream);
  l->lines_drawn++;
}

static void draw_counts(struct live *l, int64_t now) {
  FILE *f = l->term.stream;
  int full = l->total > 0 && l->done <= l->total ? (int)(l->done * BAR / l->total) : 0;

  fprintf(f, "  %s%-8s%s ", term_on(&l->term, STYLE_BOLD), *l->phase ? l->phase : "apply", term_off(&l->term));
  if (l->total > 0) {
    for (int i = 0; i < BAR; i++)
      fputs(i < full ? "█" : "░", f);
    fprintf(f, " %" PRId64 "/%" PRId64, l->done, l->total);
  } else {
    fprintf(f, "%" PRId64 " done", l->done);
  }
  fprintf(f, "  %" PRId64 " s", (now - l->started_ms) / 1000);
  end_line(l);
}

static void draw_step(struct live *l, const struct live_step *s, int64_t now) {
  int room = l->term.width - 28;

  fputs("    ", l->term.stream);
  text_put_padded(l->term.stream, s->machine, 10, 0);
  text_put(l->term.stream, s->text, room > 10 ? room : 10);
  if (now - s->since_ms >= 1000)
    fprintf(l->term.stream, "  %" PRId64 " s", (now - s->since_ms) / 1000);
  end_line(l);
}

/* The steps that do something, the first few of them. */
static void draw_steps(struct live *l, int64_t now) {
  size_t busy = 0;

  for (size_t i = 0; i < l->step_count; i++)
    if (!l->steps[i].waits && busy++ < STEPS_SHOWN)
      draw_step(l, &l->steps[i], now);
  if (busy > STEPS_SHOWN) {
    fprintf(l->term.stream, "    and %zu more", busy - STEPS_SHOWN);
    end_line(l);
  }
}

/* "waiting for 12: a, b, c, …" */
static void draw_waits(struct live *l) {
  char names[LIVE_LINE] = "";
  size_t waits = 0, used = 0;

  for (size_t i = 0; i < l->step_count; i++)
    if (l->steps[i].waits && waits++ < NAMES_SHOWN && used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", l->steps[i].service);
  if (!waits)
    return;
  fprintf(l->term.stream, "    waiting for %zu: ", waits);
  text_put(l->term.stream, names, l->term.width > 40 ? l->term.width - 30 : 10);
  fputs(waits > NAMES_SHOWN ? ", …" : "", l->term.stream);
  end_line(l);
}

void live_phase(struct live *l, const char *phase) {
  keep(l->phase, phase);
  l->line[0] = '\0';
  l->step_count = 0;
  l->done = 0;
  l->total = -1;
}

void live_erase(struct live *l) {
  if (l->lines_drawn)
    fprintf(l->term.stream, "\r\033[%dA\033[J", l->lines_drawn);
  l->lines_drawn = 0;
  l->drawn_ms = 0;
  fflush(l->term.stream);
}

void live_draw(struct live *l) {
  int64_t now = now_ms();

  if (l->drawn_ms && now - l->drawn_ms < REDRAW_MS)
    return;
  if (l->lines_drawn)
    fprintf(l->term.stream, "\r\033[%dA\033[J", l->lines_drawn);
  l->lines_drawn = 0;
  draw_counts(l, now);
  draw_steps(l, now);
  draw_waits(l);
  if (*l->line) {
    fprintf(l->term.stream, "    %s", term_on(&l->term, STYLE_DIM));
    text_put(l->term.stream, l->line, l->term.width > 6 ? l->term.width - 5 : 1);
    fputs(term_off(&l->term), l->term.stream);
    end_line(l);
  }
  l->drawn_ms = now;
  fflush(l->term.stream);
}

/* The services of a plan: one line each, and where many change in the same way, one block of names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/print_plan.h"
#include "controller/cli/term.h"
#include "controller/cli/text.h"
#include "controller/plan/plan.h"

enum { FEW = 6, VALUE_COLUMNS = 48, DEFAULT_COLUMNS = 120 };

struct look {
  const char *mark;
  enum style style;
};
static const struct look LOOKS[PLAN_ACTION_COUNT] = {
    [PLAN_KEEP] = {"=", STYLE_DIM},   [PLAN_CREATE] = {"+", STYLE_GREEN}, [PLAN_RECREATE] = {"±", STYLE_YELLOW},
    [PLAN_MOVE] = {"→", STYLE_CYAN},  [PLAN_UPDATE] = {"~", STYLE_BLUE},  [PLAN_START] = {"^", STYLE_GREEN},
    [PLAN_REMOVE] = {"-", STYLE_RED},
};
static const enum plan_action ORDER[] = {PLAN_MOVE, PLAN_CREATE, PLAN_RECREATE, PLAN_UPDATE, PLAN_START, PLAN_REMOVE};

/* One service that changes, with its texts. */
struct line {
  const struct plan_service *service;
  char *action;  /* "re-create on mainpc" */
  char *details; /* changes and notes */
  bool printed;
};

struct lines {
  struct line *items;
  size_t count;
};

static void lines_release(struct lines *l) {
  for (size_t i = 0; i < l->count; i++) {
    free(l->items[i].action);
    free(l->items[i].details);
  }
  free(l->items);
}

static void put_action(FILE *f, const struct plan_service *s) {
  const char *from = s->from_machine ? s->from_machine : "?", *to = s->to_machine ? s->to_machine : "?";

  switch (s->action) {
  case PLAN_CREATE:
    fprintf(f, "create on %s", to);
    break;
  case PLAN_RECREATE:
    fprintf(f, "re-create on %s", to);
    break;
  case PLAN_MOVE:
    fprintf(f, "move %s → %s", from, to);
    break;
  case PLAN_UPDATE:
    fprintf(f, "live on %s", to);
    break;
  case PLAN_START:
    fprintf(f, "start on %s", to);
    break;
  case PLAN_REMOVE:
    fprintf(f, "remove from %s", from);
    break;
  case PLAN_KEEP:
  case PLAN_ACTION_COUNT:
    break;
  }
}

/* An image's ID says nothing to people beyond its first digits. */
static void put_value(FILE *f, const char *value) {
  if (!value)
    fputs("none", f);
  else if (strncmp(value, "sha256:", 7) == 0)
    text_put(f, value + 7, 12);
  else
    text_put(f, *value ? value : "\"\"", VALUE_COLUMNS);
}

static void put_change(FILE *f, const struct plan_change *c) {
  text_put(f, c->field, -1);
  fputs(strchr(c->field, '.') ? ": " : " ", f);
  put_value(f, c->from);
  fputs(" → ", f);
  put_value(f, c->to);
}

static void put_notes(FILE *f, const struct plan_service *s, const char *between) {
  if (s->image_note && s->action != PLAN_CREATE) {
    fprintf(f, "%simage: %s", between, s->image_note);
    between = ", ";
  }
  if (s->restored) {
    fprintf(f, "%sthe parked container starts again", between);
    between = ", ";
  }
  if (s->action == PLAN_MOVE || s->action == PLAN_RECREATE)
    fprintf(f, "%s%s", between, s->start_first ? "start-first" : "stop-first");
  if (s->action == PLAN_MOVE || s->action == PLAN_RECREATE)
    fputs(s->downtime ? ", down meanwhile" : ", no downtime", f);
}

static void put_details(FILE *f, const struct plan_service *s) {
  size_t put = 0;

  for (size_t i = 0; i < s->change_count; i++) {
    fputs(put++ ? ", " : "", f);
    put_change(f, &s->changes[i]);
  }
  put_notes(f, s, put ? ", " : "");
}

static int text_of(void (*put)(FILE *, const struct plan_service *), const struct plan_service *s, char **ret_text,
                   struct err *err) {
  size_t len = 0;
  FILE *f = open_memstream(ret_text, &len);

  if (!f)
    return err_no_memory(err);
  put(f, s);
  return fclose(f) == 0 ? 0 : err_no_memory(err);
}

static int lines_fill(struct lines *l, const struct plan *plan, struct err *err) {
  l->items = calloc(plan->service_count + 1, sizeof *l->items);
  if (!l->items)
    return err_no_memory(err);
  for (size_t o = 0; o < COUNT_OF(ORDER); o++)
    for (size_t i = 0; i < plan->service_count; i++) {
      struct line *line = &l->items[l->count];

      if (plan->services[i].action != ORDER[o])
        continue;
      line->service = &plan->services[i];
      l->count++;
      if (text_of(put_action, line->service, &line->action, err) < 0 ||
          text_of(put_details, line->service, &line->details, err) < 0)
        return -1;
    }
  return 0;
}

static bool same_change(const struct plan_change *a, const struct plan_change *b) {
  bool image = strcmp(a->field, "image") == 0; /* each service has an image of its own */

  return strcmp(a->field, b->field) == 0 && (image || (strcmp(a->from ? a->from : "", b->from ? b->from : "") == 0 &&
                                                       strcmp(a->to ? a->to : "", b->to ? b->to : "") == 0));
}

static bool is_alike(const struct line *a, const struct line *b) {
  const struct plan_service *x = a->service, *y = b->service;

  if (strcmp(a->action, b->action) != 0 || x->action != y->action || x->change_count != y->change_count)
    return false;
  if (x->downtime != y->downtime || x->start_first != y->start_first || x->restored != y->restored)
    return false;
  for (size_t i = 0; i < x->change_count; i++)
    if (!same_change(&x->changes[i], &y->changes[i]))
      return false;
  return true;
}

static void put_mark(const struct term *t, enum plan_action action) {
  fprintf(t->stream, "  %s%s%s ", term_on(t, LOOKS[action].style), LOOKS[action].mark, term_off(t));
}

/* Details on one line where they fit, else one change a line. */
static void put_line(const struct term *t, const struct line *line, int name_columns, int action_columns) {
  int indent = 4 + name_columns + 3 + action_columns + 3;
  int room = (t->width ? t->width : DEFAULT_COLUMNS) - indent;
  const struct plan_service *s = line->service;
  FILE *f = t->stream;

  put_mark(t, s->action);
  text_put_padded(f, s->name, name_columns, 0);
  fputs("   ", f);
  if (!*line->details) {
    fprintf(f, "%s\n", line->action);
    return;
  }
  text_put_padded(f, line->action, action_columns, 0);
  if (s->change_count == 0 || text_width(line->details) <= room) {
    fprintf(f, "   %s\n", line->details);
    return;
  }
  for (size_t i = 0; i < s->change_count; i++) {
    text_blanks(f, i ? indent : 3);
    put_change(f, &s->changes[i]);
    fputc('\n', f);
  }
  if (s->action != PLAN_UPDATE) {
    text_blanks(f, indent);
    put_notes(f, s, "");
    fputc('\n', f);
  }
}

static void put_names(const struct term *t, const struct lines *l, const struct line *like, int name_columns) {
  int per_row = ((t->width ? t->width : DEFAULT_COLUMNS) - 6) / (name_columns + 2);
  int at = 0, gap = 0;

  for (size_t i = 0; i < l->count; i++) {
    if (!is_alike(like, &l->items[i]))
      continue;
    l->items[i].printed = true;
    text_blanks(t->stream, at ? gap : 6);
    gap = name_columns + 2 - text_put(t->stream, l->items[i].service->name, -1);
    at = at + 1 < per_row ? at + 1 : 0;
    if (at == 0)
      fputc('\n', t->stream);
  }
  if (at)
    fputc('\n', t->stream);
}

/* "+ 52 services   create on mainpc", then their names in columns. */
static void put_group(const struct term *t, const struct lines *l, const struct line *like, size_t members) {
  const struct plan_service *s = like->service;
  int columns = 0;

  for (size_t i = 0; i < l->count; i++)
    if (is_alike(like, &l->items[i]) && text_width(l->items[i].service->name) > columns)
      columns = text_width(l->items[i].service->name);
  put_mark(t, s->action);
  fprintf(t->stream, "%zu services   %s", members, like->action);
  for (size_t i = 0; i < s->change_count; i++) {
    fputs(i ? ", " : "   ", t->stream);
    if (strcmp(s->changes[i].field, "image") == 0)
      fputs("image", t->stream);
    else
      put_change(t->stream, &s->changes[i]);
  }
  put_notes(t->stream, s, s->change_count ? ", " : "   ");
  fputc('\n', t->stream);
  put_names(t, l, like, columns);
}

static size_t count_alike(const struct lines *l, const struct line *like) {
  size_t n = 0;

  for (size_t i = 0; i < l->count; i++)
    n += is_alike(like, &l->items[i]);
  return n;
}

int print_plan_services(const struct term *t, const struct plan *plan, struct err *err) {
  CLEANUP(lines_release) struct lines l = {0};
  int name_columns = 0, action_columns = 0;
  size_t kept = plan_count(plan, PLAN_KEEP);

  if (lines_fill(&l, plan, err) < 0)
    return -1;
  for (size_t i = 0; i < l.count; i++) {
    if (count_alike(&l, &l.items[i]) > FEW)
      continue;
    name_columns =
        text_width(l.items[i].service->name) > name_columns ? text_width(l.items[i].service->name) : name_columns;
    action_columns = text_width(l.items[i].action) > action_columns ? text_width(l.items[i].action) : action_columns;
  }
  for (size_t i = 0; i < l.count; i++) {
    size_t members = l.items[i].printed ? 0 : count_alike(&l, &l.items[i]);

    if (members > FEW)
      put_group(t, &l, &l.items[i], members);
    else if (members)
      put_line(t, &l.items[i], name_columns, action_columns);
  }
  if (kept) {
    put_mark(t, PLAN_KEEP);
    fprintf(t->stream, "%zu unchanged\n", kept);
  }
  return 0;
}

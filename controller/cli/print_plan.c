#include "controller/cli/print_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/term.h"
#include "controller/cli/text.h"
#include "controller/plan/plan.h"

enum { FEW = 6 };

static bool is_kind(const struct plan *plan, const char *kind) {
  return strcmp(plan->kind, kind) == 0;
}

static void put_revisions(FILE *f, const struct plan *plan, int64_t next) {
  if (is_kind(plan, "build"))
    fputs("build", f);
  else if (is_kind(plan, "down"))
    fprintf(f, "revision %" PRId64 " → removed", plan->base_revision);
  else if (plan_is_empty(plan))
    fprintf(f, "revision %" PRId64, plan->base_revision);
  else if (plan->base_revision == 0)
    fprintf(f, "new → revision %" PRId64, next);
  else
    fprintf(f, "revision %" PRId64 " → %" PRId64, plan->base_revision, next);
}

static void put_header(const struct term *t, const struct plan *plan, int64_t next) {
  FILE *f = t->stream;

  fprintf(f, "%s%s%s  ", term_on(t, STYLE_BOLD), plan->project, term_off(t));
  put_revisions(f, plan, next);
  for (size_t i = 0; i < plan->machine_count; i++) {
    const struct plan_machine *m = &plan->machines[i];

    fprintf(f, "%s%s engine %s, %s", i ? " · " : "     ", m->name, m->engine_version ? m->engine_version : "?",
            text_count(m->services, "service").text);
  }
  fputs("\n\n", f);
}

/* "build on mainpc, pc2": all machines where the same is done for one image. */
static void put_image_machines(FILE *f, const struct plan *plan, size_t first) {
  const struct plan_image *image = &plan->images[first];

  fprintf(f, "%s %s %s", image->how, strcmp(image->how, "copy") == 0 ? "to" : "on", image->machine);
  for (size_t i = first + 1; i < plan->image_count; i++)
    if (strcmp(plan->images[i].ref, image->ref) == 0 && strcmp(plan->images[i].how, image->how) == 0)
      fprintf(f, ", %s", plan->images[i].machine);
}

static bool is_repeated(const struct plan *plan, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (strcmp(plan->images[i].ref, plan->images[at].ref) == 0 &&
        strcmp(plan->images[i].how, plan->images[at].how) == 0)
      return true;
  return false;
}

static void put_images_singly(FILE *f, const struct plan *plan, bool tiers) {
  for (size_t i = 0; i < plan->image_count; i++) {
    if (plan->images[i].tier != tiers || is_repeated(plan, i))
      continue;
    fputs(tiers ? "  tier image     " : "  service image  ", f);
    text_put(f, plan->images[i].ref, -1);
    fputs("   ", f);
    put_image_machines(f, plan, i);
    fputc('\n', f);
  }
}

static size_t count_images(const struct plan *plan, const char *how, const char *machine) {
  size_t n = 0;

  for (size_t i = 0; i < plan->image_count; i++)
    n += !plan->images[i].tier && (!how || strcmp(plan->images[i].how, how) == 0) &&
         (!machine || strcmp(plan->images[i].machine, machine) == 0);
  return n;
}

/* "76 service images  build: 52 on mainpc, 24 on pc2" */
static void put_images_counted(FILE *f, const struct plan *plan) {
  static const char *const HOW[] = {"build", "copy", "pull", "tag"};

  for (size_t h = 0; h < COUNT_OF(HOW); h++) {
    const char *between = ": ";

    if (!count_images(plan, HOW[h], NULL))
      continue;
    fprintf(f, "  %s   %s", text_count(count_images(plan, HOW[h], NULL), "service image").text, HOW[h]);
    for (size_t m = 0; m < plan->machine_count; m++) {
      size_t n = count_images(plan, HOW[h], plan->machines[m].name);

      if (n) {
        fprintf(f, "%s%zu on %s", between, n, plan->machines[m].name);
        between = ", ";
      }
    }
    fputc('\n', f);
  }
}

static void put_images(FILE *f, const struct plan *plan) {
  put_images_singly(f, plan, true);
  if (count_images(plan, NULL, NULL) > FEW)
    put_images_counted(f, plan);
  else
    put_images_singly(f, plan, false);
}

static void put_resources(FILE *f, const struct plan *plan) {
  for (size_t i = 0; i < plan->resources.count && (i < FEW || plan->resources.count <= FEW + 1); i++) {
    fputs("  new            ", f);
    text_put(f, plan->resources.items[i], -1);
    fputc('\n', f);
  }
  if (plan->resources.count > FEW + 1)
    fprintf(f, "  and %zu more networks and volumes\n", plan->resources.count - FEW);
}

/* "Going back to 4: offline, no build, about 9 s." */
static void put_way_back(FILE *f, const struct rollback *r) {
  const struct strv *what = r->possible ? &r->copies : &r->needs;

  fprintf(f, "\nGoing back to %" PRId64 ": %s", r->revision, r->possible ? "offline, no build" : "needs ");
  for (size_t i = 0; i < what->count && i < FEW; i++) {
    fputs(r->possible && i == 0 ? ", copies " : i ? ", " : "", f);
    text_put(f, what->items[i], -1);
  }
  if (what->count > FEW)
    fprintf(f, " and %zu more", what->count - FEW);
  if (r->possible && r->estimate_ms > 0)
    fprintf(f, ", about %s", text_about(r->estimate_ms).text);
  fputs(".\n", f);
}

static void put_going_back(FILE *f, const struct plan *plan) {
  if (plan_is_empty(plan) || is_kind(plan, "build") || is_kind(plan, "down"))
    return;
  if (plan->base_revision == 0)
    fputs("\nGoing back: there is no revision before this one; `tandem down` removes it.\n", f);
  else
    put_way_back(f, &plan->rollback);
}

void print_warnings(const struct term *t, const struct strv *warnings) {
  for (size_t i = 0; i < warnings->count; i++) {
    fprintf(t->stream, "  %s!%s ", term_on(t, STYLE_YELLOW), term_off(t));
    text_put(t->stream, warnings->items[i], -1);
    fputc('\n', t->stream);
  }
}

/* " (52 on mainpc, 24 on pc2)": where the services of an action are afterwards, or were. */
static void put_per_machine(FILE *f, const struct plan *plan, enum plan_action action) {
  const char *between = " (";

  for (size_t m = 0; m < plan->machine_count; m++) {
    size_t n = 0;

    for (size_t i = 0; i < plan->service_count; i++) {
      const struct plan_service *s = &plan->services[i];
      const char *machine = s->to_machine ? s->to_machine : s->from_machine;

      n += s->action == action && machine && strcmp(machine, plan->machines[m].name) == 0;
    }
    if (n) {
      fprintf(f, "%s%zu on %s", between, n, plan->machines[m].name);
      between = ", ";
    }
  }
  fputs(strcmp(between, ", ") == 0 ? ")" : "", f);
}

static size_t count_tiers(const struct plan *plan) {
  size_t n = 0;

  for (size_t i = 0; i < plan->image_count; i++) {
    bool again = false;

    for (size_t j = 0; j < i; j++)
      again = again || (plan->images[j].tier && strcmp(plan->images[i].ref, plan->images[j].ref) == 0);
    n += plan->images[i].tier && !again;
  }
  return n;
}

/* "76 services to create (52 on mainpc, 24 on pc2), 2 tier images." */
static void put_counts(FILE *f, const struct plan *plan) {
  static const struct {
    enum plan_action action;
    const char *verb;
  } WHAT[] = {{PLAN_MOVE, "move"},          {PLAN_CREATE, "create"}, {PLAN_RECREATE, "re-create"},
              {PLAN_UPDATE, "change live"}, {PLAN_START, "start"},   {PLAN_REMOVE, "remove"}};
  size_t images = count_images(plan, NULL, NULL), tiers = count_tiers(plan), put = 0;

  for (size_t i = 0; i < COUNT_OF(WHAT); i++) {
    size_t n = plan_count(plan, WHAT[i].action);

    if (!n)
      continue;
    fprintf(f, "%s%zu%s to %s", put ? ", " : "\n", n, put ? "" : n == 1 ? " service" : " services", WHAT[i].verb);
    if (n > FEW)
      put_per_machine(f, plan, WHAT[i].action);
    put++;
  }
  if (tiers)
    fprintf(f, "%s%s", put++ ? ", " : "\n", text_count(tiers, "tier image").text);
  if (images)
    fprintf(f, "%s%s", put++ ? ", " : "\n", text_count(images, "service image").text);
  if (put)
    fputs(".\n", f);
}

int print_plan(const struct term *t, const struct plan *plan, int64_t next_revision, struct err *err) {
  put_header(t, plan, next_revision);
  put_images(t->stream, plan);
  put_resources(t->stream, plan);
  if (plan->image_count || plan->resources.count)
    fputc('\n', t->stream);
  if (print_plan_services(t, plan, err) < 0)
    return -1;
  print_warnings(t, &plan->warnings);
  put_counts(t->stream, plan);
  put_going_back(t->stream, plan);
  return 0;
}

/* The names of the services of an action, or how many there are. */
static void put_who(FILE *f, const struct plan *plan, enum plan_action action, size_t n) {
  const char *between = "";

  if (n > 3) {
    fputs(text_count(n, "service").text, f);
    return;
  }
  for (size_t i = 0; i < plan->service_count; i++)
    if (plan->services[i].action == action) {
      fprintf(f, "%s%s", between, plan->services[i].name);
      between = ", ";
    }
}

static void put_summary(FILE *f, const struct plan *plan) {
  static const struct {
    enum plan_action action;
    const char *verb, *after;
  } DONE[] = {{PLAN_MOVE, "moved", ""},          {PLAN_CREATE, "created", ""}, {PLAN_RECREATE, "re-created", ""},
              {PLAN_UPDATE, "changed", " live"}, {PLAN_START, "started", ""},  {PLAN_REMOVE, "removed", ""}};
  const char *between = "";

  for (size_t i = 0; i < COUNT_OF(DONE); i++) {
    size_t n = plan_count(plan, DONE[i].action);

    if (!n)
      continue;
    fprintf(f, "%s%s ", between, DONE[i].verb);
    put_who(f, plan, DONE[i].action, n);
    fputs(DONE[i].after, f);
    between = "; ";
  }
  if (!*between && plan->image_count)
    fprintf(f, "made %s", text_count(plan->image_count, "image").text);
  else if (!*between)
    fputs("done", f);
}

int plan_summary(const struct plan *plan, char **ret_text, struct err *err) {
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);

  if (!f)
    return err_no_memory(err);
  put_summary(f, plan);
  if (fclose(f) != 0) {
    free(text);
    return err_no_memory(err);
  }
  *ret_text = text;
  return 0;
}

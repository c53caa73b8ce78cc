#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/number.h"
#include "controller/cli/print_plan.h"
#include "controller/cli/result.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/state/state.h"

static const struct table_column HISTORY[] = {
    {.title = "REVISION", .key = "revision", .right = true},
    {.title = " "},
    {.title = "KIND", .key = "kind"},
    {.title = "OUTCOME", .key = "outcome"},
    {.title = "STARTED (UTC)", .key = "started_at"},
    {.title = "TOOK", .right = true},
    {.title = "SUMMARY", .key = "summary", .shrink = true},
    {.title = "ROLLBACK", .shrink = true},
    {.title = "FAILURE", .key = "failure", .shrink = true},
    {.key = "base"},
    {.key = "ended_at"},
    {.key = "duration_ms"},
    {.key = "cleaned"},
    {.key = "current"},
};

static const struct table_column STEPS[] = {
    {.title = "STEP", .key = "step", .right = true},
    {.title = "KIND", .key = "kind"},
    {.title = "MACHINE", .key = "machine"},
    {.title = "SERVICE", .key = "service"},
    {.title = "OBJECT", .key = "object", .shrink = true},
    {.title = "RESULT", .key = "mark"},
    {.title = "AT (UTC)", .key = "at"},
    {.title = "TOOK", .right = true},
    {.title = "ERROR", .key = "error", .shrink = true},
    {.key = "duration_ms"},
};

static bool wants_json(const struct cli *cli) {
  return cli->options->format && strcmp(cli->options->format, "json") == 0;
}

static enum style outcome_style(enum revision_outcome outcome) {
  static const enum style STYLES[] = {[REVISION_RUNNING] = STYLE_YELLOW,
                                      [REVISION_COMMITTED] = STYLE_GREEN,
                                      [REVISION_FAILED] = STYLE_RED,
                                      [REVISION_PUT_BACK] = STYLE_YELLOW,
                                      [REVISION_STUCK] = STYLE_RED};

  return STYLES[outcome];
}

static void add_took(struct table *t, int64_t ms) {
  table_none(t, text_duration(ms).text);
}

/* To the second for people: "2026-11-23 14:33:55". */
static void add_time(struct table *t, const char *rfc3339) {
  char text[20] = "";

  if (!rfc3339) {
    table_none(t, "-");
    return;
  }
  snprintf(text, sizeof text, "%s", rfc3339);
  text[10] = text[10] == 'T' ? ' ' : text[10];
  table_shown(t, text, rfc3339);
}

static void add_ms(struct table *t, int64_t ms) {
  if (ms < 0)
    table_none(t, "-");
  else
    table_int(t, ms);
}

/* "parked, about 9 s", "re-create, about 20 s", "needs image p-web (gone from pc2): a build"; "-" for what is not kept.
 */
static void add_way_back(struct table *t, const struct way_back *w) {
  char text[700];
  const struct rollback *r = w ? &w->rollback : NULL;

  if (!w) {
    table_text(t, NULL);
  } else if (!w->known) {
    table_styled(t, STYLE_YELLOW, "unknown");
  } else if (!r->possible) {
    snprintf(text, sizeof text, "needs %s%s", r->needs.count ? r->needs.items[0] : "?",
             r->needs.count > 1 ? " and more" : "");
    table_styled(t, STYLE_RED, text);
  } else {
    snprintf(text, sizeof text, "%s%s%s%s%s", w->recreates ? "re-create" : "parked", r->copies.count ? ", copies " : "",
             r->copies.count ? r->copies.items[0] : "", r->estimate_ms > 0 ? ", about " : "",
             r->estimate_ms > 0 ? text_about(r->estimate_ms).text : "");
    table_text(t, text);
  }
}

static const struct way_back *way_back_of(const struct way_back_list *ways, int64_t revision) {
  for (size_t i = 0; i < ways->count; i++)
    if (ways->items[i].revision == revision)
      return &ways->items[i];
  return NULL;
}

static void add_revision(struct table *t, const struct revision *r, int64_t current, const struct way_back *w) {
  table_row(t);
  table_int(t, r->number);
  table_styled(t, STYLE_GREEN, r->number == current ? "*" : "");
  table_text(t, r->kind);
  table_styled(t, outcome_style(r->outcome), revision_outcome_name(r->outcome));
  add_time(t, r->started_at);
  add_took(t, r->duration_ms);
  table_text(t, r->summary);
  add_way_back(t, w);
  table_text(t, r->failure);
  table_int(t, r->base);
  table_text(t, r->ended_at);
  add_ms(t, r->duration_ms);
  table_bool(t, r->cleaned);
  table_bool(t, r->number == current);
}

/* The state for reading, and the project to read. */
static int open_state(struct cli *cli, struct state **ret_state, const char **ret_project, struct err *err) {
  struct session *session;

  if (cli_session(cli, &session, err) < 0 || cli_project(cli, ret_project, err) < 0)
    return -1;
  return session_state(session, false, ret_state, err);
}

/* Programs get the whole of what the column says: null for what is not kept, {"known": false} without the engines. */
static int put_ways_back(cJSON *array, const struct revision_list *list, const struct way_back_list *ways,
                         struct err *err) {
  cJSON *row = array->child;

  for (size_t i = 0; row && i < list->count; i++, row = row->next) {
    const struct way_back *w = way_back_of(ways, list->items[i].number);
    cJSON *json = w ? NULL : cJSON_CreateNull();

    if (w && (w->known ? rollback_to_json(&w->rollback, &json, err) : !(json = cJSON_CreateObject())))
      return err_no_memory(err);
    if ((w && (!json_put_bool(json, "known", w->known) || !json_put_bool(json, "recreates", w->recreates))) ||
        !json_put(row, "rollback", json))
      return err_no_memory(err);
  }
  return 0;
}

static int print_rows(struct cli *cli, const struct table *t, const struct revision_list *list,
                      const struct way_back_list *ways, struct err *err) {
  CLEANUP_JSON cJSON *array = NULL;

  if (wants_json(cli))
    return table_json(t, &array, err) < 0 || put_ways_back(array, list, ways, err) < 0
               ? -1
               : result_print_json(stdout, array, err);
  if (table_print(t, &cli->out, err) < 0)
    return -1;
  print_warnings(&cli->out, &ways->warnings);
  return 0;
}

static int print_history(struct cli *cli, const struct revision_list *list, int64_t current,
                         const struct way_back_list *ways, struct err *err) {
  struct table *t = table_new(HISTORY, COUNT_OF(HISTORY));
  int rc;

  for (size_t i = 0; t && i < list->count; i++)
    add_revision(t, &list->items[i], current, way_back_of(ways, list->items[i].number));
  if (t && list->count == 0 && !wants_json(cli)) {
    puts("no revision yet: `tandem apply` makes the first");
    rc = 0;
  } else {
    rc = t ? print_rows(cli, t, list, ways, err) : err_no_memory(err);
  }
  table_free(t);
  return rc;
}

int cmd_history(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP(revision_list_release) struct revision_list list = {0};
  CLEANUP(way_back_list_release) struct way_back_list ways = {0};
  struct session *session;
  struct state *state;
  const char *project;
  int64_t current;

  if (open_state(cli, &state, &project, &err) < 0 || state_revisions(state, project, &list, &err) < 0 ||
      state_current(state, project, &current, &err) < 0 || cli_session(cli, &session, &err) < 0 ||
      session_ways_back(session, &ways, &err) < 0 || print_history(cli, &list, current, &ways, &err) < 0)
    return cli_fail(cli, &err);
  return CODE_DONE;
}

static struct table *steps_table(const struct journal_rows *rows) {
  struct table *t = table_new(STEPS, COUNT_OF(STEPS));

  for (size_t i = 0; t && i < rows->count; i++) {
    const struct journal_row *r = &rows->items[i];

    table_row(t);
    table_int(t, r->step);
    table_text(t, r->kind);
    table_text(t, r->machine);
    table_text(t, r->service);
    table_text(t, r->object);
    table_styled(t, r->error ? STYLE_RED : STYLE_NONE, journal_mark_name(r->mark));
    add_time(t, r->at);
    add_took(t, r->duration_ms);
    table_text(t, r->error);
    add_ms(t, r->duration_ms);
  }
  return t;
}

static void put_field(FILE *f, const char *name, const char *value) {
  if (!value)
    return;
  fprintf(f, "%-10s", name);
  text_put(f, value, -1);
  fputc('\n', f);
}

static void put_revision(const struct term *t, const struct revision *r) {
  fprintf(t->stream, "%srevision %" PRId64 "%s  %s, %s%s%s\n", term_on(t, STYLE_BOLD), r->number, term_off(t), r->kind,
          term_on(t, outcome_style(r->outcome)), revision_outcome_name(r->outcome), term_off(t));
  if (r->base > 0)
    fprintf(t->stream, "%-10s%" PRId64 "\n", "from", r->base);
  put_field(t->stream, "summary", r->summary);
  put_field(t->stream, "failure", r->failure);
  put_field(t->stream, "started", r->started_at);
  put_field(t->stream, "ended", r->ended_at);
  put_field(t->stream, "took", text_duration(r->duration_ms).text);
  if (r->outcome == REVISION_COMMITTED && !r->cleaned)
    put_field(t->stream, "note", "its clean-up is not finished; `tandem recover` goes on with it");
  fputc('\n', t->stream);
}

static int revision_json(const struct revision *r, const struct table *steps, cJSON **ret_json, struct err *err) {
  CLEANUP_JSON cJSON *json = cJSON_CreateObject();
  cJSON *array = NULL;
  bool ok;

  if (!json || table_json(steps, &array, err) < 0)
    return err_no_memory(err);
  ok = json_put(json, "steps", array) && json_put_int(json, "revision", r->number) &&
       json_put_int(json, "base", r->base) && json_put_str(json, "kind", r->kind) &&
       json_put_str(json, "outcome", revision_outcome_name(r->outcome)) && json_put_bool(json, "cleaned", r->cleaned) &&
       (!r->summary || json_put_str(json, "summary", r->summary)) &&
       (!r->failure || json_put_str(json, "failure", r->failure)) && json_put_str(json, "started_at", r->started_at) &&
       (!r->ended_at || json_put_str(json, "ended_at", r->ended_at)) &&
       (r->duration_ms < 0 || json_put_int(json, "duration_ms", r->duration_ms));
  if (!ok)
    return err_no_memory(err);
  *ret_json = STEAL(json);
  return 0;
}

static int print_revision(struct cli *cli, const struct revision *r, const struct table *steps, struct err *err) {
  CLEANUP_JSON cJSON *json = NULL;

  if (wants_json(cli))
    return revision_json(r, steps, &json, err) < 0 ? -1 : result_print_json(stdout, json, err);
  put_revision(&cli->out, r);
  return table_print(steps, &cli->out, err);
}

static int show(struct cli *cli, int64_t number, struct err *err) {
  CLEANUP(revision_release) struct revision revision = {0};
  CLEANUP(journal_rows_release) struct journal_rows rows = {0};
  struct state *state;
  struct table *steps;
  const char *project;
  int rc;

  if (open_state(cli, &state, &project, err) < 0)
    return -1;
  rc = state_revision(state, project, number, &revision, err);
  if (rc == 0)
    return err_set(err, ERR_CONFLICT, "%s has no revision %" PRId64 "; tandem history lists them", project, number);
  if (rc < 0 || state_journal(state, project, number, &rows, err) < 0)
    return -1;
  steps = steps_table(&rows);
  rc = steps ? print_revision(cli, &revision, steps, err) : err_no_memory(err);
  table_free(steps);
  return rc;
}

int cmd_show(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  int64_t number;

  if (number_revision(cli->options->args[0], &number, &err) < 0 || show(cli, number, &err) < 0)
    return cli_fail(cli, &err);
  return CODE_DONE;
}

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/base/json.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/print_plan.h"
#include "controller/cli/result.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"

enum { WATCH_S = 2 };

static const struct table_column COLUMNS[] = {
    {.title = "MACHINE", .key = "machine"},
    {.title = "SERVICE", .key = "service"},
    {.title = "STATE", .key = "state"},
    {.title = "HEALTH", .key = "health"},
    {.title = "IMAGE", .key = "image", .shrink = true},
    {.title = "CPU%", .key = "cpu_percent", .right = true},
    {.title = "MEM/LIMIT", .right = true},
    {.title = "CPUS", .key = "cpus_limit", .right = true},
    {.title = "PIDS/LIMIT", .right = true},
    {.title = "REV", .key = "revision", .right = true},
    {.title = "DRIFT", .key = "drift", .shrink = true},
    {.key = "container"},
    {.key = "restarts"},
    {.key = "memory_bytes"},
    {.key = "memory_limit_bytes"},
    {.key = "pids"},
    {.key = "pids_limit"},
};

static enum style state_style(const char *state) {
  if (strcmp(state, "running") == 0 || strcmp(state, "healthy") == 0)
    return STYLE_GREEN;
  return strcmp(state, "starting") == 0 || strcmp(state, "restarting") == 0 ? STYLE_YELLOW : STYLE_RED;
}

static void add_state(struct table *t, const char *state) {
  const char *known = state && *state && strcmp(state, "none") != 0 ? state : NULL;

  table_styled(t, known ? state_style(known) : STYLE_NONE, known);
}

/* A measured value; below 0 it is not known. */
static void add_known(struct table *t, int64_t value) {
  if (value < 0)
    table_none(t, "-");
  else
    table_int(t, value);
}

static void add_memory(struct table *t, const struct status_row *r) {
  char text[80];
  struct text_small used = text_bytes(r->memory_bytes), limit = text_bytes(r->memory_limit_bytes);

  snprintf(text, sizeof text, "%s/%s", r->memory_bytes < 0 ? "-" : used.text,
           r->memory_limit_bytes > 0 ? limit.text : "-");
  table_none(t, text);
}

static void add_pids(struct table *t, const struct status_row *r) {
  char text[80], used[24], limit[24];

  snprintf(used, sizeof used, "%" PRId64, r->pids);
  snprintf(limit, sizeof limit, "%" PRId64, r->pids_limit);
  snprintf(text, sizeof text, "%s/%s", r->pids < 0 ? "-" : used, r->pids_limit > 0 ? limit : "-");
  table_none(t, text);
}

static void add_row(struct table *t, const struct status_row *r) {
  table_row(t);
  table_text(t, r->machine);
  table_text(t, r->service);
  add_state(t, r->state);
  add_state(t, r->health);
  table_text(t, r->image && *r->image ? r->image : NULL);
  if (r->cpu_percent < 0)
    table_none(t, "-");
  else
    table_number(t, text_number(r->cpu_percent, 1).text, r->cpu_percent);
  add_memory(t, r);
  if (r->cpus_limit > 0)
    table_number(t, text_number(r->cpus_limit, 2).text, r->cpus_limit);
  else
    table_none(t, "-");
  add_pids(t, r);
  add_known(t, r->revision > 0 ? r->revision : -1);
  table_styled(t, r->drift ? STYLE_YELLOW : STYLE_NONE, r->drift);
  table_text(t, r->container && *r->container ? r->container : NULL);
  add_known(t, r->restarts);
  add_known(t, r->memory_bytes);
  add_known(t, r->memory_limit_bytes > 0 ? r->memory_limit_bytes : -1);
  add_known(t, r->pids);
  add_known(t, r->pids_limit > 0 ? r->pids_limit : -1);
}

static void put_sums(const struct term *t, const struct status_list *list) {
  size_t running = 0, healthy = 0, drifted = 0;

  for (size_t i = 0; i < list->count; i++) {
    running += list->items[i].state && strcmp(list->items[i].state, "running") == 0;
    healthy += list->items[i].health && strcmp(list->items[i].health, "healthy") == 0;
    drifted += list->items[i].drift != NULL;
  }
  fprintf(t->stream, "\n%s: %zu running, %zu healthy", text_count(list->count, "service").text, running, healthy);
  if (drifted)
    fprintf(t->stream, ", %s%zu drifted%s", term_on(t, STYLE_YELLOW), drifted, term_off(t));
  if (list->revision > 0)
    fprintf(t->stream, "; revision %" PRId64 "\n", list->revision);
  else
    fputs("; no revision yet\n", t->stream);
}

static int print_table(const struct table *table, const struct term *t, const struct status_list *list, bool json,
                       struct err *err) {
  CLEANUP_JSON cJSON *array = NULL;

  if (!json) {
    if (table_print(table, t, err) < 0)
      return -1;
    put_sums(t, list);
    print_warnings(t, &list->warnings);
    return 0;
  }
  return table_json(table, &array, err) < 0 ? -1 : result_print_json(stdout, array, err);
}

static int show(struct cli *cli, struct session *session, struct err *err) {
  struct status_list list = {0};
  struct table *table;
  const char *format = cli->options->format;
  int rc;

  if (session_status(session, true, &list, err) < 0)
    return -1;
  table = table_new(COLUMNS, COUNT_OF(COLUMNS));
  for (size_t i = 0; table && i < list.count; i++)
    add_row(table, &list.items[i]);
  if (cli->options->watch && cli->out.tty)
    fputs("\033[H\033[2J", stdout);
  rc = table ? print_table(table, &cli->out, &list, format && strcmp(format, "json") == 0, err) : err_no_memory(err);
  fflush(stdout);
  table_free(table);
  status_list_release(&list);
  return rc;
}

/* Shows it again and again. ^C is only looked at between two rounds, so that no round is cut off. */
static int watch(struct cli *cli, struct session *session, struct err *err) {
  const struct timespec pause = {.tv_sec = WATCH_S};
  sigset_t stops, before;
  int rc, got = -1;

  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  sigprocmask(SIG_BLOCK, &stops, &before);
  do {
    rc = show(cli, session, err);
    if (rc == 0 && !ferror(stdout))
      got = sigtimedwait(&stops, NULL, &pause);
  } while (rc == 0 && got < 0 && !ferror(stdout));
  sigprocmask(SIG_SETMASK, &before, NULL);
  return rc;
}

int cmd_status(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;
  struct session *session;

  if (cli_session(cli, &session, &err) < 0 ||
      (cli->options->watch ? watch(cli, session, &err) : show(cli, session, &err)) < 0)
    return cli_fail(cli, &err);
  return CODE_DONE;
}

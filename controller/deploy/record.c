#include "controller/deploy/record.h"

#include <stdio.h>
#include <string.h>

#include "api/base/json.h"
#include "api/engine/container.h"
#include "controller/plan/step.h"

static void record_release(struct record *r) {
  free(r->kind);
  free(r->summary);
  free(r->started_at);
  cJSON_Delete(r->steps);
  cJSON_Delete(r->ids);
}

void record_list_release(struct record_list *list) {
  if (!list)
    return;
  for (size_t i = 0; i < list->count; i++)
    record_release(&list->items[i]);
  free(list->items);
  *list = (struct record_list){0};
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static int64_t label_number(const cJSON *labels, const char *name) {
  return strtoll(json_str(labels, name, "0"), NULL, 10);
}

static struct record *find(struct record_list *list, int64_t revision, const char *started_at) {
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].revision == revision && strcmp(list->items[i].started_at, started_at) == 0)
      return &list->items[i];
  return NULL;
}

static int read_labels(const cJSON *labels, struct record *r, struct err *err) {
  const char *steps = json_str(labels, "tandem.steps", ""), *holder = json_str(labels, "tandem.holder", "");
  CLEANUP_JSON cJSON *who = NULL;
  r->revision = label_number(labels, "tandem.revision");
  r->base = label_number(labels, "tandem.base");
  r->kind = strdup(json_str(labels, "tandem.kind", ""));
  r->summary = strdup(json_str(labels, "tandem.summary", ""));
  r->started_at = strdup(json_str(labels, "tandem.started", ""));
  r->ids = cJSON_CreateObject();
  if (!r->kind || !r->summary || !r->started_at || !r->ids)
    return err_no_memory(err);
  if (json_parse(holder, strlen(holder), &who, NULL) == 0)
    holder_parse(who, &r->holder);
  return json_parse(steps, strlen(steps), &r->steps, err);
}

static struct record *add_record(struct record_list *list, const cJSON *labels, struct err *err) {
  struct record *items = realloc(list->items, (list->count + 1) * sizeof(*items));
  if (!items) {
    err_no_memory(err);
    return NULL;
  }
  list->items = items;
  struct record r = {0};
  if (read_labels(labels, &r, err) < 0) {
    record_release(&r);
    return NULL;
  }
  size_t at = list->count++;
  for (; at > 0 && items[at - 1].revision < r.revision; at--)
    items[at] = items[at - 1];
  items[at] = r;
  return &items[at];
}

static bool has_suffix(const char *text, const char *suffix) {
  size_t a = strlen(text), b = strlen(suffix);
  return a >= b && strcmp(text + a - b, suffix) == 0;
}

int record_add(struct record_list *list, const char *machine, const cJSON *containers, struct err *err) {
  const cJSON *c;
  cJSON_ArrayForEach(c, containers) {
    const cJSON *labels = json_get(c, "Labels");
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(json_get(c, "Names"), 0));
    struct record *r = find(list, label_number(labels, "tandem.revision"), json_str(labels, "tandem.started", ""));
    if (!r && !(r = add_record(list, labels, err)))
      return err_wrap(err, "%s: the record %s cannot be read", machine, name ? name + (*name == '/') : "?");
    r->committed = r->committed || (name && has_suffix(name, ".committed"));
    if (!json_put_str(r->ids, machine, json_str(c, "Id", "")))
      return err_no_memory(err);
  }
  return 0;
}

/* --- as a journal ------------------------------------------------------------------------------------------------ */

/* The container that a create of this transaction has made; NULL: none. */
static const char *created_by(const struct record *r, const struct step *s, const struct observed *observed) {
  const struct observed_machine *m = observed_machine(observed, s->machine);
  for (size_t i = 0; m && i < m->container_count; i++)
    if (m->containers[i].revision == r->revision && strcmp(m->containers[i].service, s->service) == 0)
      return m->containers[i].id;
  return NULL;
}

static int add_row(const struct record *r, const struct step *s, const struct observed *observed,
                   struct journal_row *row, struct err *err) {
  const char *id = NULL;
  *row = (struct journal_row){.step = s->index, .mark = JOURNAL_INTENT, .at_us = log_now_us(), .duration_ms = -1};
  if (s->kind == STEP_RECORD_CREATE)
    id = json_str(r->ids, s->machine, NULL);
  else if (s->kind == STEP_CONTAINER_CREATE)
    id = created_by(r, s, observed);
  if (!id)
    return 0;
  row->result = cJSON_CreateObject();
  return row->result && json_put_str(row->result, "id", id) ? 0 : err_no_memory(err);
}

int record_rows(const struct record *r, const struct observed *observed, struct journal_rows *ret_rows,
                struct err *err) {
  struct steps steps = {0};
  struct journal_rows rows = {0};
  if (steps_from_json(r->steps, &steps, err) < 0)
    return -1;
  rows.items = calloc(steps.count + 1, sizeof(*rows.items));
  int rc = rows.items ? 0 : err_no_memory(err);
  for (size_t i = 0; rc == 0 && i < steps.count; i++)
    rc = add_row(r, &steps.items[i], observed, &rows.items[rows.count++], err);
  steps_release(&steps);
  if (rc < 0) {
    journal_rows_release(&rows);
    return -1;
  }
  *ret_rows = rows;
  return 0;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

struct search {
  struct record_list list;
  struct err err;
  size_t pending;
  record_cb *cb;
  void *arg;
};

struct question {
  struct search *search;
  const char *machine;
};

static void search_end(struct search *s) {
  if (--s->pending)
    return;
  if (s->err.kind)
    record_list_release(&s->list);
  s->cb(s->arg, s->err.kind ? NULL : &s->list, s->err.kind ? &s->err : NULL);
  err_release(&s->err);
  free(s);
}

static void answered(void *arg, const struct engine_reply *reply, struct err *err) {
  struct question *q = arg;
  struct search *s = q->search;
  struct err failure = ERR_INIT;
  if (!reply)
    err_move(&failure, err);
  else
    record_add(&s->list, q->machine, reply->json, &failure);
  if (failure.kind && !s->err.kind)
    err_move(&s->err, &failure);
  err_release(&failure);
  free(q);
  search_end(s);
}

static void ask(struct search *s, const struct machine_link *link, const char *const labels[2]) {
  struct question *q = calloc(1, sizeof(*q));
  if (!q) {
    err_no_memory(s->err.kind ? NULL : &s->err);
    return;
  }
  *q = (struct question){.search = s, .machine = link->name};
  s->pending++;
  container_list(link->engine, labels, 2, answered, q);
}

int record_find(struct machines *machines, const char *project, record_cb *cb, void *arg, struct err *err) {
  struct search *s = calloc(1, sizeof(*s));
  char label[300];
  if (!s)
    return err_no_memory(err);
  *s = (struct search){.pending = 1, .cb = cb, .arg = arg};
  snprintf(label, sizeof(label), "tandem.project=%s", project);
  const char *const labels[2] = {label, "tandem.role=record"};
  for (size_t i = 0; i < machines->count; i++)
    if (machines->items[i].open)
      ask(s, &machines->items[i], labels);
  search_end(s);
  return 0;
}

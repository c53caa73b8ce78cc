#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "controller/manifest/interpolate.h"
#include "controller/manifest/scalar.h"
#include "controller/manifest/schema.h"

struct walk {
  const struct variables *variables;
  struct strv *warnings;
  struct err *err;
};

static int warn(struct walk *w, const struct node *n, const char *text, const char *what) {
  char *line = NULL;
  if (asprintf(&line, "%s:%d:%d: \"%s\" %s", n->pos.file, n->pos.line, n->pos.column, what, text) < 0)
    return err_no_memory(w->err);
  int failed = w->warnings ? strv_add_once(w->warnings, line, w->err) : 0;
  free(line);
  return failed;
}

static int cast_bool(struct walk *w, struct node *n) {
  static const struct {
    const char *text;
    bool value, old;
  } names[] = {{"true", true, false}, {"false", false, false}, {"y", true, true},   {"yes", true, true},
               {"on", true, true},    {"n", false, true},      {"no", false, true}, {"off", false, true}};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    if (strcasecmp(n->text, names[i].text) != 0)
      continue;
    n->kind = NODE_BOOL;
    n->boolean = names[i].value;
    if (!names[i].old)
      return 0;
    return warn(w, n, "is no boolean to YAML 1.2, expected true or false", n->text);
  }
  return node_error(w->err, n, "\"%s\" is no boolean, expected true or false", n->text);
}

static int cast_int(struct walk *w, struct node *n) {
  char *end = NULL;
  errno = 0;
  long long value = strtoll(n->text, &end, 10);
  if (!*n->text || strchr(" \t\n", *n->text) || *end || errno)
    return node_error(w->err, n, "\"%s\" is no whole number", n->text);
  n->kind = NODE_INT;
  n->integer = value;
  n->number = (double)value;
  return 0;
}

static int cast_float(struct walk *w, struct node *n) {
  double value = 0;
  if (!scalar_float(n->text, &value))
    return node_error(w->err, n, "\"%s\" is no number", n->text);
  n->kind = NODE_FLOAT;
  n->number = value;
  return 0;
}

static int warn_unset(struct walk *w, const struct node *n, struct strv *unset) {
  for (size_t i = 0; i < unset->count; i++)
    if (warn(w, n, "is not set, taken as empty", unset->items[i]) < 0)
      return -1;
  return 0;
}

static int walk_text(struct walk *w, struct node *n, const struct rule *rule) {
  if (strchr(n->text, '$')) {
    CLEANUP_STRV struct strv unset = STRV_INIT;
    struct variables v = *w->variables;
    v.unset = &unset;
    char *text = NULL;
    if (interpolate_text(n->text, &v, &text, w->err) < 0) {
      if (n->pos.file)
        err_wrap(w->err, "%s:%d:%d", n->pos.file, n->pos.line, n->pos.column);
      return -1;
    }
    free(n->text);
    n->text = text;
    if (warn_unset(w, n, &unset) < 0)
      return -1;
  }
  switch (rule ? rule->cast : CAST_NONE) {
  case CAST_BOOL:
    return cast_bool(w, n);
  case CAST_INT:
    return cast_int(w, n);
  case CAST_FLOAT:
    return cast_float(w, n);
  default:
    return 0;
  }
}

static int walk(struct walk *w, struct node *n, const struct rule *rule) {
  if (n->kind == NODE_STRING)
    return walk_text(w, n, rule);
  for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
    if (walk(w, n->items[i], rule_item(rule)) < 0)
      return -1;
  for (size_t i = 0; n->kind == NODE_MAP && i < n->count; i++)
    if (walk(w, n->pairs[i].value, rule_member(rule, n->pairs[i].key)) < 0)
      return -1;
  return 0;
}

int interpolate_tree(struct node *n, const struct rule *rule, const struct variables *v, struct strv *warnings,
                     struct err *err) {
  struct walk w = {.variables = v, .warnings = warnings, .err = err};
  return walk(&w, n, rule);
}

#include "controller/manifest/schema.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "api/base/buf.h"

const struct rule *rule_member(const struct rule *rule, const char *key) {
  const struct rule *m = rule ? rule->members : NULL;
  for (; m && m->key; m++)
    if (strcmp(m->key, key) == 0 || strcmp(m->key, "*") == 0)
      return m;
  return NULL;
}

const struct rule *rule_item(const struct rule *rule) {
  return rule ? rule->item : NULL;
}

static unsigned kind_bit(const struct node *n) {
  switch (n->kind) {
  case NODE_NULL:
    return A_NULL;
  case NODE_BOOL:
    return A_BOOL;
  case NODE_INT:
    return A_INT;
  case NODE_FLOAT:
    return n->number == floor(n->number) ? A_INT : A_NUMBER & ~A_INT;
  case NODE_STRING:
    return A_STRING;
  case NODE_LIST:
    return A_LIST;
  case NODE_MAP:
    return A_MAP;
  }
  return 0;
}

static const char *kind_name(const struct node *n) {
  static const char *const names[] = {"null", "a boolean", "a number", "a number", "text", "a list", "a map"};
  return names[n->kind];
}

static int wrong_kind(const struct node *n, const struct rule *rule, const char *key, struct err *err) {
  static const struct {
    unsigned bits;
    const char *name;
  } names[] = {{A_STRING, "text"}, {A_BOOL, "a boolean"}, {A_NUMBER, "a number"}, {A_INT, "a whole number"},
               {A_LIST, "a list"}, {A_MAP, "a map"},      {A_NULL, "null"}};
  CLEANUP_BUF struct buf expected = BUF_INIT(0);
  unsigned left = rule->accepts;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    if ((left & names[i].bits) != names[i].bits)
      continue;
    left &= ~names[i].bits;
    buf_printf(&expected, NULL, "%s%s", expected.len == 0 ? "" : left ? ", " : " or ", names[i].name);
  }
  return node_error(err, n, "%s is %s, expected %s", key, kind_name(n), buf_text(&expected));
}

/* Letters to change, add, drop or swap; more than 3 is 9. */
static int distance(const char *a, const char *b) {
  size_t la = strlen(a);
  size_t lb = strlen(b);
  int rows[2][33];
  if (la > 31 || lb > 31)
    return 9;
  for (size_t j = 0; j <= lb; j++)
    rows[0][j] = (int)j;
  for (size_t i = 1; i <= la; i++) {
    int *now = rows[i % 2];
    const int *before = rows[(i + 1) % 2];
    now[0] = (int)i;
    for (size_t j = 1; j <= lb; j++) {
      int change = before[j - 1] + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
      int add = now[j - 1] + 1;
      int drop = before[j] + 1;
      now[j] = change < add ? change : add;
      now[j] = now[j] < drop ? now[j] : drop;
    }
  }
  return rows[la % 2][lb];
}

static int unknown_key(const struct node_pair *pair, const struct rule *rule, const char *key, struct err *err) {
  const struct rule *best = NULL;
  int best_distance = 4;
  for (const struct rule *m = rule->members; m && m->key; m++) {
    int d = distance(pair->key, m->key);
    if (d >= best_distance || d > (int)strlen(m->key) / 2)
      continue;
    best_distance = d;
    best = m;
  }
  if (best)
    return position_error(err, &pair->key_pos, "\"%s\" is no key of %s, did you mean \"%s\"?", pair->key, key,
                          best->key);
  return position_error(err, &pair->key_pos, "\"%s\" is no key of %s, expected one of the Compose Specification",
                        pair->key, key);
}

static bool is_entry_name(const char *key) {
  for (const char *p = key; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
      return false;
  return *key;
}

static const char *shown(const char *key) {
  return *key ? key : "the file";
}

static int check(const struct node *n, const struct rule *rule, const char *key, struct err *err);

static int check_map(const struct node *n, const struct rule *rule, const char *key, struct err *err) {
  for (size_t i = 0; i < n->count; i++) {
    const struct node_pair *pair = &n->pairs[i];
    const struct rule *m = rule_member(rule, pair->key);
    if (m && strcmp(m->key, "*") == 0 && (rule->flags & R_ENTRY_NAMES) && !is_entry_name(pair->key))
      return position_error(err, &pair->key_pos, "\"%s\" is no name for one of %s, expected letters, digits, . _ or -",
                            pair->key, shown(key));
    if (m && check(pair->value, m, pair->key, err) < 0)
      return -1;
    if (m || (rule->flags & R_OPEN))
      continue;
    if (strncmp(pair->key, "x-", 2) != 0 || (rule->flags & R_NO_EXTENSIONS))
      return unknown_key(pair, rule, shown(key), err);
  }
  for (const struct rule *m = rule->members; m && m->key; m++)
    if ((m->flags & R_REQUIRED) && !node_get(n, m->key))
      return node_error(err, n, "%s has no \"%s\", which it needs", shown(key), m->key);
  return 0;
}

static bool same_scalar(const struct node *a, const struct node *b) {
  return a->kind == b->kind && a->text && b->text && strcmp(a->text, b->text) == 0;
}

static int check_list(const struct node *n, const struct rule *rule, const char *key, struct err *err) {
  for (size_t i = 0; i < n->count; i++) {
    if (rule->item && check(n->items[i], rule->item, key, err) < 0)
      return -1;
    for (size_t j = 0; (rule->flags & R_UNIQUE) && j < i; j++)
      if (same_scalar(n->items[j], n->items[i]))
        return node_error(err, n->items[i], "\"%s\" stands in %s twice", n->items[i]->text, key);
  }
  return 0;
}

static int check_text(const struct node *n, const struct rule *rule, const char *key, struct err *err) {
  if (rule->pattern && !rule->pattern(n->text))
    return node_error(err, n, "\"%s\" is no %s", n->text, key);
  if (!rule->words)
    return 0;
  CLEANUP_BUF struct buf words = BUF_INIT(0);
  for (const char *const *w = rule->words; *w; w++) {
    if (strcmp(*w, n->text) == 0)
      return 0;
    buf_printf(&words, NULL, "%s%s", words.len ? ", " : "", *w);
  }
  return node_error(err, n, "%s is \"%s\", expected one of %s", key, n->text, buf_text(&words));
}

static bool in_range(const struct node *n, const struct rule *rule) {
  if (rule->min == rule->max || (n->kind != NODE_INT && n->kind != NODE_FLOAT))
    return true;
  return n->number >= rule->min && (rule->max == INT32_MAX || n->number <= rule->max);
}

static int check(const struct node *n, const struct rule *rule, const char *key, struct err *err) {
  if (!(kind_bit(n) & rule->accepts))
    return wrong_kind(n, rule, key, err);
  if (!in_range(n, rule))
    return node_error(err, n, "%s is %s, expected %d to %d", key, n->text, rule->min, rule->max);
  switch (n->kind) {
  case NODE_MAP:
    return check_map(n, rule, strcmp(key, "*") == 0 ? "this map" : key, err);
  case NODE_LIST:
    return check_list(n, rule, key, err);
  case NODE_STRING:
    return check_text(n, rule, key, err);
  default:
    return 0;
  }
}

int schema_check(const struct node *n, const struct rule *rule, struct err *err) {
  return check(n, rule, rule->key, err);
}

/* Small readings of scalars that several parts of the fleet share. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/manifest/fleet_private.h"

/* Drops "." and "..", doubled and trailing slashes, in place. The path is absolute. */
static void clean_path(char *path) {
  char *out = path;
  for (const char *in = path; *in;) {
    while (*in == '/')
      in++;
    size_t len = strcspn(in, "/");
    if (len == 2 && strncmp(in, "..", 2) == 0) {
      while (out > path && *--out != '/')
        ;
    } else if (len && !(len == 1 && *in == '.')) {
      *out++ = '/';
      memmove(out, in, len);
      out += len;
    }
    in += len;
  }
  if (out == path)
    *out++ = '/';
  *out = '\0';
}

char *fleet_path(const char *base, const char *path) {
  char *full = NULL;
  if (*path == '/')
    full = strdup(path);
  else if (asprintf(&full, "%s/%s", base, path) < 0)
    return NULL;
  if (full && *full == '/')
    clean_path(full);
  return full;
}

const char *fleet_env(const struct strv *environment, const char *name) {
  size_t len = strlen(name);
  for (size_t i = environment->count; i > 0; i--) {
    const char *item = environment->items[i - 1];
    if (strncmp(item, name, len) == 0 && item[len] == '=')
      return item + len + 1;
  }
  return NULL;
}

static double unit_ns(const char *text, size_t *ret_len) {
  static const struct {
    const char *name;
    double ns;
  } units[] = {{"ns", 1},   {"us", 1e3},   {"µs", 1e3},    {"ms", 1e6},       {"s", 1e9},
               {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"w", 7 * 86400e9}};
  for (size_t i = 0; i < COUNT_OF(units); i++) {
    size_t len = strlen(units[i].name);
    if (strncmp(text, units[i].name, len) == 0 && (!text[len] || strchr("0123456789.", text[len]))) {
      *ret_len = len;
      return units[i].ns;
    }
  }
  return 0;
}

bool fleet_duration_ns(const char *text, int64_t *ret_ns) {
  double total = 0;
  if (strcmp(text, "0") == 0)
    return *ret_ns = 0, true;
  if (!*text)
    return false;
  while (*text) {
    size_t digits = strspn(text, "0123456789."), len;
    char number[32];
    if (!digits || digits >= sizeof(number))
      return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    char *end;
    double value = strtod(number, &end), ns = unit_ns(text + digits, &len);
    if (*end || ns == 0)
      return false;
    total += value * ns;
    text += digits + len;
  }
  if (total >= 9.2e18)
    return false;
  *ret_ns = (int64_t)llround(total);
  return true;
}

bool fleet_number(const struct node *n, double *ret) {
  if (!n || (n->kind != NODE_INT && n->kind != NODE_FLOAT && n->kind != NODE_STRING) || !n->text)
    return false;
  if (n->kind != NODE_STRING)
    return *ret = n->number, true;
  char *end;
  double value = strtod(n->text, &end);
  if (end == n->text || *end || !isfinite(value) || strspn(n->text, "0123456789.eE+-") != strlen(n->text))
    return false;
  return *ret = value, true;
}

bool fleet_int(const struct node *n, int64_t *ret) {
  if (n && n->kind == NODE_INT)
    return *ret = n->integer, true;
  if (!n || n->kind != NODE_STRING || !n->text || !*n->text)
    return false;
  char *end;
  errno = 0;
  long long value = strtoll(n->text, &end, 10);
  if (*end || errno || strspn(n->text, "0123456789-") != strlen(n->text))
    return false;
  return *ret = value, true;
}

bool fleet_is_true(const struct node *n) {
  return n && n->kind == NODE_BOOL ? n->boolean : strcmp(node_text(n, ""), "true") == 0;
}

int fleet_copy_text(char **to, const struct node *n, struct err *err) {
  const char *text = node_text(n, NULL);
  if (!text || n->kind == NODE_NULL)
    return 0;
  char *copy = strdup(text);
  if (!copy)
    return err_no_memory(err);
  free(*to);
  *to = copy;
  return 0;
}

int fleet_copy_list(struct strv *to, const struct node *n, struct err *err) {
  if (n && n->kind != NODE_LIST)
    return n->kind == NODE_NULL || !n->text ? 0 : strv_add(to, n->text, err);
  for (size_t i = 0; n && i < n->count; i++)
    if (strv_add(to, node_text(n->items[i], ""), err) < 0)
      return -1;
  return 0;
}

/* How many letters are to be changed, added or left out to make one of the other; long names count as far. */
static size_t distance(const char *a, const char *b) {
  size_t row[41], len = strlen(b);
  if (len > 40 || strlen(a) > 40)
    return SIZE_MAX;
  for (size_t j = 0; j <= len; j++)
    row[j] = j;
  for (size_t i = 0; a[i]; i++) {
    size_t corner = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < len; j++) {
      size_t change = corner + (a[i] != b[j]), other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
      corner = row[j + 1];
      row[j + 1] = change < other ? change : other;
    }
  }
  return row[len];
}

const char *fleet_nearest(const char *name, const char *const *known, size_t count) {
  const char *best = NULL;
  size_t least = strlen(name) < 3 ? 2 : 3;
  for (size_t i = 0; i < count; i++) {
    size_t d = distance(name, known[i]);
    if (d < least) {
      least = d;
      best = known[i];
    }
  }
  return best;
}

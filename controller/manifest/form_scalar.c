#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "controller/manifest/form.h"
#include "controller/manifest/scalar.h"
#include "controller/manifest/units.h"

static int put_text(const char *text, struct position pos, bool empty_too, struct node **ret, struct err *err) {
  if (!*text && !empty_too)
    return 0;
  *ret = node_string(text, pos);
  return *ret ? 0 : err_no_memory(err);
}

static int put_number(double number, int64_t integer, enum node_kind kind, const char *text, struct position pos,
                      struct node **ret, struct err *err) {
  struct node *n = node_string(text, pos);
  if (!n)
    return err_no_memory(err);
  n->kind = kind;
  n->integer = integer;
  n->number = number;
  *ret = n;
  return 0;
}

static int put_integer(int64_t value, struct position pos, bool zero_too, struct node **ret, struct err *err) {
  char text[32];
  if (value == 0 && !zero_too)
    return 0;
  snprintf(text, sizeof(text), "%lld", (long long)value);
  return put_number((double)value, value, NODE_INT, text, pos, ret, err);
}

static int form_string(const struct node *in, bool empty_too, struct node **ret, struct err *err) {
  if (!in || in->kind == NODE_NULL)
    return empty_too ? put_text("", in ? in->pos : (struct position){0}, true, ret, err) : 0;
  CLEANUP_FREE char *text = scalar_text(in);
  return text ? put_text(text, in->pos, empty_too, ret, err) : err_no_memory(err);
}

static int form_bool(const struct node *in, bool false_too, struct node **ret, struct err *err) {
  static const char *const yes[] = {"true", "y", "yes", "on"};
  static const char *const no[] = {"false", "n", "no", "off"};
  if (!in || in->kind == NODE_NULL)
    return 0;
  bool value = in->kind == NODE_BOOL && in->boolean;
  bool known = in->kind == NODE_BOOL;
  for (size_t i = 0; in->kind == NODE_STRING && i < COUNT_OF(yes); i++) {
    value = value || strcasecmp(in->text, yes[i]) == 0;
    known = known || value || strcasecmp(in->text, no[i]) == 0;
  }
  if (!known)
    return node_error(err, in, "\"%s\" is no boolean, expected true or false", node_text(in, ""));
  if (!value && !false_too)
    return 0;
  *ret = node_new(NODE_BOOL, in->pos);
  if (!*ret)
    return err_no_memory(err);
  (*ret)->boolean = value;
  return 0;
}

static bool read_integer(const struct node *in, int base, int64_t *ret) {
  if (in->kind == NODE_INT)
    return *ret = in->integer, true;
  if (in->kind == NODE_FLOAT)
    return *ret = (int64_t)in->number, fabs(in->number) < 9e18;
  if (in->kind != NODE_STRING || !*in->text || strspn(in->text, "+-0123456789") != strlen(in->text))
    return false;
  char *end = NULL;
  errno = 0;
  *ret = strtoll(in->text, &end, base);
  return !*end && !errno;
}

static int form_integer(const struct node *in, bool natural, bool zero_too, struct node **ret, struct err *err) {
  int64_t value = 0;
  if (!in || in->kind == NODE_NULL)
    return 0;
  if (!read_integer(in, 10, &value) || (natural && (value < 0 || in->kind == NODE_STRING)))
    return node_error(err, in, "\"%s\" is no %s", node_text(in, ""),
                      natural ? "number, expected 0 or more without quotes" : "whole number");
  return put_integer(value, in->pos, zero_too, ret, err);
}

/* The shortest decimal that is the same 32-bit float. */
static int form_float(const struct node *in, struct node **ret, struct err *err) {
  double value = 0;
  if (!in || in->kind == NODE_NULL)
    return 0;
  if (in->kind == NODE_STRING ? !scalar_float(in->text, &value) : in->kind != NODE_INT && in->kind != NODE_FLOAT)
    return node_error(err, in, "\"%s\" is no number", node_text(in, ""));
  float single = (float)(in->kind == NODE_STRING ? value : in->number);
  if (single == 0)
    return 0;
  char text[32];
  for (int digits = 1; digits <= 9; digits++) {
    snprintf(text, sizeof(text), "%.*g", digits, (double)single);
    if (strtof(text, NULL) == single)
      break;
  }
  return put_number(strtod(text, NULL), 0, NODE_FLOAT, text, in->pos, ret, err);
}

static int form_bytes(const struct node *in, bool zero_too, struct node **ret, struct err *err) {
  int64_t bytes = 0;
  char text[32];
  if (!in || in->kind == NODE_NULL)
    return 0;
  if (in->kind == NODE_INT)
    bytes = in->integer;
  else if (in->kind == NODE_STRING && bytes_parse(in->text, &bytes) < 0)
    return node_error(err, in, "\"%s\" is no size, expected bytes or a number with k, m, g, t or p", in->text);
  if (bytes == 0 && !zero_too)
    return 0;
  snprintf(text, sizeof(text), "%lld", (long long)bytes);
  return put_text(text, in->pos, true, ret, err);
}

static int form_duration(const struct node *in, bool zero_too, struct node **ret, struct err *err) {
  int64_t ns = 0;
  char text[32];
  if (!in || in->kind == NODE_NULL)
    return 0;
  if (duration_parse(node_text(in, ""), &ns) < 0)
    return node_error(err, in, "\"%s\" is no duration, expected a number with a unit like 10s or 1m30s",
                      node_text(in, ""));
  if (ns == 0 && !zero_too)
    return 0;
  duration_text(ns, text);
  return put_text(text, in->pos, true, ret, err);
}

static int form_file_mode(const struct node *in, struct node **ret, struct err *err) {
  int64_t mode = 0;
  char text[32];
  if (!in || in->kind == NODE_NULL)
    return 0;
  if (in->kind == NODE_FLOAT || !read_integer(in, 8, &mode))
    return node_error(err, in, "\"%s\" is no file mode, expected an octal number like 0440", node_text(in, ""));
  snprintf(text, sizeof(text), "0%llo", (unsigned long long)mode);
  return put_text(text, in->pos, true, ret, err);
}

static int form_count(const struct node *in, struct node **ret, struct err *err) {
  if (in && in->kind == NODE_STRING && strcasecmp(in->text, "all") == 0)
    return put_integer(-1, in->pos, false, ret, err);
  return form_integer(in, false, false, ret, err);
}

static int form_limit(const struct node *in, struct node **ret, struct err *err) {
  if (!in || in->kind == NODE_NULL)
    return 0;
  if (in->kind == NODE_INT && in->integer != 0)
    return put_integer(in->integer, in->pos, false, ret, err);
  *ret = node_new(NODE_MAP, in->pos);
  if (!*ret)
    return err_no_memory(err);
  static const char *const names[] = {"soft", "hard"};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    struct node *value = NULL;
    int rc = form_integer(node_get(in, names[i]), false, false, &value, err);
    if (rc == 0 && value && node_put(*ret, names[i], in->pos, value) < 0)
      rc = err_no_memory(err);
    if (rc < 0) {
      node_free(*ret);
      *ret = NULL;
      return -1;
    }
  }
  return 0;
}

int form_scalar(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  bool empty_too = rule->flags & R_PRINT_EMPTY;
  switch ((enum form)rule->form) {
  case FORM_STRING:
    return form_string(in, empty_too, ret, err);
  case FORM_BOOL:
  case FORM_EXTERNAL:
    return form_bool(in, false, ret, err);
  case FORM_BOOL_KEPT:
    return form_bool(in, true, ret, err);
  case FORM_INT:
    return form_integer(in, false, empty_too, ret, err);
  case FORM_INT_KEPT:
    return form_integer(in, false, true, ret, err);
  case FORM_UINT:
    return form_integer(in, true, empty_too, ret, err);
  case FORM_UINT_KEPT:
    return form_integer(in, true, true, ret, err);
  case FORM_FLOAT:
  case FORM_CPUS:
    return form_float(in, ret, err);
  case FORM_BYTES:
    return form_bytes(in, empty_too, ret, err);
  case FORM_DURATION:
    return form_duration(in, false, ret, err);
  case FORM_DURATION_KEPT:
    return form_duration(in, true, ret, err);
  case FORM_FILE_MODE_KEPT:
    return form_file_mode(in, ret, err);
  case FORM_COUNT:
    return form_count(in, ret, err);
  case FORM_ULIMIT:
    return form_limit(in, ret, err);
  default:
    return err_set(err, ERR_INTERNAL, "no form for %s", rule->key);
  }
}

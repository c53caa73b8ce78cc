#include "controller/manifest/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORE_TAG "tag:yaml.org,2002:"

bool scalar_integer(const char *text, int64_t *ret_value) {
  const char *digits = text + (*text == '-' || *text == '+');
  int base = 10;
  if (digits[0] == '0' && digits[1]) {
    int mark = tolower((unsigned char)digits[1]);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    digits += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
  }
  if (!isxdigit((unsigned char)*digits))
    return false;
  char *end = NULL;
  errno = 0;
  unsigned long long magnitude = strtoull(digits, &end, base);
  if (*end || errno)
    return false;
  bool negative = *text == '-';
  if (magnitude > (unsigned long long)INT64_MAX + (negative ? 1 : 0))
    return false;
  *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
  return true;
}

bool scalar_float(const char *text, double *ret_value) {
  const char *p = text + (*text == '-' || *text == '+');
  size_t whole = strspn(p, "0123456789");
  p += whole;
  size_t fraction = 0;
  if (*p == '.') {
    fraction = strspn(p + 1, "0123456789");
    p += 1 + fraction;
  }
  if (whole + fraction == 0)
    return false;
  if (*p == 'e' || *p == 'E') {
    p += 1 + (p[1] == '-' || p[1] == '+');
    if (!isdigit((unsigned char)*p))
      return false;
    p += strspn(p, "0123456789");
  }
  if (*p)
    return false;
  *ret_value = strtod(text, NULL);
  return isfinite(*ret_value);
}

/* YYYY-M-D, alone or with a time behind it. */
static bool is_date(const char *text) {
  int month = 0;
  int day = 0;
  int used = 0;
  if (strspn(text, "0123456789") != 4 || text[4] != '-' || !isdigit((unsigned char)text[5]))
    return false;
  if (sscanf(text + 5, "%2d-%2d%n", &month, &day, &used) != 2 || month < 1 || month > 12 || day < 1 || day > 31)
    return false;
  const char *rest = text + 5 + used;
  if (!*rest)
    return true;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (*rest != 'T' && *rest != 't' && *rest != ' ')
    return false;
  bool zoned = *rest != ' ';
  if (sscanf(rest + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3 || hour > 23 || minute > 59 || second > 59)
    return false;
  rest += 1 + used;
  if (*rest == '.')
    rest += 1 + strspn(rest + 1, "0123456789");
  return zoned ? *rest == 'Z' || *rest == '+' || *rest == '-' : !*rest;
}

static void set_float(struct node *n, double value) {
  n->kind = NODE_FLOAT;
  n->number = value;
}

static bool named_value(struct node *n) {
  static const struct {
    const char *text;
    enum node_kind kind;
    double value;
  } names[] = {
      {"", NODE_NULL, 0},
      {"~", NODE_NULL, 0},
      {"null", NODE_NULL, 0},
      {"Null", NODE_NULL, 0},
      {"NULL", NODE_NULL, 0},
      {"true", NODE_BOOL, 1},
      {"True", NODE_BOOL, 1},
      {"TRUE", NODE_BOOL, 1},
      {"false", NODE_BOOL, 0},
      {"False", NODE_BOOL, 0},
      {"FALSE", NODE_BOOL, 0},
      {".nan", NODE_FLOAT, NAN},
      {".NaN", NODE_FLOAT, NAN},
      {".NAN", NODE_FLOAT, NAN},
      {".inf", NODE_FLOAT, INFINITY},
      {".Inf", NODE_FLOAT, INFINITY},
      {".INF", NODE_FLOAT, INFINITY},
      {"+.inf", NODE_FLOAT, INFINITY},
      {"+.Inf", NODE_FLOAT, INFINITY},
      {"+.INF", NODE_FLOAT, INFINITY},
      {"-.inf", NODE_FLOAT, -INFINITY},
      {"-.Inf", NODE_FLOAT, -INFINITY},
      {"-.INF", NODE_FLOAT, -INFINITY},
  };
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    if (strcmp(n->text, names[i].text) != 0)
      continue;
    n->kind = names[i].kind;
    n->boolean = names[i].kind == NODE_BOOL && names[i].value != 0;
    n->number = names[i].kind == NODE_FLOAT ? names[i].value : 0;
    return true;
  }
  return false;
}

/* Numbers may be written with underscores, but not those that start with a point. */
static int number_value(struct node *n) {
  double number = 0;
  if (*n->text == '.') {
    if (scalar_float(n->text, &number))
      set_float(n, number);
    return 0;
  }
  if (!isdigit((unsigned char)*n->text) && *n->text != '-' && *n->text != '+')
    return 0;
  CLEANUP_FREE char *plain = strdup(n->text);
  if (!plain)
    return -1;
  char *to = plain;
  for (const char *from = plain; *from; from++)
    if (*from != '_')
      *to++ = *from;
  *to = '\0';
  if (scalar_integer(plain, &n->integer)) {
    n->kind = NODE_INT;
    n->number = (double)n->integer;
  } else if (scalar_float(plain, &number)) {
    set_float(n, number);
  }
  return 0;
}

static int resolve_plain(struct node *n, struct err *err) {
  n->kind = NODE_STRING;
  if (named_value(n))
    return 0;
  if (is_date(n->text))
    return node_error(err, n, "\"%s\" is a date to YAML, expected text: put it in quotes", n->text);
  return number_value(n) < 0 ? err_no_memory(err) : 0;
}

static int base64_value(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* !!binary: the text becomes what it encodes. */
static int decode_binary(struct node *n, struct err *err) {
  size_t len = 0;
  size_t digits = 0;
  unsigned bits = 0;
  char *out = n->text;
  const char *in = n->text;
  for (; *in && *in != '='; in++) {
    if (*in == '\n' || *in == '\r')
      continue;
    int value = base64_value(*in);
    if (value < 0)
      break;
    bits = bits << 6 | (unsigned)value;
    digits++;
    if (digits % 4 != 1)
      out[len++] = (char)(bits >> (6 - 2 * ((digits - 1) % 4)));
  }
  size_t padding = strspn(in, "=\r\n");
  out[len] = '\0';
  if (in[padding] || digits % 4 == 1 || strlen(out) != len)
    return node_error(err, n, "this is no text in base64, as its tag says");
  return 0;
}

int scalar_resolve(struct node *n, const char *tag, bool plain, struct err *err) {
  static const struct {
    const char *tag;
    enum node_kind kind;
  } core[] = {{"int", NODE_INT}, {"float", NODE_FLOAT}, {"bool", NODE_BOOL}, {"null", NODE_NULL}};
  n->kind = NODE_STRING;
  if (!tag)
    return plain ? resolve_plain(n, err) : 0;
  if (strncmp(tag, CORE_TAG, strlen(CORE_TAG)) != 0)
    return 0;
  for (size_t i = 0; i < COUNT_OF(core); i++) {
    if (strcmp(tag + strlen(CORE_TAG), core[i].tag) != 0)
      continue;
    if (resolve_plain(n, err) < 0)
      return -1;
    if (n->kind == NODE_INT && core[i].kind == NODE_FLOAT)
      n->kind = NODE_FLOAT;
    return n->kind == core[i].kind ? 0 : node_error(err, n, "\"%s\" is no %s, as its tag says", n->text, core[i].tag);
  }
  if (strcmp(tag, CORE_TAG "binary") == 0)
    return decode_binary(n, err);
  if (strcmp(tag, CORE_TAG "timestamp") == 0)
    return node_error(err, n, "a timestamp cannot stand in a Compose file, expected text");
  return 0;
}

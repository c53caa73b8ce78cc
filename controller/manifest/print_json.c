#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/manifest/print.h"

size_t print_utf8_length(const unsigned char *s) {
  size_t len = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
      (*s == 0xf4 && s[1] > 0x8f))
    return 0;
  return len;
}

static int print_special(const unsigned char *s, size_t len, struct buf *out, struct err *err) {
  static const char plain[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
  const char *p = strchr(plain, *s);
  if (len == 0)
    return buf_puts(out, "\\ufffd", err);
  if (len == 3) /* U+2028 and U+2029 */
    return buf_printf(out, err, "\\u20%02x", s[2] & 0x3f);
  if (p)
    return buf_printf(out, err, "\\%c", letters[p - plain]);
  return buf_printf(out, err, "\\u%04x", *s);
}

int print_json_string(const char *text, bool dollars, struct buf *out, struct err *err) {
  const unsigned char *s = (const unsigned char *)text, *from = s;
  if (buf_puts(out, "\"", err) < 0)
    return -1;
  while (*s) {
    size_t len = print_utf8_length(s);
    bool separator = len == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8;
    bool special = len == 0 || separator || *s < 0x20 || strchr("\"\\<>&", *s);
    bool dollar = *s == '$' && dollars;
    if (special || dollar) {
      if (buf_append(out, from, (size_t)(s - from), err) < 0 ||
          (special ? print_special(s, len, out, err) : buf_puts(out, "$$", err)) < 0)
        return -1;
      from = s + (len ? len : 1);
    }
    s += len ? len : 1;
  }
  if (buf_append(out, from, (size_t)(s - from), err) < 0)
    return -1;
  return buf_puts(out, "\"", err);
}

void print_number(double number, char ret[32]) {
  if (fabs(number) < 1e15 && number == floor(number)) {
    snprintf(ret, 32, "%lld", (long long)number);
    return;
  }
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(ret, 32, "%.*g", digits, number);
    if (strtod(ret, NULL) == number)
      return;
  }
}

static int print_scalar(const struct node *n, bool dollars, struct buf *out, struct err *err) {
  char number[32];
  switch (n->kind) {
  case NODE_BOOL:
    return buf_puts(out, n->boolean ? "true" : "false", err);
  case NODE_INT:
    return buf_printf(out, err, "%lld", (long long)n->integer);
  case NODE_FLOAT:
    print_number(n->number, number);
    return buf_puts(out, number, err);
  case NODE_STRING:
    return print_json_string(n->text, dollars, out, err);
  default:
    return buf_puts(out, "null", err);
  }
}

static int print_break(const struct print_json *form, size_t depth, struct buf *out, struct err *err) {
  if (!form->indent)
    return 0;
  return buf_printf(out, err, "\n%*s", (int)(2 * depth), "");
}

static int print_value(const struct node *n, const struct print_json *form, size_t depth, struct buf *out,
                       struct err *err) {
  bool map = n->kind == NODE_MAP;
  if (!map && n->kind != NODE_LIST)
    return print_scalar(n, form->dollars, out, err);
  if (n->count == 0)
    return buf_puts(out, map ? "{}" : "[]", err);
  for (size_t i = 0; i < n->count; i++) {
    if (buf_puts(out, i ? "," : map ? "{" : "[", err) < 0 || print_break(form, depth + 1, out, err) < 0)
      return -1;
    if (map && (print_json_string(n->pairs[i].key, form->dollars, out, err) < 0 ||
                buf_puts(out, form->indent ? ": " : ":", err) < 0))
      return -1;
    if (print_value(map ? n->pairs[i].value : n->items[i], form, depth + 1, out, err) < 0)
      return -1;
  }
  return print_break(form, depth, out, err) < 0 ? -1 : buf_puts(out, map ? "}" : "]", err);
}

int print_json(const struct node *n, const struct print_json *form, struct buf *out, struct err *err) {
  return print_value(n, form, 0, out, err);
}

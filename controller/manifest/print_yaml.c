#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/manifest/print.h"

/* Digits and colons, as YAML 1.1 wrote numbers to the base of 60. */
static bool is_sexagesimal(const char *s) {
  return isdigit((unsigned char)*s) && strchr(s, ':') && strspn(s, "0123456789:._") == strlen(s);
}

static bool is_date(const char *s) {
  static const char form[] = "dddd-dd-dd";
  for (size_t i = 0; form[i]; i++)
    if (form[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != form[i])
      return false;
  return true;
}

/* Whether some reader of YAML would take the bare text for something else than a string. */
static bool looks_typed(const char *s) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "<<", "="};
  char number[64], *end = number;
  for (size_t i = 0; i < COUNT_OF(words); i++)
    if (strcasecmp(s, words[i]) == 0)
      return true;
  if (strcasecmp(s, ".inf") == 0 || strcasecmp(s, "-.inf") == 0 || strcasecmp(s, "+.inf") == 0 ||
      strcasecmp(s, ".nan") == 0 || is_date(s) || is_sexagesimal(s))
    return true;
  if (!strchr("+-.0123456789", *s) || strlen(s) >= sizeof(number))
    return false;
  for (const char *c = s; *c; c++)
    if (*c != '_')
      *end++ = *c;
  *end = '\0';
  const char *digits = number + (*number == '-' || *number == '+');
  if (*digits == '0' && digits[1] && strchr("oObB", digits[1]))
    return strspn(digits + 2, "01234567") == strlen(digits + 2);
  strtod(number, &end);
  return end != number && !*end;
}

/* Whether the bare text is one plain scalar. */
static bool is_plain(const char *s) {
  if (strchr("-?:", *s) ? !s[1] || s[1] == ' ' : strchr(" ,[]{}#&*!|>'\"%@`", *s) != NULL)
    return false;
  for (const char *c = s; *c; c++)
    if ((*c == ':' && (c[1] == ' ' || !c[1])) || (*c == '#' && c[-1] == ' '))
      return false;
  return s[strlen(s) - 1] != ' ';
}

/* Whether only escapes can say it: control characters, and any letter beyond ASCII for safety's sake. */
static bool needs_escapes(const char *s) {
  for (; *s; s++)
    if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
      return true;
  return false;
}

static bool is_printable(const unsigned char *s, size_t len) {
  if (len == 1)
    return *s >= 0x20 && *s != 0x7f;
  return len > 1 && !(s[0] == 0xc2 && s[1] < 0xa0);
}

/* The double-quoted form. Bytes that are no UTF-8 become U+FFFD. */
static int print_quoted(const char *text, struct buf *out, struct err *err) {
  const unsigned char *s = (const unsigned char *)text;
  if (buf_puts(out, "\"", err) < 0)
    return -1;
  for (size_t len; *s; s += len ? len : 1) {
    len = print_utf8_length(s);
    int rc;
    if (len == 0)
      rc = buf_puts(out, "\\uFFFD", err);
    else if (*s == '"' || *s == '\\')
      rc = buf_printf(out, err, "\\%c", *s);
    else if (*s == '\n' || *s == '\t')
      rc = buf_puts(out, *s == '\n' ? "\\n" : "\\t", err);
    else if (len == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8) /* line and paragraph separators */
      rc = buf_puts(out, s[2] == 0xa8 ? "\\L" : "\\P", err);
    else if (is_printable(s, len))
      rc = buf_append(out, s, len, err);
    else
      rc = buf_printf(out, err, "\\x%02X", len == 2 ? s[1] : *s);
    if (rc < 0)
      return -1;
  }
  return buf_puts(out, "\"", err);
}

static int print_single(const char *s, struct buf *out, struct err *err) {
  if (buf_puts(out, "'", err) < 0)
    return -1;
  for (; *s; s++)
    if (buf_append(out, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1, err) < 0)
      return -1;
  return buf_puts(out, "'", err);
}

static int print_line(const char *s, struct buf *out, struct err *err) {
  if (!*s || looks_typed(s) || needs_escapes(s))
    return print_quoted(s, out, err);
  return is_plain(s) ? buf_puts(out, s, err) : print_single(s, out, err);
}

/* Several lines as a literal block: none that begins with a blank, no other control characters. */
static bool is_block(const char *s) {
  if (!strchr(s, '\n') || *s == ' ' || *s == '\n' || *s == '\t')
    return false;
  for (const char *c = s; *c; c++)
    if (((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f || (unsigned char)*c >= 0x80)
      return false;
  return true;
}

static int print_block(const char *s, size_t depth, struct buf *out, struct err *err) {
  size_t len = strlen(s), newlines = 0;
  while (newlines < len && s[len - 1 - newlines] == '\n')
    newlines++;
  if (buf_puts(out, newlines == 0 ? "|-" : newlines == 1 ? "|" : "|+", err) < 0)
    return -1;
  while (*s) {
    size_t line = strcspn(s, "\n");
    if (buf_printf(out, err, "\n%*s", line ? (int)(2 * depth) : 0, "") < 0 || buf_append(out, s, line, err) < 0)
      return -1;
    s += line + (s[line] == '\n');
  }
  return 0;
}

static int print_text(const char *text, size_t depth, struct buf *out, struct err *err) {
  CLEANUP_BUF struct buf doubled = BUF_INIT(0);
  for (const char *s = text; *s; s++)
    if (buf_append(&doubled, *s == '$' ? "$$" : s, *s == '$' ? 2 : 1, err) < 0)
      return -1;
  const char *s = buf_text(&doubled);
  return is_block(s) ? print_block(s, depth, out, err) : print_line(s, out, err);
}

static int print_key(const char *key, struct buf *out, struct err *err) {
  return print_line(key, out, err) < 0 ? -1 : buf_puts(out, ":", err);
}

static int print_scalar(const struct node *n, size_t depth, struct buf *out, struct err *err) {
  const struct print_json form = {0};
  if (n->kind == NODE_MAP)
    return buf_puts(out, "{}", err);
  if (n->kind == NODE_LIST)
    return buf_puts(out, "[]", err);
  return n->kind == NODE_STRING ? print_text(n->text, depth, out, err) : print_json(n, &form, out, err);
}

static bool has_parts(const struct node *n) {
  return (n->kind == NODE_MAP || n->kind == NODE_LIST) && n->count > 0;
}

/* The cursor stands at the place of the first key or dash; the following ones go to lines of their own. */
static int print_parts(const struct node *n, size_t depth, struct buf *out, struct err *err) {
  for (size_t i = 0; i < n->count; i++) {
    const struct node *v = n->kind == NODE_MAP ? n->pairs[i].value : n->items[i];
    if (i && buf_printf(out, err, "%*s", (int)(2 * depth), "") < 0)
      return -1;
    if (n->kind == NODE_MAP ? print_key(n->pairs[i].key, out, err) < 0 : buf_puts(out, "-", err) < 0)
      return -1;
    if (!has_parts(v)) {
      if (buf_puts(out, " ", err) < 0 || print_scalar(v, depth + 1, out, err) < 0 || buf_puts(out, "\n", err) < 0)
        return -1;
      continue;
    }
    int rc = n->kind == NODE_MAP ? buf_printf(out, err, "\n%*s", (int)(2 * (depth + 1)), "") : buf_puts(out, " ", err);
    if (rc < 0 || print_parts(v, depth + 1, out, err) < 0)
      return -1;
  }
  return 0;
}

int print_yaml(const struct node *n, size_t depth, struct buf *out, struct err *err) {
  if (!has_parts(n))
    return print_scalar(n, depth, out, err) < 0 ? -1 : buf_puts(out, "\n", err);
  return print_parts(n, depth, out, err);
}

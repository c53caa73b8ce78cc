#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/manifest/print.h"

/* Whether a plain scalar of this text would read back as that very string. */
static bool is_plain(const char *s) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "<<", "="};
  if (!*s || strchr(" -?:,[]{}#&*!|>'\"%@`.+0123456789\t", *s))
    return strchr("0123456789.", *s) && *s && strspn(s, "0123456789.eExXoO_+-:abcdefABCDEF") != strlen(s) &&
           !strpbrk(s, ":#\n\t\\\"") && s[strlen(s) - 1] != ' ';
  for (size_t i = 0; i < COUNT_OF(words); i++)
    if (strcasecmp(s, words[i]) == 0)
      return false;
  for (const char *c = s; *c; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f || (*c == ':' && (c[1] == ' ' || !c[1])) || (*c == '#' && c[-1] == ' '))
      return false;
    if ((unsigned char)*c >= 0x80)
      return false;
  }
  return s[strlen(s) - 1] != ' ';
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
  if (is_plain(s))
    return buf_puts(out, s, err);
  if (is_block(s))
    return print_block(s, depth, out, err);
  return print_json_string(s, false, out, err); /* which is YAML's double-quoted form as well */
}

static int print_key(const char *key, struct buf *out, struct err *err) {
  if (is_plain(key))
    return buf_printf(out, err, "%s:", key);
  return print_json_string(key, false, out, err) < 0 ? -1 : buf_puts(out, ":", err);
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

#include "controller/manifest/dotenv.h"

#include <ctype.h>
#include <string.h>

#include "api/base/buf.h"
#include "controller/manifest/interpolate.h"

#define VALUE_LIMIT ((size_t)16 << 20)

struct dotenv {
  const char *name;
  const char *at;
  const char *end;
  int line;
  const struct strv *outer;
  struct strv *env;
  struct err *err;
};

static int fail(struct dotenv *d, const char *what, const char *detail, size_t len) {
  return err_set(d->err, ERR_INPUT, "%s:%d:1: %s %.*s", d->name, d->line, what, (int)(len > 80 ? 80 : len), detail);
}

static bool is_blank(const struct dotenv *d) {
  return d->at < d->end && strchr("\t\v\f\r ", *d->at) && *d->at;
}

static void skip_blanks(struct dotenv *d) {
  while (is_blank(d))
    d->at++;
}

static size_t line_length(const struct dotenv *d) {
  const char *newline = memchr(d->at, '\n', (size_t)(d->end - d->at));
  return (size_t)((newline ? newline : d->end) - d->at);
}

/* To the next statement, over empty lines and comments. False at the end. */
static bool next_statement(struct dotenv *d) {
  while (d->at < d->end) {
    if (isspace((unsigned char)*d->at)) {
      d->line += *d->at++ == '\n';
    } else if (*d->at == '#') {
      d->at += line_length(d);
    } else {
      return true;
    }
  }
  return false;
}

/* Reads "K=", "K:" or "K\n". Sets *ret_bare for the last. At the end of the file there is no bare form: then the key is
 * empty and the text is the value. */
static int read_key(struct dotenv *d, char **ret_key, bool *ret_bare) {
  if (d->end - d->at > 6 && strncmp(d->at, "export", 6) == 0 && isspace((unsigned char)d->at[6])) {
    d->at += 6;
    skip_blanks(d);
  }
  const char *start = d->at;
  const char *p = start;
  while (p < d->end && !strchr("=:\n", *p)) {
    bool fine = isalnum((unsigned char)*p) || strchr("_.-[]\t\v\f\r ", *p) || (*p & 0x80);
    if (!fine || !*p)
      return fail(d, "unexpected character in the name", d->at, line_length(d));
    p++;
  }
  *ret_bare = p < d->end && *p == '\n';
  const char *stop = p < d->end ? p : start;
  d->at = p < d->end ? p + 1 : start;
  while (stop > start && isspace((unsigned char)stop[-1]))
    stop--;
  if (memchr(start, ' ', (size_t)(stop - start)))
    return fail(d, "a name cannot contain a space:", start, (size_t)(stop - start));
  *ret_key = strndup(start, (size_t)(stop - start));
  return *ret_key ? 0 : err_no_memory(d->err);
}

/* Variables of the value, and a position for what is wrong with them. */
static int expand(struct dotenv *d, const char *text, char **ret_value) {
  const struct variables v = {.first = d->outer, .second = d->env};
  if (interpolate_text(text, &v, ret_value, d->err) < 0)
    return err_wrap(d->err, "%s:%d:1", d->name, d->line);
  return 0;
}

static int read_unquoted(struct dotenv *d, char **ret_value) {
  size_t len = line_length(d);
  const char *comment = memmem(d->at, len, " #", 2);
  size_t used = comment ? (size_t)(comment - d->at) : len;
  while (used > 0 && isspace((unsigned char)d->at[used - 1]))
    used--;
  CLEANUP_FREE char *text = strndup(d->at, used);
  if (!text)
    return err_no_memory(d->err);
  int failed = expand(d, text, ret_value);
  d->at += len + (d->at + len < d->end);
  d->line++;
  return failed;
}

static int put_rune(struct buf *out, unsigned value, struct err *err) {
  char two[2] = {(char)(0xC0 | value >> 6), (char)(0x80 | (value & 0x3F))};
  char one = (char)value;
  return value < 0x80 ? buf_append(out, &one, 1, err) : buf_append(out, two, 2, err);
}

/* "\0" and up to three digits: octal with exactly three, else the digits stay behind a backslash. */
static int put_octal(struct buf *out, const char **at, struct err *err) {
  size_t digits = strspn(*at, "0123456789");
  if (digits > 3)
    digits = 3;
  const char *text = *at;
  *at += digits;
  unsigned value = 0;
  bool octal = digits == 3;
  for (size_t i = 0; i < digits; i++) {
    octal = octal && text[i] < '8';
    value = value * 8 + (unsigned)(text[i] - '0');
  }
  if (octal && value < 256)
    return put_rune(out, value, err);
  return buf_append(out, "\\", 1, err) < 0 ? -1 : buf_append(out, text, digits, err);
}

static int unescape(const char *text, struct buf *out, struct err *err) {
  static const char names[] = "abfnrtv\\\"";
  static const char values[] = "\a\b\f\n\r\t\v\\\"";
  while (*text) {
    const char *name = *text == '\\' && text[1] ? strchr(names, text[1]) : NULL;
    int failed = 0;
    if (name) {
      failed = buf_append(out, &values[name - names], 1, err);
      text += 2;
    } else if (*text == '\\' && text[1] == '$') {
      failed = buf_append(out, "$$", 2, err);
      text += 2;
    } else if (*text == '\\' && text[1] == '0') {
      text += 2;
      failed = put_octal(out, &text, err);
    } else {
      failed = buf_append(out, text++, 1, err);
    }
    if (failed)
      return -1;
  }
  return 0;
}

/* A backslash counts only before the quote here; the others are for unescape(). */
static int read_quoted(struct dotenv *d, char **ret_value) {
  char quote = *d->at;
  const char *start = d->at;
  size_t first_line = line_length(d);
  CLEANUP_BUF struct buf text = BUF_INIT(VALUE_LIMIT);
  bool escaped = false;
  for (d->at++; d->at < d->end && (*d->at != quote || escaped); d->at++) {
    d->line += *d->at == '\n';
    if (!escaped && *d->at == '\\') {
      escaped = true;
      continue;
    }
    if (escaped && *d->at != quote && buf_append(&text, "\\", 1, d->err) < 0)
      return -1;
    escaped = false;
    if (buf_append(&text, d->at, 1, d->err) < 0)
      return -1;
  }
  if (d->at == d->end)
    return fail(d, "unterminated quoted value", start, first_line);
  d->at++;
  if (quote == '\'') {
    *ret_value = buf_steal(&text);
    return *ret_value ? 0 : err_no_memory(d->err);
  }
  CLEANUP_BUF struct buf plain = BUF_INIT(VALUE_LIMIT);
  if (unescape(buf_text(&text), &plain, d->err) < 0)
    return -1;
  return expand(d, buf_text(&plain), ret_value);
}

static int read_statement(struct dotenv *d) {
  CLEANUP_FREE char *key = NULL;
  CLEANUP_FREE char *value = NULL;
  bool bare = false;
  if (read_key(d, &key, &bare) < 0)
    return -1;
  if (bare) {
    d->line++;
    const struct variables v = {.first = d->outer, .second = d->env};
    const char *found = variables_get(&v, key, strlen(key));
    CLEANUP_FREE char *copy = found ? strdup(found) : NULL;
    if (found && !copy)
      return err_no_memory(d->err);
    skip_blanks(d);
    return copy ? env_put(d->env, key, copy, d->err) : 0;
  }
  skip_blanks(d);
  bool quoted = d->at < d->end && (*d->at == '"' || *d->at == '\'');
  if ((quoted ? read_quoted(d, &value) : read_unquoted(d, &value)) < 0)
    return -1;
  return env_put(d->env, key, value, d->err);
}

int dotenv_parse(const char *name, const char *text, size_t len, const struct strv *outer, struct strv *env,
                 struct err *err) {
  struct dotenv d = {.name = name, .at = text, .end = text + len, .line = 1, .outer = outer, .env = env, .err = err};
  if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
    d.at += 3;
  while (next_statement(&d))
    if (read_statement(&d) < 0)
      return -1;
  return 0;
}

int dotenv_parse_raw(const char *name, const char *text, size_t len, const struct strv *outer, struct strv *env,
                     struct err *err) {
  struct dotenv d = {.name = name, .at = text, .end = text + len, .line = 1, .outer = outer, .env = env, .err = err};
  for (; d.at < d.end; d.line++) {
    size_t line = line_length(&d);
    CLEANUP_FREE char *copy = strndup(d.at, line);
    if (!copy)
      return err_no_memory(err);
    d.at += line + (d.at + line < d.end);
    char *key = copy + strspn(copy, " \t\r");
    size_t used = strlen(key);
    if (used > 0 && key[used - 1] == '\r')
      key[used - 1] = '\0';
    if (!*key || *key == '#')
      continue;
    char *equals = strchr(key, '=');
    if (equals)
      *equals = '\0';
    const char *value = equals ? equals + 1 : env_get(outer, key);
    if (value && env_put(env, key, value, err) < 0)
      return -1;
  }
  return 0;
}

#include "controller/deploy/ignore_pattern.h"

#include <stdint.h>
#include <string.h>

/* A pattern is compiled to a row of tokens, each one state of a nondeterministic automaton that reads a path character
 * by character: one pass, no backtracking. */
enum token_kind {
  TOKEN_LITERAL,    /* exactly one character: ranges[0].first */
  TOKEN_ANY,        /* ?: one character but / */
  TOKEN_STAR,       /* *: any number of characters but / */
  TOKEN_CLASS,      /* […] */
  TOKEN_DIRS_ENTER, /* a ** that is followed by something: nothing, or … */
  TOKEN_DIRS_LOOP,  /* … anything up to and with a / */
  TOKEN_ALL,        /* a ** at the end, or before plain text: anything */
  TOKEN_END,
};

struct range {
  uint32_t first, last;
};

struct token {
  enum token_kind kind;
  bool negated;         /* TOKEN_CLASS */
  uint32_t literal;     /* TOKEN_LITERAL */
  struct range *ranges; /* TOKEN_CLASS */
  size_t range_count;
};

#define NO_CHARACTER 0x110000u /* bytes that are no UTF-8 stand for themselves above this */
enum { MAX_TOKENS = 1024 };

void ignore_pattern_release(struct ignore_pattern *p) {
  for (size_t i = 0; i < p->count; i++)
    free(p->tokens[i].ranges);
  free(p->tokens);
  *p = (struct ignore_pattern){0};
}

static uint32_t next_char(const char **p) {
  const unsigned char *s = (const unsigned char *)*p;
  size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
  uint32_t c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xc0) != 0x80)
      len = 0;
    c = c << 6 | (s[i] & 0x3f);
  }
  *p += len ? len : 1;
  return len ? c : NO_CHARACTER + s[0];
}

static int add_token(struct ignore_pattern *p, const struct token *token, struct err *err) {
  if (p->count == MAX_TOKENS)
    return err_set(err, ERR_INPUT, "a pattern of more than %d characters", MAX_TOKENS - 1);
  struct token *tokens = realloc(p->tokens, (p->count + 1) * sizeof(*tokens));
  if (!tokens)
    return err_no_memory(err);
  p->tokens = tokens;
  p->tokens[p->count++] = *token;
  return 0;
}

static int add_kind(struct ignore_pattern *p, enum token_kind kind, struct err *err) {
  return add_token(p, &(struct token){.kind = kind}, err);
}

static int add_literal(struct ignore_pattern *p, uint32_t c, struct err *err) {
  return add_token(p, &(struct token){.kind = TOKEN_LITERAL, .literal = c}, err);
}

static int bad_pattern(struct err *err, const char *why) {
  return err_set(err, ERR_INPUT, "%s", why);
}

/* One bound of a range in […]. */
static int class_char(const char **p, uint32_t *ret_char, struct err *err) {
  if (**p == '-' || **p == ']')
    return bad_pattern(err, "a range in [ ] lacks a bound");
  if (**p == '\\')
    (*p)++;
  if (!**p)
    return bad_pattern(err, "[ without ]");
  *ret_char = next_char(p);
  return 0;
}

static int class_range(struct token *token, const char **p, struct err *err) {
  struct range range;
  if (class_char(p, &range.first, err) < 0)
    return -1;
  range.last = range.first;
  if (**p == '-') {
    (*p)++;
    if (class_char(p, &range.last, err) < 0)
      return -1;
  }
  struct range *ranges = realloc(token->ranges, (token->range_count + 1) * sizeof(*ranges));
  if (!ranges)
    return err_no_memory(err);
  token->ranges = ranges;
  token->ranges[token->range_count++] = range;
  return 0;
}

/* *p is after the [. */
static int add_class(struct ignore_pattern *pattern, const char **p, struct err *err) {
  struct token token = {.kind = TOKEN_CLASS, .negated = **p == '^'};
  *p += token.negated;
  int rc = 0;
  do
    rc = class_range(&token, p, err);
  while (rc == 0 && **p && **p != ']');
  if (rc == 0 && !**p)
    rc = bad_pattern(err, "[ without ]");
  *p += rc == 0;
  if (rc == 0)
    rc = add_token(pattern, &token, err);
  if (rc < 0)
    free(token.ranges);
  return rc;
}

/* *p is after the first *. */
static int add_stars(struct ignore_pattern *pattern, const char **p, struct err *err) {
  if (**p != '*')
    return add_kind(pattern, TOKEN_STAR, err);
  (*p)++;
  if (**p == '/')
    (*p)++;
  if (!**p)
    return add_kind(pattern, TOKEN_ALL, err);
  return add_kind(pattern, TOKEN_DIRS_ENTER, err) < 0 ? -1 : add_kind(pattern, TOKEN_DIRS_LOOP, err);
}

int ignore_pattern_compile(struct ignore_pattern *pattern, const char *p, struct err *err) {
  int rc = 0;
  if (strncmp(p, "**", 2) == 0 && p[2] && p[2] != '/' && !strpbrk(p + 2, "*?[]\\")) {
    rc = add_kind(pattern, TOKEN_ALL, err);
    p += 2;
  }
  while (rc == 0 && *p) {
    uint32_t c = next_char(&p);
    if (c == '*')
      rc = add_stars(pattern, &p, err);
    else if (c == '?')
      rc = add_kind(pattern, TOKEN_ANY, err);
    else if (c == '[')
      rc = add_class(pattern, &p, err);
    else if (c != '\\')
      rc = add_literal(pattern, c, err);
    else if (*p)
      rc = add_literal(pattern, next_char(&p), err);
    else
      rc = bad_pattern(err, "nothing after the last \\");
  }
  return rc < 0 ? rc : add_kind(pattern, TOKEN_END, err);
}

int ignore_pattern_literal(struct ignore_pattern *pattern, const char *path, struct err *err) {
  int rc = 0;
  while (rc == 0 && *path)
    rc = add_literal(pattern, next_char(&path), err);
  return rc < 0 ? rc : add_kind(pattern, TOKEN_END, err);
}

static bool in_class(const struct token *token, uint32_t c) {
  bool in = false;
  for (size_t i = 0; i < token->range_count; i++)
    in = in || (c >= token->ranges[i].first && c <= token->ranges[i].last);
  return in != token->negated;
}

/* Adds a state and those that it reaches without reading. */
static void enter(const struct ignore_pattern *p, bool *states, size_t i) {
  states[i] = true;
  if (p->tokens[i].kind == TOKEN_STAR || p->tokens[i].kind == TOKEN_ALL) {
    enter(p, states, i + 1);
  } else if (p->tokens[i].kind == TOKEN_DIRS_ENTER) {
    states[i + 1] = true;
    enter(p, states, i + 2);
  }
}

/* Where state i goes on reading c. */
static void advance(const struct ignore_pattern *p, bool *next, size_t i, uint32_t c) {
  const struct token *token = &p->tokens[i];
  bool stays = token->kind == TOKEN_ALL || token->kind == TOKEN_DIRS_LOOP || (token->kind == TOKEN_STAR && c != '/');
  bool goes = (token->kind == TOKEN_LITERAL && c == token->literal) || (token->kind == TOKEN_ANY && c != '/') ||
              (token->kind == TOKEN_CLASS && in_class(token, c)) || (token->kind == TOKEN_DIRS_LOOP && c == '/');
  if (stays)
    enter(p, next, i);
  if (goes)
    enter(p, next, i + 1);
}

/* Reads c: the states `now` become the states `next`. Returns whether any is left. */
static bool read_char(const struct ignore_pattern *p, const bool *now, bool *next, uint32_t c) {
  bool alive = false;
  memset(next, 0, p->count * sizeof(*next));
  for (size_t i = 0; i + 1 < p->count; i++)
    if (now[i])
      advance(p, next, i, c);
  for (size_t i = 0; i < p->count; i++)
    alive = alive || next[i];
  return alive;
}

bool ignore_pattern_matches(const struct ignore_pattern *p, const char *path, bool *ret_below) {
  bool states[2][MAX_TOKENS];
  bool *now = states[0], *next = states[1];
  bool alive = true;
  memset(now, 0, p->count * sizeof(*now));
  enter(p, now, 0);
  while (alive && *path) {
    alive = read_char(p, now, next, next_char(&path));
    bool *swap = now;
    now = next;
    next = swap;
  }
  bool matches = alive && now[p->count - 1];
  *ret_below = alive && read_char(p, now, next, '/');
  return matches;
}

#include "controller/manifest/shellwords.h"

#include <string.h>

#include "api/base/buf.h"

struct splitter {
  struct buf word;
  bool got; /* the word exists, though it may be empty */
  bool escaped;
  bool single, twice, back, dollar; /* inside of '', "", `` or $() */
  struct strv *words;
  struct err *err;
};

static int put(struct splitter *s, char c) {
  s->got = true;
  return buf_append(&s->word, &c, 1, s->err);
}

static int end_word(struct splitter *s) {
  if (!s->got)
    return 0;
  int failed = strv_add(s->words, buf_text(&s->word), s->err);
  buf_clear(&s->word);
  s->got = false;
  return failed;
}

static bool is_quoted(const struct splitter *s) {
  return s->single || s->twice || s->back || s->dollar;
}

static int invalid(struct err *err) {
  return err_set(err, ERR_INPUT, "invalid command line string, expected every quote and bracket to be closed");
}

/* "(" stands only behind "$". */
static int open_bracket(struct splitter *s) {
  if (s->single || s->twice || s->back)
    return put(s, '(');
  if (s->dollar || s->word.len == 0 || s->word.data[s->word.len - 1] != '$')
    return invalid(s->err);
  s->dollar = true;
  return put(s, '(');
}

/* A number before ">" belongs to it and is no word. */
static int end_command(struct splitter *s, char c) {
  if (c == '>' && s->word.len > 0 && s->word.data[0] >= '0' && s->word.data[0] <= '9')
    s->got = false;
  return 1;
}

static int quote(struct splitter *s, bool *state) {
  *state = !*state;
  s->got = s->got || !*state;
  return 0;
}

/* Returns 1 at a character that ends the command. */
static int take(struct splitter *s, char c) {
  if (s->escaped) {
    s->escaped = false;
    return put(s, c);
  }
  if (c == '\\' && !s->single) {
    s->escaped = true;
    return 0;
  }
  if (strchr(" \t\r\n", c))
    return is_quoted(s) ? put(s, c) : end_word(s);
  if (c == '"' && !s->single && !s->dollar)
    return quote(s, &s->twice);
  if (c == '\'' && !s->twice && !s->dollar)
    return quote(s, &s->single);
  if (c == '`' && !s->single && !s->twice && !s->dollar)
    s->back = !s->back;
  if (c == ')' && !s->single && !s->twice && !s->back)
    s->dollar = !s->dollar;
  if (c == '(')
    return open_bracket(s);
  return strchr(";&|<>", c) && !is_quoted(s) ? end_command(s, c) : put(s, c);
}

int shellwords_split(const char *line, struct strv *ret_words, struct err *err) {
  struct splitter s = {.word = BUF_INIT((size_t)1 << 24), .words = ret_words, .err = err};
  int state = 0;
  for (; *line && state == 0; line++)
    state = take(&s, *line);
  if (state >= 0 && (s.escaped || is_quoted(&s)))
    state = invalid(err);
  if (state >= 0)
    state = end_word(&s);
  buf_release(&s.word);
  return state < 0 ? -1 : 0;
}

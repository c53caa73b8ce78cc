#include "controller/manifest/shellwords.h"

#include <string.h>

#include "api/base/buf.h"

struct splitter {
  struct buf word;
  bool got; /* the word exists, though it may be empty */
  bool escaped;
  char quote; /* '\'', '"', '`' or 0 */
  struct strv *words;
  struct err *err;
};

static int put(struct splitter *s, char c) {
  s->got = true;
  return buf_append(&s->word, &c, 1, s->err);
}

static int end_word(struct splitter *s) {
  if (!s->got && s->word.len == 0)
    return 0;
  int failed = strv_add(s->words, buf_text(&s->word), s->err);
  buf_clear(&s->word);
  s->got = false;
  return failed;
}

/* Returns 1 at a character that ends the command. */
static int take(struct splitter *s, char c) {
  if (s->escaped) {
    s->escaped = false;
    return put(s, c);
  }
  if (c == '\\' && s->quote != '\'') {
    s->escaped = true;
    return 0;
  }
  if (s->quote == c && c) {
    s->quote = 0;
    s->got = true;
    return c == '`' ? put(s, c) : 0;
  }
  if (s->quote)
    return put(s, c);
  if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
    return end_word(s);
  if (c == '"' || c == '\'' || c == '`') {
    s->quote = c;
    return c == '`' ? put(s, c) : 0;
  }
  if (strchr(";&|<>", c))
    return 1;
  return put(s, c);
}

int shellwords_split(const char *line, struct strv *ret_words, struct err *err) {
  struct splitter s = {.word = BUF_INIT((size_t)1 << 24), .words = ret_words, .err = err};
  int state = 0;
  for (; *line && state == 0; line++)
    state = take(&s, *line);
  if (state >= 0 && (s.escaped || s.quote))
    state = err_set(err, ERR_INPUT, "invalid command line string, expected every quote and backslash to be closed");
  if (state >= 0)
    state = end_word(&s);
  buf_release(&s.word);
  return state < 0 ? -1 : 0;
}

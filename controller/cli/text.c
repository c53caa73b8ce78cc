#include "controller/cli/text.h"

#include <stdbool.h>
#include <string.h>

#include "api/base/cleanup.h"

enum { REPLACEMENT = 0xfffd, ELLIPSIS = 0x2026 };

struct range {
  uint32_t first, last;
};

/* Combining marks and zero-width characters. */
static const struct range ZERO[] = {
    {0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
/* East Asian wide and full-width characters, emoji. */
static const struct range WIDE[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
                                    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
/* C0, DEL and C1 controls; marks and overrides of direction; line and paragraph separators. */
static const struct range HARMFUL[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x200e, 0x200f}, {0x2028, 0x202e},
                                       {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c) {
  for (size_t i = 0; i < count; i++)
    if (c >= ranges[i].first && c <= ranges[i].last)
      return true;
  return false;
}

static int char_width(uint32_t c) {
  if (c < 0x300)
    return 1;
  if (in_ranges(ZERO, COUNT_OF(ZERO), c))
    return 0;
  return in_ranges(WIDE, COUNT_OF(WIDE), c) ? 2 : 1;
}

/* Takes one character off *s (not at its end). Broken bytes count as one REPLACEMENT each. */
static uint32_t next_char(const unsigned char **s) {
  static const uint32_t LEAST[] = {0, 0x80, 0x800, 0x10000};
  const unsigned char *p = *s;
  int more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
  uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);

  (*s)++;
  if ((*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
    return REPLACEMENT;
  for (int i = 1; i <= more; i++) {
    if ((p[i] & 0xc0) != 0x80)
      return REPLACEMENT;
    c = c << 6 | (p[i] & 0x3f);
  }
  if (c < LEAST[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
    return REPLACEMENT;
  *s = p + 1 + more;
  return c;
}

/* Skips control sequences such as colours ("ESC [ ... letter"). */
static void skip_sequences(const unsigned char **s) {
  while ((*s)[0] == 0x1b && (*s)[1] == '[') {
    const unsigned char *p = *s + 2;

    while (*p >= 0x20 && *p <= 0x3f)
      p++;
    if (*p < 0x40 || *p > 0x7e)
      return;
    *s = p + 1;
  }
}

/* As next_char, with what could steer a terminal replaced or left out. 0 at the end. */
static uint32_t next_harmless(const unsigned char **s) {
  uint32_t c;

  skip_sequences(s);
  if (!**s)
    return 0;
  c = next_char(s);
  if (c == '\t' || c == '\n' || c == '\r')
    return ' ';
  return in_ranges(HARMFUL, COUNT_OF(HARMFUL), c) ? '?' : c;
}

static void put_char(FILE *f, uint32_t c) {
  if (c < 0x80) {
    fputc((int)c, f);
    return;
  }
  if (c < 0x800) {
    fputc((int)(0xc0 | c >> 6), f);
  } else {
    if (c < 0x10000) {
      fputc((int)(0xe0 | c >> 12), f);
    } else {
      fputc((int)(0xf0 | c >> 18), f);
      fputc((int)(0x80 | (c >> 12 & 0x3f)), f);
    }
    fputc((int)(0x80 | (c >> 6 & 0x3f)), f);
  }
  fputc((int)(0x80 | (c & 0x3f)), f);
}

int text_width(const char *s) {
  const unsigned char *p = (const unsigned char *)s;
  int width = 0;

  for (uint32_t c = next_harmless(&p); c; c = next_harmless(&p))
    width += char_width(c);
  return width;
}

int text_put(FILE *f, const char *s, int columns) {
  const unsigned char *p = (const unsigned char *)s;
  bool cut = columns >= 0 && text_width(s) > columns;
  int room = cut ? columns - 1 : columns;
  int used = 0;

  for (uint32_t c = next_harmless(&p); c; c = next_harmless(&p)) {
    int width = char_width(c);

    if (columns >= 0 && used + width > room)
      break;
    put_char(f, c);
    used += width;
  }
  if (cut && columns > 0) {
    put_char(f, ELLIPSIS);
    used++;
  }
  return used;
}

void text_blanks(FILE *f, int count) {
  for (; count > 0; count--)
    fputc(' ', f);
}

void text_put_padded(FILE *f, const char *s, int columns, int align_right) {
  int width = text_width(s);

  if (align_right)
    text_blanks(f, columns - width);
  text_put(f, s, columns);
  if (!align_right)
    text_blanks(f, columns - width);
}

struct text_small text_number(double value, int digits) {
  struct text_small t;
  size_t len = (size_t)snprintf(t.text, sizeof t.text, "%.*f", digits, value);

  if (len >= sizeof t.text)
    len = sizeof t.text - 1;
  if (strchr(t.text, '.')) {
    while (t.text[len - 1] == '0')
      len--;
    if (t.text[len - 1] == '.')
      len--;
    t.text[len] = '\0';
  }
  return t;
}

struct text_small text_bytes(int64_t bytes) {
  static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = (double)bytes;
  size_t unit = 0;
  struct text_small number, t;

  while (value >= 1023.95 && unit + 1 < COUNT_OF(UNITS)) {
    value /= 1024;
    unit++;
  }
  number = text_number(value, value < 100 ? 1 : 0);
  snprintf(t.text, sizeof t.text, "%.20s %s", number.text, UNITS[unit]);
  return t;
}

struct text_small text_duration(int64_t ms) {
  struct text_small t;
  long long s = (ms + 500) / 1000;

  if (ms < 0)
    snprintf(t.text, sizeof t.text, "-");
  else if (ms < 1000)
    snprintf(t.text, sizeof t.text, "%lld ms", (long long)ms);
  else if (ms < 59950)
    snprintf(t.text, sizeof t.text, "%.1f s", (double)ms / 1000);
  else if (s < 3600)
    snprintf(t.text, sizeof t.text, "%lld min %02lld s", s / 60, s % 60);
  else
    snprintf(t.text, sizeof t.text, "%lld h %02lld min", s / 3600, s / 60 % 60);
  return t;
}

struct text_small text_count(size_t n, const char *word) {
  struct text_small t;

  snprintf(t.text, sizeof t.text, "%zu %.20s%s", n, word, n == 1 ? "" : "s");
  return t;
}

struct text_small text_about(int64_t ms) {
  struct text_small t;
  int64_t s = (ms + 500) / 1000;

  if (s >= 60)
    return text_duration(s * 1000);
  snprintf(t.text, sizeof t.text, "%d s", s < 1 ? 1 : (int)s);
  return t;
}

/* Text for terminals: display width of UTF-8, text of foreign origin made harmless, sizes and times for people. */
#ifndef TANDEM_CLI_TEXT_H
#define TANDEM_CLI_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* Columns that text_put() takes for it. */
int text_width(const char *s);

/* Writes s with everything that could steer a terminal replaced: control and bidi characters by '?', tabs and line
 * ends by a blank, broken UTF-8 by U+FFFD; colour sequences are left out. At most `columns` wide (-1: no limit), a cut
 * one ends in "…". Returns the columns written. */
int text_put(FILE *f, const char *s, int columns);
/* As text_put, padded with blanks to exactly `columns`. */
void text_put_padded(FILE *f, const char *s, int columns, int align_right);
void text_blanks(FILE *f, int count);

struct text_small {
  char text[32];
};
/* "4 GiB", "1.5 GiB", "512 MiB", "12 B". */
struct text_small text_bytes(int64_t bytes);
/* "85 ms", "6.2 s", "3 min 05 s". */
struct text_small text_duration(int64_t ms);
/* A guess, to the second: "9 s"; at least one. */
struct text_small text_about(int64_t ms);
/* "0.8", "12", "3.25": without zeros at the end, at most `digits` after the point. */
struct text_small text_number(double value, int digits);

/* "1 service", "76 services": n with the word in the right number. */
struct text_small text_count(size_t n, const char *word);

#endif

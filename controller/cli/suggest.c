#include "controller/cli/suggest.h"

#include <limits.h>
#include <string.h>

enum { WORD_MAX = 64 };

static int least(int a, int b, int c) {
  int m = a < b ? a : b;

  return m < c ? m : c;
}

int suggest_distance(const char *a, const char *b) {
  int rows[3][WORD_MAX] = {{0}};
  size_t la = strlen(a), lb = strlen(b);

  if (la >= WORD_MAX || lb >= WORD_MAX)
    return INT_MAX;
  for (size_t j = 0; j <= lb; j++)
    rows[0][j] = (int)j;
  for (size_t i = 1; i <= la; i++) {
    int *now = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];

    now[0] = (int)i;
    for (size_t j = 1; j <= lb; j++) {
      now[j] = least(before[j] + 1, now[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_before[j - 2] + 1 < now[j])
        now[j] = two_before[j - 2] + 1;
    }
  }
  return rows[la % 3][lb];
}

void suggest_offer(struct suggest *s, const char *candidate) {
  size_t len = strlen(s->word);
  int allowed = len < 4 ? 1 : (int)((len + 2) / 3);
  int distance = suggest_distance(s->word, candidate);

  if (len >= 2 && strncmp(s->word, candidate, len) == 0)
    distance = 0;
  if (distance <= allowed && (!s->best || distance < s->distance)) {
    s->best = candidate;
    s->distance = distance;
  }
}

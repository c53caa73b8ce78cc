#include "api/engine/text.h"

#include <stdbool.h>
#include <string.h>

/* The length of a CSI sequence's parameters and final byte. */
static size_t csi_length(const char *s, size_t len) {
  size_t i = 0;
  while (i < len && s[i] >= 0x20 && s[i] <= 0x3f)
    i++;
  return i < len && s[i] >= 0x40 && s[i] <= 0x7e ? i + 1 : i;
}

/* How many bytes the sequence at s takes: ESC [ ... final, ESC ] ... BEL or ST, ESC x. */
static size_t escape_length(const char *s, size_t len) {
  if (len < 2)
    return len;
  size_t i = 2;
  if (s[1] == '[')
    return i + csi_length(s + i, len - i);
  if (strchr("]PX^_", s[1])) {
    while (i < len && s[i] != '\a' && s[i] != '\033' && s[i] != '\n')
      i++;
    if (i < len && s[i] == '\a')
      return i + 1;
    return i + 1 < len && s[i] == '\033' && s[i + 1] == '\\' ? i + 2 : i;
  }
  while (i < len && s[i - 1] >= 0x20 && s[i - 1] <= 0x2f)
    i++;
  return i;
}

size_t text_clean(char *text, size_t len) {
  size_t out = 0;
  size_t i = 0;
  while (i < len) {
    unsigned char c = (unsigned char)text[i];
    if (c == 0x1b) {
      i += escape_length(text + i, len - i);
    } else if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80 && (unsigned char)text[i + 1] < 0xa0) {
      /* U+0080 to U+009F: the same commands in one character, U+009B being CSI */
      bool csi = (unsigned char)text[i + 1] == 0x9b;
      i += 2;
      i += csi ? csi_length(text + i, len - i) : 0;
    } else {
      if (c == '\n' || (c >= 0x20 && c != 0x7f))
        text[out++] = (char)c;
      else if (c == '\t')
        text[out++] = ' ';
      i++;
    }
  }
  return out;
}

char *text_clean_str(char *text) {
  size_t len = text_clean(text, strlen(text));
  while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
    len--;
  text[len] = '\0';
  return text;
}

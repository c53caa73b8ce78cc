/* Text from an engine is untrusted: what is shown must not steer the terminal. */
#ifndef TANDEM_ENGINE_TEXT_H
#define TANDEM_ENGINE_TEXT_H

#include <stddef.h>

/* Removes, in place, terminal escape sequences (CSI, OSC and other strings, single ones; also their 8-bit forms in
 * UTF-8) and control characters. Tab becomes a blank; line ends stay. len bytes; returns the new length. The text
 * is not NUL-terminated by this. */
size_t text_clean(char *text, size_t len);
/* The same for a NUL-terminated string; trailing white space goes too. Returns text. */
char *text_clean_str(char *text);

#endif

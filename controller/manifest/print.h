/* Text of a tree as Go's encoding/json and docker compose's YAML writer give it, byte by byte where that matters
 * (hashes), and equal in meaning everywhere. */
#ifndef TANDEM_MANIFEST_PRINT_H
#define TANDEM_MANIFEST_PRINT_H

#include "api/base/buf.h"
#include "controller/manifest/node.h"

struct print_json {
  bool indent;  /* two spaces a level, else compact */
  bool dollars; /* every "$" doubled */
};

/* Members in their own order. Returns 0 or -1. */
int print_json(const struct node *n, const struct print_json *form, struct buf *out, struct err *err);
/* A string in quotes, with <, > and & escaped too. */
int print_json_string(const char *text, bool dollars, struct buf *out, struct err *err);
/* How many bytes of a whole UTF-8 character stand here, 0 when it is none. */
size_t print_utf8_length(const unsigned char *s);
/* The shortest digits that read back as the same number. */
void print_number(double number, char ret[32]);
/* Block YAML, "$" of string values doubled, depth levels in. */
int print_yaml(const struct node *n, size_t depth, struct buf *out, struct err *err);

#endif

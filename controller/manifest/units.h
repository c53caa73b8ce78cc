/* Texts with a unit, and numbers as Go prints them. */
#ifndef TANDEM_MANIFEST_UNITS_H
#define TANDEM_MANIFEST_UNITS_H

#include "controller/manifest/node.h"

/* "1.5h", "1w2d": nanoseconds. -1 when it is no duration. */
int duration_parse(const char *text, int64_t *ret_ns);
/* As Go prints it: "1m30s", "500ms", "0s". */
void duration_text(int64_t ns, char ret_text[32]);

/* "512m", "1.5GiB", "100": bytes, units of 1024. -1 when it is none. */
int bytes_parse(const char *text, int64_t *ret_bytes);

/* A scalar as Go's %v prints it: floats in their shortest form. Caller frees; NULL without memory. */
char *scalar_text(const struct node *n);

#endif

/* What a YAML scalar means to docker compose: the core schema of YAML 1.2 with the octal numbers, underscores and dates
 * of YAML 1.1. */
#ifndef TANDEM_MANIFEST_SCALAR_H
#define TANDEM_MANIFEST_SCALAR_H

#include "controller/manifest/node.h"

/* Sets kind and value of a scalar node from n->text. tag: the tag as written, resolved (`tag:yaml.org,2002:int`), or
 * NULL; plain: neither quoted nor a block. ERR_INPUT: a date or time, or text that is not what its tag says. */
int scalar_resolve(struct node *n, const char *tag, bool plain, struct err *err);

/* An integer as Go's base 0 reads it (sign, 0x, 0o, 0b, leading 0). */
bool scalar_integer(const char *text, int64_t *ret_value);
/* A decimal number, whole text, no hexadecimal and no names. */
bool scalar_float(const char *text, double *ret_value);

#endif

#include "controller/plan/ref.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *skip(const char *s, const char *prefix) {
  while (*prefix && *s == *prefix)
    s++, prefix++;
  return *prefix ? NULL : s;
}

char *ref_familiar(const char *ref) {
  const char *s = skip(ref, "docker.io/");
  if (!s)
    s = ref;
  if (skip(s, "library/"))
    s = skip(s, "library/");
  const char *slash = strrchr(s, '/');
  const char *last = slash ? slash + 1 : s;
  char *out = NULL;
  if (asprintf(&out, "%s%s", s, strchr(last, ':') || strchr(last, '@') ? "" : ":latest") < 0)
    return NULL;
  return out;
}

char *ref_hold(const char *project, const char *image_id) {
  const char *hex = skip(image_id, "sha256:");
  if (!hex)
    hex = image_id;
  char *out = NULL;
  if (asprintf(&out, "tandem/%s:%.32s", project, hex) < 0)
    return NULL;
  /* A repository component is letters and digits with single separators between: anything else becomes a digit. */
  char *p = out + strlen("tandem/");
  for (char previous = '-'; *p && *p != ':'; previous = *p++) {
    bool plain = islower((unsigned char)*p) || isdigit((unsigned char)*p);
    if (!plain && (!strchr("-_.", *p) || !isalnum((unsigned char)previous) || p[1] == ':'))
      *p = '0';
  }
  return out;
}

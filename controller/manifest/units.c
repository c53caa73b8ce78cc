#include "controller/manifest/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/manifest/scalar.h"

#define NS_LIMIT ((uint64_t)INT64_MAX)

/* Digits as a whole number; false when they pass the limit. */
static bool whole_number(const char **text, uint64_t *ret) {
  for (*ret = 0; isdigit((unsigned char)**text); (*text)++) {
    if (*ret > (NS_LIMIT - 9) / 10)
      return false;
    *ret = *ret * 10 + (uint64_t)(**text - '0');
  }
  return true;
}

/* Digits behind a point, as the numerator and the power of ten below it; more than fit are cut off. */
static void fraction_digits(const char **text, uint64_t *ret, double *ret_scale) {
  *ret = 0;
  *ret_scale = 1;
  for (; isdigit((unsigned char)**text); (*text)++) {
    if (*ret > (NS_LIMIT - 9) / 10)
      continue;
    *ret = *ret * 10 + (uint64_t)(**text - '0');
    *ret_scale *= 10;
  }
}

/* The unit at text, 0 when there is none. */
static uint64_t duration_unit(const char **text) {
  static const struct {
    const char *name;
    uint64_t ns;
  } units[] = {
      {"ns", 1},         {"us", 1000},       {"\xC2\xB5s", 1000},  {"\xCE\xBCs", 1000},   {"ms", 1000000},
      {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}, {"w", 604800000000000}};
  size_t len = strcspn(*text, ".0123456789");
  for (size_t i = 0; i < COUNT_OF(units); i++) {
    if (strlen(units[i].name) != len || strncmp(units[i].name, *text, len) != 0)
      continue;
    *text += len;
    return units[i].ns;
  }
  return 0;
}

/* One number with its unit. */
static bool duration_part(const char **text, uint64_t *ret_ns) {
  const char *start = *text;
  uint64_t whole = 0;
  uint64_t fraction = 0;
  double scale = 1;
  if (!whole_number(text, &whole))
    return false;
  size_t digits = (size_t)(*text - start);
  if (**text == '.') {
    (*text)++;
    digits += (size_t)isdigit((unsigned char)**text);
    fraction_digits(text, &fraction, &scale);
  }
  uint64_t unit = digits ? duration_unit(text) : 0;
  if (unit == 0 || whole > NS_LIMIT / unit)
    return false;
  *ret_ns = whole * unit + (uint64_t)((double)fraction * ((double)unit / scale));
  return *ret_ns <= NS_LIMIT;
}

int duration_parse(const char *text, int64_t *ret_ns) {
  bool negative = *text == '-';
  uint64_t sum = 0;
  text += *text == '-' || *text == '+';
  if (!*text)
    return -1;
  if (strcmp(text, "0") == 0) {
    *ret_ns = 0;
    return 0;
  }
  while (*text) {
    uint64_t part = 0;
    if (!duration_part(&text, &part) || sum > NS_LIMIT - part)
      return -1;
    sum += part;
  }
  *ret_ns = negative ? -(int64_t)sum : (int64_t)sum;
  return 0;
}

/* value / scale with up to `digits` decimals, none of them a trailing zero. */
static int put_fraction(char *out, uint64_t value, uint64_t scale, int digits) {
  char fraction[24];
  snprintf(fraction, sizeof(fraction), "%0*llu", digits, (unsigned long long)(value % scale));
  size_t len = strlen(fraction);
  while (len > 0 && fraction[len - 1] == '0')
    fraction[--len] = '\0';
  return sprintf(out, "%llu%s%s", (unsigned long long)(value / scale), len ? "." : "", fraction);
}

void duration_text(int64_t ns, char ret_text[32]) {
  char *out = ret_text;
  uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
  if (ns < 0)
    *out++ = '-';
  if (u == 0) {
    strcpy(ret_text, "0s");
  } else if (u < 1000) {
    sprintf(out, "%lluns", (unsigned long long)u);
  } else if (u < 1000000) {
    strcpy(out + put_fraction(out, u, 1000, 3), "\xC2\xB5s");
  } else if (u < 1000000000) {
    strcpy(out + put_fraction(out, u, 1000000, 6), "ms");
  } else {
    uint64_t minutes = u / 60000000000u;
    if (minutes >= 60)
      out += sprintf(out, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes > 0)
      out += sprintf(out, "%llum", (unsigned long long)(minutes % 60));
    strcpy(out + put_fraction(out, u % 60000000000u, 1000000000, 9), "s");
  }
}

int bytes_parse(const char *text, int64_t *ret_bytes) {
  const char *end = text + strlen(text);
  while (end > text && !strchr("01234567890. ", end[-1]))
    end--;
  if (end == text)
    return -1;
  size_t len = (size_t)(end - text);
  if (end[-1] == ' ')
    len--;
  char plain[64];
  if (len == 0 || len >= sizeof(plain))
    return -1;
  memcpy(plain, text, len);
  plain[len] = '\0';
  double value = 0;
  if (!scalar_float(plain, &value) || value < 0)
    return -1;
  static const char names[] = "bkmgtp";
  char unit[4] = "";
  if (strlen(end) > 3)
    return -1;
  for (size_t i = 0; end[i]; i++)
    unit[i] = (char)tolower((unsigned char)end[i]);
  if (unit[0]) {
    const char *at = strchr(names, unit[0]);
    bool tail_ok = unit[0] == 'b' ? !unit[1] : !unit[1] || strcmp(unit + 1, "b") == 0 || strcmp(unit + 1, "ib") == 0;
    if (!at || !tail_ok)
      return -1;
    value *= pow(1024, (double)(at - names));
  }
  if (value >= 9.2233720368547758e18)
    return -1;
  *ret_bytes = (int64_t)value;
  return 0;
}

/* The shortest of %.1g to %.17g that reads back the same, as Go's %v prints it. */
static char *float_text(double value) {
  char text[40];
  if (isnan(value))
    return strdup("NaN");
  if (isinf(value))
    return strdup(value > 0 ? "+Inf" : "-Inf");
  int digits = 0;
  do
    snprintf(text, sizeof(text), "%.*e", digits++, value);
  while (strtod(text, NULL) != value && digits < 17);
  char *mark = strchr(text, 'e');
  int exponent = atoi(mark + 1);
  char *result = NULL;
  if (exponent >= -4 && exponent < 6)
    return asprintf(&result, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, value) < 0 ? NULL : result;
  *mark = '\0';
  return asprintf(&result, "%se%c%02d", text, exponent < 0 ? '-' : '+', abs(exponent)) < 0 ? NULL : result;
}

/* Whole numbers above 63 bits are floats here, but Go knows 64. */
static bool is_large(const struct node *n) {
  if (n->number < 9.2e18 || !n->text || !isdigit((unsigned char)*n->text))
    return false;
  char *end = NULL;
  errno = 0;
  strtoull(n->text, &end, 10);
  return !*end && errno == 0 && *n->text != '0';
}

char *scalar_text(const struct node *n) {
  char *text = NULL;
  switch (n->kind) {
  case NODE_BOOL:
    return strdup(n->boolean ? "true" : "false");
  case NODE_INT:
    return asprintf(&text, "%lld", (long long)n->integer) < 0 ? NULL : text;
  case NODE_FLOAT:
    return is_large(n) ? strdup(n->text) : float_text(n->number);
  default:
    return strdup(n->text ? n->text : "");
  }
}

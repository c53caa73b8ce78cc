#include "controller/manifest/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/manifest/scalar.h"

/* One number with a fraction; false when there is none. */
static bool number(const char **text, double *ret) {
  const char *p = *text;
  size_t whole = strspn(p, "0123456789");
  size_t fraction = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;
  if (whole + fraction == 0)
    return false;
  *ret = strtod(p, NULL);
  *text = p + whole + (p[whole] == '.' ? 1 + fraction : 0);
  return true;
}

int duration_parse(const char *text, int64_t *ret_ns) {
  static const struct {
    const char *name;
    double ns;
  } units[] = {{"ns", 1},  {"us", 1e3}, {"\xC2\xB5s", 1e3}, {"\xCE\xBCs", 1e3}, {"ms", 1e6},
               {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},      {"d", 86400e9},     {"w", 604800e9}};
  bool negative = *text == '-';
  double sum = 0;
  text += *text == '-' || *text == '+';
  if (strcmp(text, "0") == 0) {
    *ret_ns = 0;
    return 0;
  }
  if (!*text)
    return -1;
  while (*text) {
    double value = 0;
    if (!number(&text, &value))
      return -1;
    size_t len = strcspn(text, ".0123456789");
    size_t i = 0;
    while (i < COUNT_OF(units) && (strlen(units[i].name) != len || strncmp(units[i].name, text, len) != 0))
      i++;
    if (i == COUNT_OF(units))
      return -1;
    sum += value * units[i].ns;
    text += len;
  }
  if (sum >= 9.2233720368547758e18)
    return -1;
  *ret_ns = (int64_t)(negative ? -sum : sum);
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
  return n->kind == NODE_FLOAT && n->number >= 9.2e18 && n->text && strspn(n->text, "0123456789") == strlen(n->text) &&
         n->number < 1.8446744073709552e19;
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

#include "controller/cli/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

int number_revision(const char *text, int64_t *ret_number, struct err *err) {
  char *end;
  long long number;

  errno = 0;
  number = strtoll(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end || errno || number < 1)
    return err_set(err, ERR_USAGE, "\"%s\" is no revision: a number from 1 on, see tandem history", text);
  *ret_number = number;
  return 0;
}

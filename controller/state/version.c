#include <sqlite3.h>

#include "controller/state/state.h"

const char *state_library_version(void) {
  return sqlite3_libversion();
}

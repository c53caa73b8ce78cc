/* The short forms: ports, mounts, durations, bytes. The first byte chooses none: each text is tried as all of them. */
#include "controller/manifest/shorthand.h"

#include <stdlib.h>
#include <string.h>

#include "controller/manifest/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is printed is read as the same again. */
static void check_duration(const char *text) {
  int64_t ns = 0;
  int64_t again = 0;
  char printed[32];
  if (duration_parse(text, &ns) < 0)
    return;
  duration_text(ns, printed);
  if (duration_parse(printed, &again) < 0 || again != ns)
    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct position pos = {.file = "fuzz", .line = 1, .column = 1};
  struct node *ports = node_new(NODE_LIST, pos);
  struct node *mount = NULL;
  int64_t bytes = 0;
  CLEANUP_ERR struct err err = ERR_INIT;
  CLEANUP_FREE char *text = strndup((const char *)data, size);
  if (port_expand(text, pos, ports, &err) < 0 && !err.message)
    __builtin_trap();
  err_release(&err);
  if (volume_expand(text, pos, &mount, &err) == 0 ? !mount : !err.message)
    __builtin_trap();
  CLEANUP_FREE char *target = volume_target(text);
  CLEANUP_FREE char *clean = path_clean(text);
  check_duration(text);
  if (bytes_parse(text, &bytes) == 0 && bytes < 0)
    __builtin_trap();
  node_free(ports);
  node_free(mount);
  return 0;
}

/* YAML text to trees: any bytes are read or refused, within the limits. */
#include "controller/manifest/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct node *documents = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  if (yaml_read("fuzz", (const char *)data, size, &documents, &err) < 0) {
    if (err.kind == ERR_NONE || !err.message)
      __builtin_trap();
    return 0;
  }
  cJSON_Delete(node_to_json(documents));
  struct node *copy = node_copy(documents);
  node_free(copy);
  node_free(documents);
  return 0;
}

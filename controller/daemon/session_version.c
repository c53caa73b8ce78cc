/* version: tandem's own, its libraries' and every engine's. */
#include <archive.h>
#include <cjson/cJSON.h>
#include <openssl/crypto.h>

#include "api/base/json.h"
#include "api/http/version.h"
#include "controller/daemon/session_private.h"

static bool put_libraries(cJSON *json) {
  cJSON *libraries = cJSON_CreateObject();
  return json_put(json, "libraries", libraries) && json_put_str(libraries, "libuv", uv_version_string()) &&
         json_put_str(libraries, "libcurl", http_library_version()) &&
         json_put_str(libraries, "cJSON", cJSON_Version()) &&
         json_put_str(libraries, "SQLite", state_library_version()) &&
         json_put_str(libraries, "libyaml", TANDEM_LIBYAML_VERSION) &&
         json_put_str(libraries, "libarchive", archive_version_string()) &&
         json_put_str(libraries, "libcrypto", OpenSSL_version(OPENSSL_VERSION_STRING));
}

static bool put_engines(struct session *s, cJSON *json) {
  cJSON *engines = cJSON_CreateArray();
  if (!json_put(json, "engines", engines))
    return false;
  for (size_t i = 0; i < s->machines.count; i++) {
    const struct machine_link *link = &s->machines.items[i];
    cJSON *item = cJSON_CreateObject();
    bool ok = item && json_put_str(item, "machine", link->name) &&
              (link->open ? json_put_str(item, "version", engine_version(link->engine)) &&
                                json_put_str(item, "api", engine_api_version(link->engine))
                          : json_put_str(item, "error", err_text(&link->err)));
    if (!ok || !cJSON_AddItemToArray(engines, item)) {
      cJSON_Delete(item);
      return false;
    }
  }
  return true;
}

int session_version(struct session *s, cJSON **ret_json, struct err *err) {
  CLEANUP_JSON cJSON *json = cJSON_CreateObject();
  CLEANUP_ERR struct err unreachable = ERR_INIT;
  session_engines(s, &unreachable); /* an engine that fails is told in the result */
  if (!json || !json_put_str(json, "tandem", TANDEM_VERSION) || !put_libraries(json) || !put_engines(s, json))
    return err_no_memory(err);
  if (unreachable.kind && !s->engines_begun && !json_put_str(json, "error", err_text(&unreachable)))
    return err_no_memory(err);
  *ret_json = STEAL(json);
  return 0;
}

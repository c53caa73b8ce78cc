#include "controller/deploy/files_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"

static la_ssize_t to_buf(struct archive *a, void *arg, const void *data, size_t len) {
  (void)a;
  return buf_append(arg, data, len, NULL) < 0 ? -1 : (la_ssize_t)len;
}

static int64_t id_of(const cJSON *file, const char *name) {
  const cJSON *v = json_get(file, name);
  return cJSON_IsString(v) ? strtoll(v->valuestring, NULL, 10) : json_int(file, name, 0);
}

static int add_file(struct archive *a, const cJSON *file) {
  const char *path = json_str(file, "path", ""), *content = json_str(file, "content", "");
  size_t len = strlen(content);
  struct archive_entry *entry = archive_entry_new();
  if (!entry)
    return -1;
  archive_entry_set_pathname(entry, path + strspn(path, "/"));
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, (__LA_MODE_T)json_int(file, "mode", 0444));
  archive_entry_set_uid(entry, id_of(file, "uid"));
  archive_entry_set_gid(entry, id_of(file, "gid"));
  archive_entry_set_size(entry, (la_int64_t)len);
  int rc = archive_write_header(a, entry);
  archive_entry_free(entry);
  return rc == ARCHIVE_OK && archive_write_data(a, content, len) == (la_ssize_t)len ? 0 : -1;
}

int files_tar(const cJSON *files, char **ret_tar, size_t *ret_bytes, struct err *err) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  struct archive *a = archive_write_new();
  if (!a)
    return err_no_memory(err);
  archive_write_set_format_pax_restricted(a);
  int rc = archive_write_open(a, &out, NULL, to_buf, NULL) == ARCHIVE_OK ? 0 : -1;
  const cJSON *file;
  cJSON_ArrayForEach(file, files) if (rc == 0) rc = add_file(a, file);
  if (rc == 0 && archive_write_close(a) != ARCHIVE_OK)
    rc = -1;
  if (rc < 0)
    err_set(err, ERR_IO, "making the files' tar: %s", archive_error_string(a) ? archive_error_string(a) : "no memory");
  archive_write_free(a);
  if (rc < 0)
    return -1;
  *ret_bytes = out.len;
  *ret_tar = buf_steal(&out);
  return *ret_tar ? 0 : err_no_memory(err);
}

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/buf.h"
#include "controller/manifest/reader.h"
#include "controller/manifest/yaml.h"

bool is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Relative to the base if it lies under it. */
static const char *shown_name(struct reading *r, const char *path) {
  size_t len = strlen(r->base);
  const char *shown = strncmp(path, r->base, len) == 0 && path[len] == '/' ? path + len + 1 : path;
  if (strv_add_once(&r->document->names, shown, r->err) < 0)
    return NULL;
  const struct strv *names = &r->document->names;
  for (size_t i = 0; i < names->count; i++)
    if (strcmp(names->items[i], shown) == 0)
      return names->items[i];
  return NULL;
}

static int missing(struct reading *r, const char *shown, const struct node *from) {
  if (from)
    return node_error(r->err, from, "%s cannot be read: %s", shown, strerror(errno));
  return err_set(r->err, ERR_INPUT, "%s: cannot be read: %s", shown, strerror(errno));
}

static int read_all(struct reading *r, FILE *f, struct buf *text) {
  char chunk[16384];
  size_t got = 0;
  while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0) {
    r->bytes += got;
    if (r->bytes > YAML_BYTES_LIMIT)
      return err_set(r->err, ERR_INPUT, "the files are larger than 16 MiB together");
    if (buf_append(text, chunk, got, r->err) < 0)
      return -1;
  }
  return ferror(f) ? 1 : 0;
}

int reading_file(struct reading *r, const char *path, const struct node *from, char **ret_text, size_t *ret_len,
                 const char **ret_name) {
  const char *shown = shown_name(r, path);
  if (!shown)
    return -1;
  struct stat st;
  FILE *f = fopen(path, "re");
  if (f && fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
    fclose(f);
    f = NULL;
    errno = EISDIR;
  }
  if (!f)
    return missing(r, shown, from);
  CLEANUP_BUF struct buf text = BUF_INIT(0);
  int failed = read_all(r, f, &text);
  fclose(f);
  if (failed > 0)
    return missing(r, shown, from);
  if (failed < 0 || strv_add_once(&r->document->loaded_files, path, r->err) < 0)
    return -1;
  *ret_len = text.len;
  *ret_name = shown;
  *ret_text = buf_steal(&text);
  return *ret_text ? 0 : err_no_memory(r->err);
}

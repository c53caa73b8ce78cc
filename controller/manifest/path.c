#include "controller/manifest/path.h"

#include <stdio.h>
#include <string.h>

#include "controller/manifest/shorthand.h"

/* Writes the parts of path to out, taking ".." back where it can. */
char *path_clean(const char *path) {
  bool absolute = *path == '/';
  char *out = malloc(strlen(path) + 2);
  if (!out)
    return NULL;
  size_t len = 0;
  size_t floor = 0; /* what ".." cannot take back */
  if (absolute)
    out[len++] = '/';
  floor = len;
  while (*path) {
    path += strspn(path, "/");
    size_t part = strcspn(path, "/");
    bool up = part == 2 && path[0] == '.' && path[1] == '.';
    if (up && len > floor) {
      while (len > floor && out[len - 1] != '/')
        len--;
      if (len > floor)
        len--;
    } else if (part > 0 && !(part == 1 && *path == '.') && !(up && absolute)) {
      if (len > 0 && out[len - 1] != '/')
        out[len++] = '/';
      memcpy(out + len, path, part);
      len += part;
      if (up)
        floor = len;
    }
    path += part;
  }
  if (len == 0)
    out[len++] = '.';
  out[len] = '\0';
  return out;
}

char *path_join(const char *folder, const char *path) {
  CLEANUP_FREE char *joined = NULL;
  if (*path == '/')
    return path_clean(path);
  if (asprintf(&joined, "%s/%s", folder, path) < 0)
    return joined = NULL;
  return path_clean(joined);
}

char *path_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return strdup(".");
  CLEANUP_FREE char *front = strndup(path, slash == path ? 1 : (size_t)(slash - path));
  return front ? path_clean(front) : NULL;
}

const char *path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

char *path_expand_home(const char *path, const char *home) {
  if (*path != '~' || !home)
    return strdup(path);
  CLEANUP_FREE char *joined = NULL;
  if (asprintf(&joined, "%s/%s", home, path + 1) < 0)
    return joined = NULL;
  return path_clean(joined);
}

/* A temporary folder of a test: made, filled, removed with all that is in it. */
#ifndef TANDEM_TEST_SCRATCH_H
#define TANDEM_TEST_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
  char dir[64];
  char path[8192]; /* of the latest scratch_path() */
};

__attribute__((unused)) static int scratch_init(struct scratch *s) {
  snprintf(s->dir, sizeof(s->dir), "/tmp/tandem-test-XXXXXX");
  return mkdtemp(s->dir) ? 0 : -1;
}

static int scratch_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

__attribute__((unused)) static void scratch_release(struct scratch *s) {
  nftw(s->dir, scratch_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/* DIR/name; good until the next call. */
__attribute__((unused)) static const char *scratch_path(struct scratch *s, const char *name) {
  snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, name);
  return s->path;
}

/* Writes the file, making the folders above it. */
__attribute__((unused)) static int scratch_write(struct scratch *s, const char *name, const char *text) {
  char path[8192];
  snprintf(path, sizeof(path), "%s/%s", s->dir, name);
  for (char *p = path + strlen(s->dir) + 1; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(path, 0755);
    *p = '/';
  }
  FILE *f = fopen(path, "w");
  if (!f)
    return -1;
  fputs(text, f);
  return fclose(f);
}

/* The file's text; the caller frees. */
__attribute__((unused)) static char *scratch_read(const char *path) {
  char *text = NULL;
  size_t len = 0;
  FILE *f = fopen(path, "r");
  if (!f)
    return NULL;
  ssize_t n = getdelim(&text, &len, '\0', f);
  fclose(f);
  if (n < 0) {
    free(text);
    return strdup("");
  }
  return text;
}

#endif

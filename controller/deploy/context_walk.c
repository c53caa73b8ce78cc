#include "controller/deploy/context_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/base/buf.h"
#include "api/base/strv.h"

enum { MAX_DEPTH = 200, CHUNK_BYTES = 128 * 1024, MAX_PATH_BYTES = 32 * 1024 };

/* A folder on the way from the context's root to where the walk is. An ignored one is handed over only once
 * something in it is. */
struct folder {
  struct folder *parent;
  int fd;
  size_t path_len;
  mode_t mode;
  bool handed_over;
  const bool *above; /* which patterns matched the folder; NULL for the root */
  bool *here;        /* which match the name that the walk is at */
};

struct walk {
  const char *root;
  const struct ignore *ignore;
  const struct context_sink *sink;
  dev_t skip_dev;
  ino_t skip_ino;
  struct buf path;
  char *chunk;
  int depth;
};

static int changed(struct walk *w, const char *path, struct err *err) {
  err_set(err, ERR_CONFLICT, "%s/%s changed while it was read", w->root, path);
  if (err)
    err->retryable = true;
  return -1;
}

static int failed(struct walk *w, const char *path, int code, struct err *err) {
  if (code == ENOENT || code == ELOOP || code == ENOTDIR)
    return changed(w, path, err);
  return err_set_errno(err, code, "%s/%s", w->root, path);
}

/* Hands over the folders above, outermost first, that are not yet. */
static int hand_over_folders(struct walk *w, struct folder *f, struct err *err) {
  if (!f || f->handed_over)
    return 0;
  if (hand_over_folders(w, f->parent, err) < 0)
    return -1;
  CLEANUP_FREE char *path = strndup(buf_text(&w->path), f->path_len);
  if (!path)
    return err_no_memory(err);
  f->handed_over = true;
  return w->sink->entry(w->sink->arg, &(struct context_entry){.path = path, .type = 'd', .mode = f->mode}, err);
}

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int read_content(struct walk *w, int fd, uint64_t size, struct err *err) {
  const char *path = buf_text(&w->path);
  while (size > 0) {
    ssize_t n = read(fd, w->chunk, size < CHUNK_BYTES ? (size_t)size : CHUNK_BYTES);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return failed(w, path, errno, err);
    if (n == 0)
      return changed(w, path, err);
    if (w->sink->data(w->sink->arg, w->chunk, (size_t)n, err) < 0)
      return -1;
    size -= (uint64_t)n;
  }
  return 0;
}

static int walk_file(struct walk *w, struct folder *in, const char *name, const struct stat *seen, struct err *err) {
  const char *path = buf_text(&w->path);
  CLEANUP_CLOSE int fd = openat(in->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return failed(w, path, errno, err);
  struct stat before, after;
  if (fstat(fd, &before) < 0)
    return failed(w, path, errno, err);
  if (!same_file(seen, &before))
    return changed(w, path, err);
  struct context_entry entry = {.path = path, .type = 'f', .mode = before.st_mode & 07777};
  entry.size = (uint64_t)before.st_size;
  if (w->sink->entry(w->sink->arg, &entry, err) < 0 || read_content(w, fd, entry.size, err) < 0)
    return -1;
  if (fstat(fd, &after) < 0)
    return failed(w, path, errno, err);
  return same_file(&before, &after) ? 0 : changed(w, path, err);
}

static int walk_link(struct walk *w, struct folder *in, const char *name, struct err *err) {
  char target[4097];
  const char *path = buf_text(&w->path);
  ssize_t n = readlinkat(in->fd, name, target, sizeof(target));
  if (n < 0)
    return errno == EINVAL ? changed(w, path, err) : failed(w, path, errno, err);
  if ((size_t)n == sizeof(target))
    return failed(w, path, ENAMETOOLONG, err);
  target[n] = '\0';
  struct context_entry entry = {.path = path, .type = 'l', .mode = 0777, .target = target};
  return w->sink->entry(w->sink->arg, &entry, err);
}

static int walk_folder(struct walk *w, struct folder *f, struct err *err);

static int walk_subfolder(struct walk *w, struct folder *in, const char *name, const struct stat *st, bool ignored,
                          struct err *err) {
  const char *path = buf_text(&w->path);
  if (w->depth == MAX_DEPTH)
    return err_set(err, ERR_INPUT, "%s/%s: more than %d folders deep", w->root, path, MAX_DEPTH);
  CLEANUP_CLOSE int fd = openat(in->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return failed(w, path, errno, err);
  struct folder f = {.parent = in, .fd = fd, .path_len = w->path.len, .mode = st->st_mode & 07777, .above = in->here};
  if (!ignored && hand_over_folders(w, &f, err) < 0)
    return -1;
  w->depth++;
  int rc = walk_folder(w, &f, err);
  w->depth--;
  return rc;
}

/* w->path names it. */
static int walk_name(struct walk *w, struct folder *in, const char *name, struct err *err) {
  const char *path = buf_text(&w->path);
  struct stat st;
  bool ignored = ignore_matches(w->ignore, path, in->above, in->here);
  if (ignored && !ignore_may_keep_below(w->ignore, path))
    return 0;
  if (fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return failed(w, path, errno, err);
  if (S_ISDIR(st.st_mode))
    return walk_subfolder(w, in, name, &st, ignored, err);
  if (ignored || S_ISSOCK(st.st_mode) || (st.st_dev == w->skip_dev && st.st_ino == w->skip_ino))
    return 0;
  if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
    return err_set(err, ERR_INPUT, "%s/%s is no file, folder or link: ignore it in .dockerignore", w->root, path);
  if (hand_over_folders(w, in, err) < 0)
    return -1;
  return S_ISREG(st.st_mode) ? walk_file(w, in, name, &st, err) : walk_link(w, in, name, err);
}

static int list_names(struct walk *w, int fd, struct strv *names, struct err *err) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  int rc = 0;
  if (!dir) {
    int code = errno;
    if (copy >= 0)
      close(copy);
    return failed(w, buf_text(&w->path), code, err);
  }
  struct dirent *entry;
  while (errno = 0, rc == 0 && (entry = readdir(dir)))
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      rc = strv_add(names, entry->d_name, err);
  if (rc == 0 && errno)
    rc = failed(w, buf_text(&w->path), errno, err);
  closedir(dir);
  strv_sort(names);
  return rc;
}

static int walk_folder(struct walk *w, struct folder *f, struct err *err) {
  CLEANUP_STRV struct strv names = STRV_INIT;
  CLEANUP_FREE bool *here = calloc(w->ignore->count + 1, sizeof(*here));
  f->here = here;
  int rc = here ? list_names(w, f->fd, &names, err) : err_no_memory(err);
  for (size_t i = 0; rc == 0 && i < names.count; i++) {
    rc = buf_printf(&w->path, err, "%s%s", f->path_len ? "/" : "", names.items[i]);
    if (rc == 0)
      rc = walk_name(w, f, names.items[i], err);
    w->path.len = f->path_len;
    w->path.data[f->path_len] = '\0';
  }
  return rc;
}

int context_walk(const char *folder, const struct ignore *ignore, dev_t skip_dev, ino_t skip_ino,
                 const struct context_sink *sink, struct err *err) {
  struct walk w = {.root = folder, .ignore = ignore, .sink = sink, .skip_dev = skip_dev, .skip_ino = skip_ino};
  w.path.limit_bytes = MAX_PATH_BYTES;
  CLEANUP_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    int code = errno;
    err_set_errno(err, code, "%s", folder);
    if (err && (code == ENOENT || code == ENOTDIR))
      err->kind = ERR_INPUT;
    return -1;
  }
  w.chunk = malloc(CHUNK_BYTES);
  int rc = w.chunk ? buf_puts(&w.path, "", err) : err_no_memory(err);
  struct folder root = {.fd = fd, .handed_over = true};
  if (rc == 0)
    rc = walk_folder(&w, &root, err);
  free(w.chunk);
  buf_release(&w.path);
  return rc;
}

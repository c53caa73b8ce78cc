#include "controller/deploy/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/buf.h"
#include "api/base/sha256.h"
#include "controller/deploy/context_tar.h"
#include "controller/deploy/context_walk.h"
#include "controller/deploy/ignore.h"

enum { MAX_IGNORE_BYTES = 1024 * 1024, MAX_DOCKERFILE_BYTES = 16 * 1024 * 1024 };

/* What is sent besides and instead of what the walk finds. */
struct context {
  const char *folder;
  struct ignore ignore;
  char *dockerfile;       /* the name in the context; NULL: none (a digest of an inline one) */
  bool made_up;           /* dockerfile is not in the folder: content is put in under that name */
  struct buf content;     /* of a made-up Dockerfile */
  struct buf ignore_text; /* of the ignore file in force; for a made-up Dockerfile with its names added */
};

static void context_release(struct context *c) {
  ignore_release(&c->ignore);
  free(c->dockerfile);
  buf_release(&c->content);
  buf_release(&c->ignore_text);
}
#define CLEANUP_CONTEXT CLEANUP(context_release)

/* 1: read, 0: there is no such file, -1: error. */
static int read_small(const char *path, struct buf *out, struct err *err) {
  char chunk[16384];
  CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR ? 0 : err_set_errno(err, errno, "%s", path);
  for (;;) {
    ssize_t n = read(fd, chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_set_errno(err, errno, "%s", path);
    if (n == 0)
      return 1;
    if (buf_append(out, chunk, (size_t)n, err) < 0) {
      if (err && err->kind == ERR_PROTOCOL)
        err->kind = ERR_INPUT;
      return err_wrap(err, "%s", path);
    }
  }
}

/* The rest of file below folder; NULL when it is not below. */
static const char *below(const char *folder, const char *file) {
  size_t len = strlen(folder);
  while (len > 0 && folder[len - 1] == '/')
    len--;
  return strncmp(folder, file, len) == 0 && file[len] == '/' ? file + len + 1 : NULL;
}

static char *join(const char *folder, const char *name) {
  char *path = NULL;
  int n = name[0] == '/' ? asprintf(&path, "%s", name) : asprintf(&path, "%s/%s", folder, name);
  return n < 0 ? NULL : path;
}

static int make_up(struct context *c, struct err *err) {
  char hex[65];
  if (sha256_hex(buf_text(&c->content), c->content.len, hex, err) < 0)
    return -1;
  c->made_up = true;
  if (asprintf(&c->dockerfile, ".tandem-dockerfile.%.12s", hex) < 0) {
    c->dockerfile = NULL;
    return err_no_memory(err);
  }
  return 0;
}

/* A Dockerfile that the context's tar will hold as a file of its own is named; any other is read and put in. */
static int find_dockerfile(struct context *c, const char *path, const char *dockerfile, struct err *err) {
  char folder[PATH_MAX], file[PATH_MAX];
  struct stat st;
  if (!realpath(c->folder, folder))
    return errno == ENOENT ? err_set(err, ERR_INPUT, "there is no such folder") : err_set_errno(err, errno, "folder");
  if (!realpath(path, file) || lstat(path, &st) < 0)
    return err_set(err, ERR_INPUT, "Dockerfile %s: %s", dockerfile, strerror(errno));
  const char *name = below(folder, file);
  if (name && S_ISREG(st.st_mode)) {
    c->dockerfile = strdup(name);
    return c->dockerfile ? 0 : err_no_memory(err);
  }
  int rc = read_small(path, &c->content, err);
  if (rc == 0)
    return err_set(err, ERR_INPUT, "Dockerfile %s: %s", dockerfile, strerror(ENOENT));
  return rc < 0 ? -1 : make_up(c, err);
}

/* DOCKERFILE.dockerignore, else .dockerignore. dockerfile_path may be NULL. */
static int read_ignore(struct context *c, const char *dockerfile_path, struct err *err) {
  CLEANUP_FREE char *own = NULL;
  CLEANUP_FREE char *common = join(c->folder, ".dockerignore");
  if (dockerfile_path && asprintf(&own, "%s.dockerignore", dockerfile_path) < 0)
    own = NULL;
  if (!common || (dockerfile_path && !own))
    return err_no_memory(err);
  const char *name = own;
  int rc = own ? read_small(own, &c->ignore_text, err) : 0;
  if (rc == 0) {
    name = common;
    rc = read_small(common, &c->ignore_text, err);
  }
  if (rc <= 0)
    return rc;
  return ignore_parse(&c->ignore, buf_text(&c->ignore_text), c->ignore_text.len, name, err);
}

/* The Dockerfile and the ignore files are sent whatever the patterns say: the engine's builder reads them. */
static int keep_own_files(struct context *c, struct err *err) {
  CLEANUP_FREE char *own = NULL;
  if (ignore_keep(&c->ignore, ".dockerignore", err) < 0)
    return -1;
  if (c->made_up)
    return buf_printf(&c->ignore_text, err, "\n%s\n%s.dockerignore\n", c->dockerfile, c->dockerfile);
  if (!c->dockerfile)
    return 0;
  if (asprintf(&own, "%s.dockerignore", c->dockerfile) < 0) {
    own = NULL;
    return err_no_memory(err);
  }
  return ignore_keep(&c->ignore, c->dockerfile, err) < 0 ? -1 : ignore_keep(&c->ignore, own, err);
}

/* Both dockerfile and inline_dockerfile NULL: no Dockerfile. Released by the caller on failure too. */
static int context_load(struct context *c, const char *folder, const char *dockerfile, const char *inline_dockerfile,
                        struct err *err) {
  *c = (struct context){.folder = folder};
  c->content.limit_bytes = MAX_DOCKERFILE_BYTES;
  c->ignore_text.limit_bytes = MAX_IGNORE_BYTES;
  CLEANUP_FREE char *path = NULL;
  int rc = 0;
  if (inline_dockerfile) {
    rc = buf_puts(&c->content, inline_dockerfile, err);
    rc = rc == 0 ? make_up(c, err) : rc;
  } else if (dockerfile) {
    path = join(folder, dockerfile);
    rc = path ? find_dockerfile(c, path, dockerfile, err) : err_no_memory(err);
  }
  if (rc < 0 || read_ignore(c, path, err) < 0 || keep_own_files(c, err) < 0)
    return err_wrap(err, "build context %s", folder);
  return 0;
}

static int send_made_up(const struct context_sink *sink, const char *name, const struct buf *content, struct err *err) {
  struct context_entry entry = {.path = name, .type = 'f', .mode = 0644, .size = content->len};
  if (sink->entry(sink->arg, &entry, err) < 0)
    return -1;
  return content->len ? sink->data(sink->arg, content->data, content->len, err) : 0;
}

static int send_all(const struct context *c, dev_t skip_dev, ino_t skip_ino, const struct context_sink *sink,
                    struct err *err) {
  if (context_walk(c->folder, &c->ignore, skip_dev, skip_ino, sink, err) < 0)
    return err_wrap(err, "build context");
  if (!c->made_up)
    return 0;
  CLEANUP_FREE char *ignore_name = NULL;
  if (asprintf(&ignore_name, "%s.dockerignore", c->dockerfile) < 0) {
    ignore_name = NULL;
    return err_no_memory(err);
  }
  return send_made_up(sink, c->dockerfile, &c->content, err) < 0
             ? -1
             : send_made_up(sink, ignore_name, &c->ignore_text, err);
}

/* Each entry is unambiguous: its lengths are fixed, told, or ended by a NUL that cannot be in them. */
static int digest_entry(void *arg, const struct context_entry *entry, struct err *err) {
  char head[64];
  (void)err;
  int n =
      snprintf(head, sizeof(head), "%c %o %llu ", entry->type, (unsigned)entry->mode, (unsigned long long)entry->size);
  sha256_update(arg, head, (size_t)n);
  sha256_update(arg, entry->path, strlen(entry->path) + 1);
  if (entry->target)
    sha256_update(arg, entry->target, strlen(entry->target) + 1);
  return 0;
}

static int digest_data(void *arg, const void *data, size_t len, struct err *err) {
  (void)err;
  sha256_update(arg, data, len);
  return 0;
}

int context_digest(const char *folder, const char *dockerfile, char ret_hex[65], struct err *err) {
  CLEANUP_CONTEXT struct context c;
  if (context_load(&c, folder, dockerfile, NULL, err) < 0)
    return -1;
  struct sha256 *sha = sha256_new();
  if (!sha)
    return err_no_memory(err);
  struct context_sink sink = {digest_entry, digest_data, sha};
  if (send_all(&c, 0, 0, &sink, err) < 0) {
    sha256_free(sha);
    return -1;
  }
  return sha256_finish(sha, ret_hex, err);
}

/* Fills the open file. *ret_bytes is the tar's length. */
static int fill_tar(const struct context *c, int fd, uint64_t *ret_bytes, struct err *err) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return err_set_errno(err, errno, "stat");
  struct context_tar *tar = NULL;
  if (context_tar_new(fd, &tar, err) < 0)
    return -1;
  struct context_sink sink = {context_tar_entry, context_tar_data, tar};
  int rc = send_all(c, st.st_dev, st.st_ino, &sink, err);
  if (rc < 0) {
    context_tar_free(tar);
    return -1;
  }
  return context_tar_finish(tar, ret_bytes, err);
}

int context_tar(const char *folder, const char *dockerfile, const char *inline_dockerfile, const char *path,
                char **ret_dockerfile, uint64_t *ret_bytes, struct err *err) {
  CLEANUP_CONTEXT struct context c;
  if (context_load(&c, folder, dockerfile, inline_dockerfile, err) < 0)
    return -1;
  CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return err_set_errno(err, errno, "%s", path);
  if (fill_tar(&c, fd, ret_bytes, err) < 0) {
    unlink(path);
    return -1;
  }
  *ret_dockerfile = STEAL(c.dockerfile);
  return 0;
}

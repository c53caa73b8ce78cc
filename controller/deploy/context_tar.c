#include "controller/deploy/context_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "controller/deploy/context_walk.h"

/* 1980-01-02: the earliest day that ZIP files, and so Python wheels made from these files, can tell. */
enum { FIXED_TIME = 315619200, BLOCK_BYTES = 64 * 1024 };

struct context_tar {
  struct archive *archive;
  struct archive_entry *entry;
};

static int failed(struct context_tar *tar, struct err *err) {
  const char *text = archive_error_string(tar->archive);
  int code = archive_errno(tar->archive);
  if (code == ENOMEM)
    return err_no_memory(err);
  err_set(err, ERR_IO, "writing the tar: %s", text ? text : "failed");
  if (err && code > 0)
    err->sys_errno = code;
  return -1;
}

void context_tar_free(struct context_tar *tar) {
  if (!tar)
    return;
  archive_entry_free(tar->entry);
  if (tar->archive) {
    archive_write_fail(tar->archive);  /* else closing would write the rest of an entry as zeros, */
    archive_write_close(tar->archive); /* and without closing its buffer would be lost */
    archive_write_free(tar->archive);
  }
  free(tar);
}

int context_tar_new(int fd, struct context_tar **ret_tar, struct err *err) {
  struct context_tar *tar = calloc(1, sizeof(*tar));
  if (!tar)
    return err_no_memory(err);
  tar->archive = archive_write_new();
  tar->entry = archive_entry_new();
  int rc = tar->archive && tar->entry ? 0 : err_no_memory(err);
  if (rc == 0 && (archive_write_set_format_gnutar(tar->archive) != ARCHIVE_OK ||
                  archive_write_add_filter_none(tar->archive) != ARCHIVE_OK ||
                  archive_write_set_bytes_per_block(tar->archive, BLOCK_BYTES) != ARCHIVE_OK ||
                  archive_write_set_bytes_in_last_block(tar->archive, 1) != ARCHIVE_OK ||
                  archive_write_open_fd(tar->archive, fd) != ARCHIVE_OK))
    rc = failed(tar, err);
  if (rc < 0) {
    context_tar_free(tar);
    return -1;
  }
  *ret_tar = tar;
  return 0;
}

int context_tar_entry(void *arg, const struct context_entry *entry, struct err *err) {
  struct context_tar *tar = arg;
  struct archive_entry *e = archive_entry_clear(tar->entry);
  archive_entry_set_pathname(e, entry->path);
  archive_entry_set_filetype(e, entry->type == 'd' ? AE_IFDIR : entry->type == 'l' ? AE_IFLNK : AE_IFREG);
  archive_entry_set_perm(e, entry->mode);
  archive_entry_set_mtime(e, FIXED_TIME, 0);
  archive_entry_set_size(e, (la_int64_t)entry->size);
  if (entry->target)
    archive_entry_set_symlink(e, entry->target);
  return archive_write_header(tar->archive, e) == ARCHIVE_OK ? 0 : failed(tar, err);
}

int context_tar_data(void *arg, const void *data, size_t len, struct err *err) {
  struct context_tar *tar = arg;
  return archive_write_data(tar->archive, data, len) == (la_ssize_t)len ? 0 : failed(tar, err);
}

int context_tar_finish(struct context_tar *tar, uint64_t *ret_bytes, struct err *err) {
  int rc = archive_write_close(tar->archive) == ARCHIVE_OK ? 0 : failed(tar, err);
  if (rc == 0)
    *ret_bytes = (uint64_t)archive_filter_bytes(tar->archive, -1);
  context_tar_free(tar);
  return rc;
}

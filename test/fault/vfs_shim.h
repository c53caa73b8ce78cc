/* An SQLite VFS over the default one that fails operation N on a state database: its writes, syncs and truncations, of
 * state.db, its -wal and its -journal. Whoever opens a database after vfs_shim_install() has it; the journal's writer
 * is another thread, so the shim has a lock.
 *
 * It also knows what a power cut would leave: at each sync that succeeds, the file as it then is goes to a folder of
 * its own, state.db and state.db-wal there being a database of what is durable and of nothing else. */
#ifndef TANDEM_TEST_FAULT_VFS_SHIM_H
#define TANDEM_TEST_FAULT_VFS_SHIM_H

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum shim_way {
  SHIM_ENOSPC, /* nothing is written; a sync does nothing and fails */
  SHIM_EIO,    /* the same, with the other error */
  SHIM_SHORT,  /* half of the bytes are written, then there is no room; a sync is done and fails all the same */
  SHIM_WAYS,
};

static const char *const shim_way_names[SHIM_WAYS] = {"no space", "I/O error", "short write"};

enum { SHIM_PATH = 200, SHIM_PIECE = 64 * 1024, SHIM_SYNC_LIMIT = 64 * 1024 * 1024 };

struct vfs_shim {
  sqlite3_vfs vfs; /* what SQLite sees; pAppData is the shim */
  sqlite3_vfs *real;
  pthread_mutex_t mutex;
  char durable[SHIM_PATH]; /* folder; "": what is durable is not kept */
  enum shim_way way;
  bool once; /* else everything fails from `at` on */
  int at;    /* which operation, from 1; 0: none */
  int seen;
  int failed;
};

struct shim_file {
  sqlite3_file base;
  struct vfs_shim *shim;
  const char *name; /* "state.db-wal"; NULL: not one of the database's */
  sqlite3_file *real;
};

static inline sqlite3_file *shim_real(sqlite3_file *f) {
  return ((struct shim_file *)f)->real;
}

/* --- counting and failing ---------------------------------------------------------------------------------------- */

/* Is it this operation's turn to fail? */
static inline bool shim_fails(struct shim_file *f) {
  struct vfs_shim *s = f->shim;
  if (!f->name)
    return false;
  pthread_mutex_lock(&s->mutex);
  int n = ++s->seen;
  bool fails = s->at && (s->once ? n == s->at : n >= s->at);
  s->failed += fails;
  pthread_mutex_unlock(&s->mutex);
  return fails;
}

static inline void shim_durable_path(const struct vfs_shim *s, const char *name, char path[SHIM_PATH + 32]) {
  snprintf(path, SHIM_PATH + 32, "%s/%s", s->durable, name);
}

static inline void shim_must(bool good, const char *what) {
  if (good)
    return;
  fprintf(stderr, "vfs_shim: %s\n", what);
  abort();
}

/* Read through SQLite's own descriptor: closing another one would drop the process's locks on the file. */
static inline void shim_keep(struct shim_file *f) {
  char path[SHIM_PATH + 32];
  sqlite3_int64 size = 0;
  if (!f->name || !f->shim->durable[0])
    return;
  shim_must(f->real->pMethods->xFileSize(f->real, &size) == SQLITE_OK && size < SHIM_SYNC_LIMIT,
            "size of a synced file");
  char *data = malloc((size_t)size + 1);
  shim_must(data && (size == 0 || f->real->pMethods->xRead(f->real, data, (int)size, 0) == SQLITE_OK),
            "read of a synced file");
  pthread_mutex_lock(&f->shim->mutex);
  shim_durable_path(f->shim, f->name, path);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  shim_must(fd >= 0 && write(fd, data, (size_t)size) == size && close(fd) == 0, "what is durable cannot be kept");
  pthread_mutex_unlock(&f->shim->mutex);
  free(data);
}

static inline int shim_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
  struct shim_file *f = (struct shim_file *)file;
  if (!shim_fails(f))
    return f->real->pMethods->xWrite(f->real, data, size, offset);
  if (f->shim->way == SHIM_SHORT)
    f->real->pMethods->xWrite(f->real, data, size / 2, offset);
  return f->shim->way == SHIM_EIO ? SQLITE_IOERR_WRITE : SQLITE_FULL;
}

static inline int shim_sync(sqlite3_file *file, int flags) {
  struct shim_file *f = (struct shim_file *)file;
  bool fails = shim_fails(f);
  int rc = SQLITE_OK;
  if (!fails || f->shim->way == SHIM_SHORT) {
    rc = f->real->pMethods->xSync(f->real, flags);
    shim_keep(f);
  }
  return fails ? SQLITE_IOERR_FSYNC : rc;
}

static inline int shim_truncate(sqlite3_file *file, sqlite3_int64 size) {
  struct shim_file *f = (struct shim_file *)file;
  return shim_fails(f) ? SQLITE_IOERR_TRUNCATE : f->real->pMethods->xTruncate(f->real, size);
}

/* --- passed on --------------------------------------------------------------------------------------------------- */

static inline int shim_close(sqlite3_file *f) {
  return shim_real(f)->pMethods->xClose(shim_real(f));
}
static inline int shim_read(sqlite3_file *f, void *data, int size, sqlite3_int64 offset) {
  return shim_real(f)->pMethods->xRead(shim_real(f), data, size, offset);
}
static inline int shim_size(sqlite3_file *f, sqlite3_int64 *ret) {
  return shim_real(f)->pMethods->xFileSize(shim_real(f), ret);
}
static inline int shim_lock(sqlite3_file *f, int level) {
  return shim_real(f)->pMethods->xLock(shim_real(f), level);
}
static inline int shim_unlock(sqlite3_file *f, int level) {
  return shim_real(f)->pMethods->xUnlock(shim_real(f), level);
}
static inline int shim_reserved(sqlite3_file *f, int *ret) {
  return shim_real(f)->pMethods->xCheckReservedLock(shim_real(f), ret);
}
static inline int shim_control(sqlite3_file *f, int op, void *arg) {
  return shim_real(f)->pMethods->xFileControl(shim_real(f), op, arg);
}
static inline int shim_sector(sqlite3_file *f) {
  return shim_real(f)->pMethods->xSectorSize(shim_real(f));
}
static inline int shim_device(sqlite3_file *f) {
  return shim_real(f)->pMethods->xDeviceCharacteristics(shim_real(f));
}
static inline int shim_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret) {
  return shim_real(f)->pMethods->xShmMap(shim_real(f), page, size, extend, ret);
}
static inline int shim_map_lock(sqlite3_file *f, int offset, int n, int flags) {
  return shim_real(f)->pMethods->xShmLock(shim_real(f), offset, n, flags);
}
static inline void shim_map_barrier(sqlite3_file *f) {
  shim_real(f)->pMethods->xShmBarrier(shim_real(f));
}
static inline int shim_unmap(sqlite3_file *f, int remove) {
  return shim_real(f)->pMethods->xShmUnmap(shim_real(f), remove);
}

/* Version 2: with shared memory, without mapped reads and writes. */
static const sqlite3_io_methods shim_methods = {.iVersion = 2,
                                                .xClose = shim_close,
                                                .xRead = shim_read,
                                                .xWrite = shim_write,
                                                .xTruncate = shim_truncate,
                                                .xSync = shim_sync,
                                                .xFileSize = shim_size,
                                                .xLock = shim_lock,
                                                .xUnlock = shim_unlock,
                                                .xCheckReservedLock = shim_reserved,
                                                .xFileControl = shim_control,
                                                .xSectorSize = shim_sector,
                                                .xDeviceCharacteristics = shim_device,
                                                .xShmMap = shim_map,
                                                .xShmLock = shim_map_lock,
                                                .xShmBarrier = shim_map_barrier,
                                                .xShmUnmap = shim_unmap};

/* The part of path from "state.db" on, or NULL. */
static inline const char *shim_name(const char *path) {
  const char *name = path ? strrchr(path, '/') : NULL;
  bool counted = name && (strcmp(name, "/state.db") == 0 || strcmp(name, "/state.db-wal") == 0 ||
                          strcmp(name, "/state.db-journal") == 0);
  return counted ? name + 1 : NULL;
}

static inline int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags) {
  struct shim_file *f = (struct shim_file *)file;
  *f = (struct shim_file){.shim = vfs->pAppData, .name = shim_name(path), .real = (sqlite3_file *)(f + 1)};
  int rc = f->shim->real->xOpen(f->shim->real, path, f->real, flags, ret_flags);
  if (f->real->pMethods)
    f->base.pMethods = &shim_methods;
  return rc;
}

static inline int shim_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
  struct vfs_shim *s = vfs->pAppData;
  char kept[SHIM_PATH + 32];
  int rc = s->real->xDelete(s->real, path, sync_folder);
  if (rc == SQLITE_OK && shim_name(path) && s->durable[0]) {
    pthread_mutex_lock(&s->mutex);
    shim_durable_path(s, shim_name(path), kept);
    unlink(kept);
    pthread_mutex_unlock(&s->mutex);
  }
  return rc;
}

/* --- use --------------------------------------------------------------------------------------------------------- */

/* Becomes the default VFS, failing nothing. For the rest of the process. */
static inline void vfs_shim_install(struct vfs_shim *s) {
  memset(s, 0, sizeof(*s));
  pthread_mutex_init(&s->mutex, NULL);
  s->real = sqlite3_vfs_find(NULL);
  s->vfs = *s->real;
  s->vfs.pNext = NULL;
  s->vfs.zName = "tandem-fault";
  s->vfs.pAppData = s;
  s->vfs.szOsFile = (int)sizeof(struct shim_file) + s->real->szOsFile;
  s->vfs.xOpen = shim_open;
  s->vfs.xDelete = shim_delete;
  shim_must(sqlite3_vfs_register(&s->vfs, 1) == SQLITE_OK, "registering");
}

/* Counts from here on and fails operation `at`. What is in dir now is taken for durable, and what becomes so is kept
 * in dir/durable. */
static inline void vfs_shim_arm(struct vfs_shim *s, const char *dir, enum shim_way way, bool once, int at) {
  char command[4 * SHIM_PATH];
  snprintf(s->durable, sizeof(s->durable), "%s/durable", dir);
  snprintf(command, sizeof(command),
           "rm -rf %s && mkdir %s && find %s -maxdepth 1 -name 'state.db*' ! -name '*-shm' "
           "-exec cp {} %s ';'",
           s->durable, s->durable, dir, s->durable);
  shim_must(system(command) == 0, command); /* another process: its closing drops none of our locks */
  s->way = way;
  s->once = once;
  s->at = at;
  s->seen = s->failed = 0;
}

static inline void vfs_shim_disarm(struct vfs_shim *s) {
  s->at = 0;
  s->durable[0] = '\0';
}

/* The power has gone and come back: dir holds what was durable. Nothing may have it open. */
static inline void vfs_shim_power_cut(const char *dir) {
  char command[4 * SHIM_PATH];
  snprintf(command, sizeof(command),
           "rm -f %s/state.db* && find %s/durable -name 'state.db*' ! -name '*-shm' -exec cp {} %s ';'", dir, dir, dir);
  shim_must(system(command) == 0, command);
}

/* Of what is durable: the number in the statement's first row, whose parameters are texts (NULL: none more). -1: it
 * cannot be read. */
static inline int vfs_shim_durable_count(struct vfs_shim *s, const char *sql, const char *const *texts, int count) {
  char path[SHIM_PATH + 32], shm[SHIM_PATH + 32];
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt = NULL;
  int found = -1;
  pthread_mutex_lock(&s->mutex);
  shim_durable_path(s, "state.db", path);
  shim_durable_path(s, "state.db-shm", shm);
  unlink(shm);
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, s->real->zName) == SQLITE_OK) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* the -wal stays as it was synced */
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
      for (int i = 0; i < count; i++)
        sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_STATIC);
      if (sqlite3_step(stmt) == SQLITE_ROW)
        found = sqlite3_column_int(stmt, 0);
    }
    sqlite3_finalize(stmt);
  }
  sqlite3_close(db);
  unlink(shm);
  pthread_mutex_unlock(&s->mutex);
  return found;
}

#endif

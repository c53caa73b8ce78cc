#include "controller/state/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/base/json.h"

/* schema[n] brings a database from version n to n + 1. */
static const char *const schema[DB_SCHEMA_VERSION] = {
    "CREATE TABLE project (name TEXT PRIMARY KEY, current INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE revision ("
    "  id INTEGER PRIMARY KEY, project TEXT NOT NULL, number INTEGER NOT NULL, base INTEGER NOT NULL,"
    "  kind TEXT NOT NULL, outcome TEXT NOT NULL, cleaned INTEGER NOT NULL DEFAULT 0, summary TEXT NOT NULL,"
    "  failure TEXT, started_us INTEGER NOT NULL, ended_us INTEGER, desired TEXT, plan TEXT,"
    "  UNIQUE (project, number)) STRICT;"
    "CREATE TABLE journal ("
    "  revision_id INTEGER NOT NULL REFERENCES revision (id), seq INTEGER NOT NULL, step INTEGER NOT NULL,"
    "  mark TEXT NOT NULL, kind TEXT, machine TEXT, service TEXT, object TEXT, result TEXT, error TEXT,"
    "  at_us INTEGER NOT NULL, PRIMARY KEY (revision_id, seq)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE epoch (project TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
};

void db_finalize(sqlite3_stmt **stmt) {
  sqlite3_finalize(*stmt);
  *stmt = NULL;
}

void db_close(sqlite3 *db) {
  sqlite3_close(db);
}

int db_error(sqlite3 *db, int rc, struct err *err) {
  const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
  const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  int code = rc & 0xff;
  if (code == SQLITE_NOMEM)
    return err_no_memory(err);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    err_set(err, ERR_IO,
            "state database %s is damaged (%s): restore it, or move it away and let recover ask the engines",
            path ? path : "?", text);
  else if (code == SQLITE_BUSY)
    err_set(err, ERR_IO, "state database %s stayed busy for %d s", path ? path : "?", DB_BUSY_TIMEOUT_MS / 1000);
  else
    err_set(err, ERR_IO, "state database %s: %s", path ? path : "?", text);
  if (err) {
    err->sys_errno = db ? sqlite3_system_errno(db) : 0;
    err->retryable = code == SQLITE_BUSY;
    if (err->sys_errno && code != SQLITE_CORRUPT && code != SQLITE_NOTADB) {
      struct err os = ERR_INIT;
      err_set_errno(&os, err->sys_errno, "%s", err_text(err));
      err_move(err, &os);
    }
  }
  return -1;
}

static int bind_one(sqlite3_stmt *stmt, int index, char type, va_list *args) {
  if (type == 'i')
    return sqlite3_bind_int64(stmt, index, va_arg(*args, int64_t));
  const char *text = va_arg(*args, const char *);
  return text ? sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC) : sqlite3_bind_null(stmt, index);
}

static int bind_all(sqlite3_stmt *stmt, struct err *err, const char *types, va_list *args) {
  for (int i = 0; types[i]; i++) {
    int rc = bind_one(stmt, i + 1, types[i], args);
    if (rc != SQLITE_OK)
      return db_error(sqlite3_db_handle(stmt), rc, err);
  }
  return 0;
}

int db_bind(sqlite3_stmt *stmt, struct err *err, const char *types, ...) {
  va_list args;
  va_start(args, types);
  int rc = bind_all(stmt, err, types, &args);
  va_end(args);
  return rc;
}

static int prepare(sqlite3 *db, sqlite3_stmt **ret_stmt, struct err *err, const char *sql, const char *types,
                   va_list *args) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  if (rc != SQLITE_OK)
    return db_error(db, rc, err);
  if (bind_all(stmt, err, types, args) < 0)
    return -1;
  *ret_stmt = STEAL(stmt);
  return 0;
}

int db_prepare(sqlite3 *db, sqlite3_stmt **ret_stmt, struct err *err, const char *sql, const char *types, ...) {
  va_list args;
  va_start(args, types);
  int rc = prepare(db, ret_stmt, err, sql, types, &args);
  va_end(args);
  return rc;
}

int db_step(sqlite3_stmt *stmt, struct err *err) {
  int rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW)
    return 1;
  return rc == SQLITE_DONE ? 0 : db_error(sqlite3_db_handle(stmt), rc, err);
}

int db_run(sqlite3 *db, struct err *err, const char *sql, const char *types, ...) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  va_list args;
  va_start(args, types);
  int rc = prepare(db, &stmt, err, sql, types, &args);
  va_end(args);
  while (rc == 0 && (rc = db_step(stmt, err)) > 0)
    rc = 0;
  return rc;
}

int db_text(sqlite3_stmt *stmt, int column, char **ret_text, struct err *err) {
  *ret_text = NULL;
  if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
    return 0;
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  *ret_text = text ? strdup(text) : NULL;
  return *ret_text ? 0 : err_no_memory(err);
}

int db_json(sqlite3_stmt *stmt, int column, cJSON **ret_json, struct err *err) {
  struct err parse = ERR_INIT;
  *ret_json = NULL;
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  if (!text || json_parse(text, (size_t)sqlite3_column_bytes(stmt, column), ret_json, &parse) == 0)
    return 0;
  if (parse.kind == ERR_PROTOCOL)
    parse.kind = ERR_IO;
  return err_move(err, &parse);
}

int db_begin(sqlite3 *db, struct err *err) {
  return db_run(db, err, "BEGIN IMMEDIATE", "");
}

int db_commit(sqlite3 *db, struct err *err) {
  return db_run(db, err, "COMMIT", "");
}

void db_rollback(sqlite3 *db) {
  if (!sqlite3_get_autocommit(db))
    db_run(db, NULL, "ROLLBACK", "");
}

static int user_version(sqlite3 *db, int *ret_version, struct err *err) {
  CLEANUP_STMT sqlite3_stmt *stmt = NULL;
  if (db_prepare(db, &stmt, err, "PRAGMA user_version", "") < 0 || db_step(stmt, err) < 0)
    return -1;
  int version = sqlite3_column_int(stmt, 0);
  if (version > DB_SCHEMA_VERSION)
    return err_set(err, ERR_VERSION,
                   "state database %s has format %d, this tandem knows up to %d: a newer tandem wrote it",
                   sqlite3_db_filename(db, "main"), version, DB_SCHEMA_VERSION);
  *ret_version = version;
  return 0;
}

/* Read again inside the transaction: another process may have made the schema meanwhile. */
static int make_schema_locked(sqlite3 *db, struct err *err) {
  int version = 0;
  if (user_version(db, &version, err) < 0)
    return -1;
  for (; version < DB_SCHEMA_VERSION; version++) {
    int rc = sqlite3_exec(db, schema[version], NULL, NULL, NULL);
    if (rc != SQLITE_OK)
      return db_error(db, rc, err);
  }
  char pragma[40];
  snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", DB_SCHEMA_VERSION);
  return db_run(db, err, pragma, "");
}

static int make_schema(sqlite3 *db, struct err *err) {
  int version = 0;
  if (user_version(db, &version, err) < 0)
    return -1;
  if (version == DB_SCHEMA_VERSION)
    return 0;
  if (db_begin(db, err) < 0)
    return -1;
  if (make_schema_locked(db, err) == 0 && db_commit(db, err) == 0)
    return 0;
  db_rollback(db);
  return -1;
}

static int open_connection(const char *name, int flags, sqlite3 **ret_db, struct err *err) {
  sqlite3 *db = NULL;
  int rc = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (rc != SQLITE_OK) {
    db_error(db, rc, err);
    sqlite3_close(db);
    return -1;
  }
  sqlite3_busy_timeout(db, DB_BUSY_TIMEOUT_MS);
  *ret_db = db;
  return 0;
}

/* SQLite would make the file with the umask's mode; its -wal and -shm files take the file's. Only an exclusive
 * create: closing a descriptor of a database that this process has open would drop SQLite's locks on it. */
static int make_file(const char *path, struct err *err) {
  CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno != EEXIST)
    return err_set_errno(err, errno, "state database %s", path);
  return 0;
}

int db_open_write(const char *path, sqlite3 **ret_db, struct err *err) {
  sqlite3 *db = NULL;
  if (make_file(path, err) < 0 || open_connection(path, SQLITE_OPEN_READWRITE, &db, err) < 0)
    return -1;
  int version = 0;
  if (user_version(db, &version, err) < 0 || db_run(db, err, "PRAGMA journal_mode = WAL", "") < 0 ||
      db_run(db, err, "PRAGMA synchronous = FULL", "") < 0 || db_run(db, err, "PRAGMA foreign_keys = ON", "") < 0 ||
      make_schema(db, err) < 0) {
    db_close(db);
    return -1;
  }
  *ret_db = db;
  return 0;
}

/* file:PATH?immutable=1 with what a URI cannot hold escaped. */
static char *immutable_uri(const char *path) {
  size_t len = strlen(path);
  char *uri = malloc(3 * len + 32);
  if (!uri)
    return NULL;
  char *p = uri + sprintf(uri, "file:");
  for (; *path; path++)
    p += sprintf(p, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
  strcpy(p, "?immutable=1");
  return uri;
}

/* A folder that cannot be written to has no place for the shared memory file that readers of a WAL database need. As
 * long as there is no -wal with content, nobody is writing and the file alone is the whole database. */
static int open_immutable(const char *path, sqlite3 **ret_db, struct err *err) {
  struct stat st;
  char wal[4096];
  snprintf(wal, sizeof(wal), "%s-wal", path);
  if (stat(wal, &st) == 0 && st.st_size > 0)
    return err_set(err, ERR_IO, "state database %s: its folder must be writable to read the unfinished %s", path, wal);
  CLEANUP_FREE char *uri = immutable_uri(path);
  if (!uri)
    return err_no_memory(err);
  return open_connection(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret_db, err);
}

int db_open_read(const char *path, sqlite3 **ret_db, struct err *err) {
  struct stat st;
  *ret_db = NULL;
  if (stat(path, &st) < 0)
    return errno == ENOENT || errno == ENOTDIR ? 0 : err_set_errno(err, errno, "state database %s", path);
  sqlite3 *db = NULL;
  CLEANUP_ERR struct err first = ERR_INIT;
  int version = 0;
  if (open_connection(path, SQLITE_OPEN_READONLY, &db, err) < 0)
    return -1;
  if (user_version(db, &version, &first) < 0) {
    int code = sqlite3_errcode(db) & 0xff;
    db_close(db);
    db = NULL;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
      return err_move(err, &first);
    if (open_immutable(path, &db, err) < 0)
      return -1;
    if (user_version(db, &version, err) < 0) {
      db_close(db);
      return -1;
    }
  }
  if (version == 0) {
    db_close(db);
    return 0;
  }
  *ret_db = db;
  return 0;
}

int db_for_read(struct state *s, sqlite3 **ret_db, struct err *err) {
  if (!s->db && db_open_read(s->path, &s->db, err) < 0)
    return -1;
  *ret_db = s->db;
  return 0;
}

int db_for_write(struct state *s, sqlite3 **ret_db, struct err *err) {
  if (s->access != STATE_WRITE)
    return err_set(err, ERR_INTERNAL, "the state in %s was opened for reading", s->dir);
  *ret_db = s->db;
  return 0;
}

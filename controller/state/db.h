/* The state folder's SQLite connections: opening, schema, statements, errors. Private to controller/state. A
 * connection is used by one thread at a time. */
#ifndef TANDEM_STATE_DB_H
#define TANDEM_STATE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/base/err.h"
#include "controller/state/state.h"

enum { DB_SCHEMA_VERSION = 2, DB_BUSY_TIMEOUT_MS = 5000 };

struct state {
  char *dir;
  char *path; /* dir/state.db */
  enum state_access access;
  sqlite3 *db; /* NULL: opened for reading and there is no database yet */
  int lock_fd; /* -1 when opened for reading */
};

/* Opens for reading and writing, making the file (0600) and the schema as needed. A newer schema is ERR_VERSION. */
int db_open_write(const char *path, sqlite3 **ret_db, struct err *err);
/* Opens for reading only. *ret_db is NULL, and the result 0, when there is no database or it has no schema yet. */
int db_open_read(const char *path, sqlite3 **ret_db, struct err *err);
/* Accepts NULL. */
void db_close(sqlite3 *db);

/* The connection to read with: NULL when there is nothing to read yet (looked for anew at each call). 0 or -1. */
int db_for_read(struct state *s, sqlite3 **ret_db, struct err *err);
/* As above; ERR_INTERNAL when the state was opened for reading. */
int db_for_write(struct state *s, sqlite3 **ret_db, struct err *err);

/* Prepares sql and binds its parameters from what follows: one letter of `types` each, s: const char * or NULL,
 * i: int64_t. Text is borrowed until the statement is finalized or reset. */
int db_prepare(sqlite3 *db, sqlite3_stmt **ret_stmt, struct err *err, const char *sql, const char *types, ...);
int db_bind(sqlite3_stmt *stmt, struct err *err, const char *types, ...);
/* 1: a row is there, 0: done, -1: error. */
int db_step(sqlite3_stmt *stmt, struct err *err);
/* Prepares, binds as db_prepare, and runs to the end; rows are dropped. */
int db_run(sqlite3 *db, struct err *err, const char *sql, const char *types, ...);
/* A column's text as an allocated copy; *ret_text is NULL when the column is. */
int db_text(sqlite3_stmt *stmt, int column, char **ret_text, struct err *err);
/* A column's JSON document; *ret_json is NULL when the column is. Text that is none is ERR_IO. */
int db_json(sqlite3_stmt *stmt, int column, cJSON **ret_json, struct err *err);

int db_begin(sqlite3 *db, struct err *err); /* BEGIN IMMEDIATE */
int db_commit(sqlite3 *db, struct err *err);
void db_rollback(sqlite3 *db);

/* Fills *err from the connection's last error, with the file's name and what a person can do about it. Returns -1. */
int db_error(sqlite3 *db, int rc, struct err *err);

void db_finalize(sqlite3_stmt **stmt);
#define CLEANUP_STMT CLEANUP(db_finalize)

#endif

/* A request's path and query, percent-encoded piece by piece, and beside it the short path that errors show. */
#ifndef TANDEM_ENGINE_URL_H
#define TANDEM_ENGINE_URL_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "api/base/buf.h"

struct url {
  struct buf text;  /* "/containers/3f..64../rename?name=x" */
  struct buf label; /* "/containers/3f2a91b04c77/rename": IDs at 12 digits, no query */
  bool has_query;
  struct err err; /* the first failure sticks; checked once, when the request starts */
};

#define URL_INIT                                                                                                       \
  { .text = BUF_INIT(1 << 20), .label = BUF_INIT(4096) }

/* Appends a literal part of the path. */
void url_path(struct url *u, const char *literal);
/* Appends one path segment, encoded. Empty, "." and ".." are ERR_INTERNAL: they would name another endpoint. */
void url_segment(struct url *u, const char *segment);
/* Appends an object's ID: anything but 64 lower-case hex digits is ERR_INTERNAL, since the engine would take a name
 * or an ID prefix for another object. */
void url_full_id(struct url *u, const char *id);
/* Appends name=value to the query; nothing when value is NULL. name is a literal. */
void url_query(struct url *u, const char *name, const char *value);
void url_query_int(struct url *u, const char *name, int64_t value);
/* As text without white space; nothing when NULL. */
void url_query_json(struct url *u, const char *name, const cJSON *value);
/* filters={"label": [labels...]}; nothing without labels. */
void url_query_labels(struct url *u, const char *const *labels, size_t count);
void url_release(struct url *u);

/* Splits "repo:tag" (host:port/repo:tag, repo@sha256:...) into repo and tag. Without a tag *ret_tag is fallback; a
 * digest stays part of the repo and *ret_tag is then "". Caller frees both. */
int ref_split(const char *ref, const char *fallback, char **ret_repo, char **ret_tag, struct err *err);
/* True for 64 lower-case hex digits. */
bool is_full_id(const char *id);

#endif

#include "controller/deploy/tar_cache.h"

#include <stdio.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "api/base/sha256.h"
#include "controller/deploy/context.h"

struct waiter {
  struct waiter *next;
  tar_cache_cb *cb;
  void *arg;
};

struct entry {
  struct entry *next;
  struct tar_cache *cache;
  char key[65];
  char path[512];
  char *dockerfile;
  bool ready;
  struct waiter *waiters;
};

struct tar_cache {
  uv_loop_t *loop;
  char *folder;
  struct entry *entries;
};

struct tar_cache *tar_cache_new(uv_loop_t *loop, const char *folder) {
  struct tar_cache *c = calloc(1, sizeof(*c));
  if (!c || !(c->folder = strdup(folder))) {
    free(c);
    return NULL;
  }
  c->loop = loop;
  return c;
}

void tar_cache_free(struct tar_cache *c) {
  if (!c)
    return;
  for (struct entry *e = c->entries, *next; e; e = next) {
    next = e->next;
    if (e->ready)
      unlink(e->path);
    free(e->dockerfile);
    free(e);
  }
  free(c->folder);
  free(c);
}

static void answer_all(struct entry *e, struct err *err) {
  struct waiter *list = e->waiters;
  e->waiters = NULL;
  for (struct waiter *w = list, *next; w; w = next) {
    struct err copy = ERR_INIT;
    next = w->next;
    if (err)
      err_copy(&copy, err);
    w->cb(w->arg, err ? NULL : e->path, err ? NULL : e->dockerfile, err ? &copy : NULL);
    err_release(&copy);
    free(w);
  }
}

static void tar_made(void *arg, const char *dockerfile, uint64_t bytes, struct err *err) {
  struct entry *e = arg;
  (void)bytes;
  struct err failure = ERR_INIT;
  if (!err && !(e->dockerfile = strdup(dockerfile)))
    err_no_memory(&failure);
  else if (err)
    err_move(&failure, err);
  e->ready = failure.kind == ERR_NONE;
  answer_all(e, e->ready ? NULL : &failure);
  err_release(&failure);
}

static struct entry *find_or_add(struct tar_cache *c, const cJSON *build) {
  char key[65];
  CLEANUP_BUF struct buf text = BUF_INIT(0);
  if (buf_printf(&text, NULL, "%s\n%s\n%s", json_str(build, "context", ""), json_str(build, "dockerfile", ""),
                 json_str(build, "dockerfile_inline", "")) < 0 ||
      sha256_hex(text.data, text.len, key, NULL) < 0)
    return NULL;
  for (struct entry *e = c->entries; e; e = e->next)
    if (strcmp(e->key, key) == 0)
      return e;
  struct entry *e = calloc(1, sizeof(*e));
  if (!e)
    return NULL;
  e->cache = c;
  memcpy(e->key, key, sizeof(key));
  snprintf(e->path, sizeof(e->path), "%s/context-%ld-%.16s.tar", c->folder, (long)getpid(), key);
  e->next = c->entries;
  c->entries = e;
  return e;
}

/* Runs the callback of one who asked for what was there already, on the loop's next turn. */
struct later {
  uv_timer_t timer;
  struct entry *entry;
  tar_cache_cb *cb;
  void *arg;
};

static void later_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void later_due(uv_timer_t *timer) {
  struct later *l = timer->data;
  uv_close((uv_handle_t *)timer, later_closed);
  l->cb(l->arg, l->entry->path, l->entry->dockerfile, NULL);
}

static int call_later(struct tar_cache *c, struct entry *e, tar_cache_cb *cb, void *arg, struct err *err) {
  struct later *l = calloc(1, sizeof(*l));
  if (!l)
    return err_no_memory(err);
  *l = (struct later){.entry = e, .cb = cb, .arg = arg};
  uv_timer_init(c->loop, &l->timer);
  l->timer.data = l;
  uv_timer_start(&l->timer, later_due, 0, 0);
  return 0;
}

int tar_cache_get(struct tar_cache *c, const cJSON *build, tar_cache_cb *cb, void *arg, struct err *err) {
  struct entry *e = find_or_add(c, build);
  if (!e)
    return err_no_memory(err);
  if (e->ready)
    return call_later(c, e, cb, arg, err);
  struct waiter *w = malloc(sizeof(*w));
  if (!w)
    return err_no_memory(err);
  bool start = !e->waiters; /* new, or failed before */
  *w = (struct waiter){.next = e->waiters, .cb = cb, .arg = arg};
  e->waiters = w;
  if (start && context_tar_async(c->loop, json_str(build, "context", ""), json_str(build, "dockerfile", "Dockerfile"),
                                 json_str(build, "dockerfile_inline", NULL), e->path, tar_made, e, err) < 0) {
    e->waiters = NULL;
    free(w);
    return -1;
  }
  return 0;
}

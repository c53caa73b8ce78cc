#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/manifest/merge.h"
#include "controller/manifest/shorthand.h"
#include "controller/manifest/units.h"

static char *copy_of(const char *text) {
  return text ? strdup(text) : NULL;
}

static char *mount_key(const struct node *item, const char *folder) {
  const char *target = node_text(node_get(item, "target"), NULL);
  if (target)
    return strdup(target);
  const char *source = item->kind == NODE_MAP ? node_text(node_get(item, "source"), "") : item->text;
  char *key = NULL;
  return !source || asprintf(&key, "%s/%s", folder, source) < 0 ? NULL : key;
}

static char *port_key(const struct node *item) {
  const struct node *target = node_get(item, "target");
  if (item->kind != NODE_MAP || !target)
    return copy_of(item->text);
  CLEANUP_FREE char *number = scalar_text(target);
  const struct node *published = node_get(item, "published");
  CLEANUP_FREE char *host_port = published ? scalar_text(published) : strdup("none");
  char *key = NULL;
  if (!number || !host_port)
    return NULL;
  return asprintf(&key, "%s:%s:%s/%s", node_text(node_get(item, "host_ip"), "0.0.0.0"), host_port, number,
                  node_text(node_get(item, "protocol"), "tcp")) < 0
             ? NULL
             : key;
}

static char *device_key(const struct node *item) {
  if (item->kind == NODE_MAP)
    return copy_of(node_text(node_get(item, "target"), NULL));
  const char *colon = item->text ? strchr(item->text, ':') : NULL;
  if (!colon)
    return copy_of(item->text);
  return strndup(colon + 1, strcspn(colon + 1, ":"));
}

/* NULL: an item without a key is never the same as another; or there was no memory, and errno is ENOMEM. */
static char *key_of(const struct node *item, enum unique how) {
  switch (how) {
  case UNIQUE_KEY:
    return item->text ? strndup(item->text, strcspn(item->text, "=")) : NULL;
  case UNIQUE_TEXT:
    return copy_of(item->text);
  case UNIQUE_VOLUME:
    return item->text ? volume_target(item->text) : copy_of(node_text(node_get(item, "target"), NULL));
  case UNIQUE_DEVICE:
    return device_key(item);
  case UNIQUE_CONFIG:
    return mount_key(item, "");
  case UNIQUE_SECRET:
    return mount_key(item, "/run/secrets");
  case UNIQUE_PORT:
    return port_key(item);
  case UNIQUE_ENV_FILE:
    return copy_of(node_text(item->kind == NODE_MAP ? node_get(item, "path") : item, NULL));
  case UNIQUE_NONE:
    break;
  }
  return NULL;
}

static int needs_target(const struct node *item, enum unique how, struct err *err) {
  if (item->kind != NODE_MAP || (how != UNIQUE_VOLUME && how != UNIQUE_PORT && how != UNIQUE_DEVICE))
    return 0;
  return node_get(item, "target") ? 0 : node_error(err, item, "this has no target, which it needs");
}

static int unique_list(struct node *list, enum unique how, struct err *err) {
  struct strv keys = STRV_INIT;
  size_t kept = 0;
  int failed = 0;
  for (size_t i = 0; i < list->count && !failed; i++) {
    struct node *item = list->items[i];
    failed = needs_target(item, how, err);
    if (failed)
      break;
    errno = 0;
    CLEANUP_FREE char *key = key_of(item, how);
    if (!key && errno == ENOMEM) {
      failed = err_no_memory(err);
      break;
    }
    size_t same = 0;
    while (key && same < keys.count && strcmp(keys.items[same], key) != 0)
      same++;
    list->items[i] = NULL;
    if (key && same < keys.count) {
      node_free(list->items[same]);
      list->items[same] = item;
    } else {
      list->items[kept++] = item;
      failed = strv_add(&keys, key ? key : "\x01none", err);
    }
  }
  if (!failed)
    list->count = kept;
  strv_release(&keys);
  return failed;
}

int merge_unique(struct node *n, const struct rule *rule, struct err *err) {
  if (n->kind == NODE_LIST)
    return rule && rule->unique ? unique_list(n, rule->unique, err) : 0;
  for (size_t i = 0; n->kind == NODE_MAP && i < n->count; i++) {
    const struct rule *m = rule_member(rule, n->pairs[i].key);
    if (m && merge_unique(n->pairs[i].value, m, err) < 0)
      return -1;
  }
  return 0;
}

static char *path_of(const char *prefix, const char *key) {
  char *path = NULL;
  return asprintf(&path, "%s%s%s", prefix, *prefix ? "." : "", key) < 0 ? NULL : path;
}

static int take_tags(struct node *n, const char *path, struct strv *paths, struct err *err) {
  for (size_t i = n->kind == NODE_MAP ? n->count : 0; i-- > 0;) {
    struct node_pair *pair = &n->pairs[i];
    CLEANUP_FREE char *next = path_of(path, pair->key);
    if (!next)
      return err_no_memory(err);
    if (pair->value->tag && strv_add_once(paths, next, err) < 0)
      return -1;
    if (pair->value->tag == 1)
      node_drop(n, pair->key);
    else if (!pair->value->tag && take_tags(pair->value, next, paths, err) < 0)
      return -1;
  }
  size_t kept = 0;
  for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++) {
    if (n->items[i]->tag == 1) {
      node_free(n->items[i]);
      continue;
    }
    n->items[kept++] = n->items[i];
    if (take_tags(n->items[kept - 1], path, paths, err) < 0)
      return -1;
  }
  if (n->kind == NODE_LIST)
    n->count = kept;
  return 0;
}

int merge_take_tags(struct node *root, struct strv *ret_paths, struct err *err) {
  return take_tags(root, "", ret_paths, err);
}

int merge_drop_paths(struct node *n, const char *prefix, const struct strv *paths, struct err *err) {
  if (paths->count == 0 || n->kind != NODE_MAP)
    return 0;
  for (size_t i = n->count; i-- > 0;) {
    CLEANUP_FREE char *next = path_of(prefix, n->pairs[i].key);
    if (!next)
      return err_no_memory(err);
    if (strv_has(paths, next))
      node_drop(n, n->pairs[i].key);
    else if (merge_drop_paths(n->pairs[i].value, next, paths, err) < 0)
      return -1;
  }
  return 0;
}

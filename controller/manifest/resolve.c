#include <ctype.h>
#include <string.h>

#include "controller/manifest/path.h"
#include "controller/manifest/reader.h"

static bool is_windows_path(const char *p) {
  return strncmp(p, "\\\\", 2) == 0 || (isalpha((unsigned char)p[0]) && p[1] == ':' && (p[2] == '\\' || p[2] == '/'));
}

/* Replaces the text of n by the path from folder; absolute ones stay as they are. */
static int make_absolute(struct reading *r, struct node *n, const char *folder) {
  if (!n || n->kind != NODE_STRING)
    return 0;
  CLEANUP_FREE char *path = path_expand_home(n->text, r->home);
  char *joined = path && *path != '/' && !is_windows_path(path) ? path_join(folder, path) : STEAL(path);
  if (!joined)
    return err_no_memory(r->err);
  free(n->text);
  n->text = joined;
  return 0;
}

/* The same, but "" stays. */
static int make_path_absolute(struct reading *r, struct node *n, const char *folder) {
  return *node_text(n, "") ? make_absolute(r, n, folder) : 0;
}

static bool is_remote(const char *context) {
  static const char *const prefixes[] = {"service:", "https://", "http://", "git://", "ssh://", "github.com/", "git@"};
  if (strstr(context, "://"))
    return true;
  for (size_t i = 0; i < COUNT_OF(prefixes); i++)
    if (strncmp(context, prefixes[i], strlen(prefixes[i])) == 0)
      return true;
  return false;
}

static int resolve_context(struct reading *r, struct node *n, const char *folder) {
  return !n || n->kind != NODE_STRING || is_remote(n->text) ? 0 : make_path_absolute(r, n, folder);
}

static int resolve_build(struct reading *r, const struct node *build, const char *folder) {
  const struct node *more = node_get(build, "additional_contexts");
  const struct node *ssh = node_get(build, "ssh");
  if (resolve_context(r, node_get(build, "context"), folder) < 0)
    return -1;
  for (size_t i = 0; more && more->kind == NODE_MAP && i < more->count; i++) {
    const struct node_pair *pair = &more->pairs[i];
    if (pair->value->kind == NODE_NULL)
      return position_error(r->err, &pair->key_pos, "the context \"%s\" has no path, which it needs", pair->key);
    if (resolve_context(r, pair->value, folder) < 0)
      return -1;
  }
  for (size_t i = 0; ssh && ssh->kind == NODE_MAP && i < ssh->count; i++)
    if (make_absolute(r, ssh->pairs[i].value, folder) < 0)
      return -1;
  return 0;
}

static int resolve_mount(struct reading *r, const struct node *mount, const char *folder) {
  if (mount->kind != NODE_MAP || strcmp(node_text(node_get(mount, "type"), ""), "bind") != 0)
    return 0;
  struct node *source = node_get(mount, "source");
  if (!source)
    return node_error(r->err, mount, "a mount of type bind has no source, which it needs");
  return make_absolute(r, source, folder);
}

/* Each item of a list, or its member. */
static int resolve_list(struct reading *r, const struct node *list, const char *member, const char *folder) {
  for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
    if (make_path_absolute(r, member ? node_get(list->items[i], member) : list->items[i], folder) < 0)
      return -1;
  return 0;
}

static int resolve_service(struct reading *r, const struct node *s, const char *folder) {
  const struct node *mounts = node_get(s, "volumes");
  if (resolve_build(r, node_get(s, "build"), folder) < 0 ||
      resolve_list(r, node_get(s, "env_file"), "path", folder) < 0 ||
      resolve_list(r, node_get(s, "label_file"), NULL, folder) < 0 ||
      make_path_absolute(r, node_at(s, "extends.file"), folder) < 0 ||
      resolve_list(r, node_at(s, "develop.watch"), "path", folder) < 0)
    return -1;
  for (size_t i = 0; mounts && mounts->kind == NODE_LIST && i < mounts->count; i++)
    if (resolve_mount(r, mounts->items[i], folder) < 0)
      return -1;
  return 0;
}

/* A "local" volume that is really a bind mount. */
static int resolve_volume(struct reading *r, const struct node *volume, const char *folder) {
  if (strcmp(node_text(node_get(volume, "driver"), ""), "local") != 0 ||
      strcmp(node_text(node_at(volume, "driver_opts.o"), ""), "bind") != 0)
    return 0;
  return make_absolute(r, node_at(volume, "driver_opts.device"), folder);
}

static int resolve_file(struct reading *r, const struct node *object, const char *folder) {
  return make_absolute(r, node_get(object, "file"), folder);
}

int resolve_paths(struct reading *r, struct node *model, const char *folder) {
  static const struct {
    const char *key;
    int (*fn)(struct reading *, const struct node *, const char *);
  } sections[] = {
      {"services", resolve_service}, {"volumes", resolve_volume}, {"secrets", resolve_file}, {"configs", resolve_file}};
  for (size_t s = 0; s < COUNT_OF(sections); s++) {
    const struct node *map = node_get(model, sections[s].key);
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
      if (sections[s].fn(r, map->pairs[i].value, folder) < 0)
        return -1;
  }
  return 0;
}

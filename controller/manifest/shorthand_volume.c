#include <ctype.h>
#include <string.h>

#include "controller/manifest/shorthand.h"

struct mount {
  char *source;
  char *target;
  bool read_only, nocopy, bind_options;
  const char *propagation;
  const char *selinux;
};

static void mount_release(struct mount *m) {
  free(m->source);
  free(m->target);
}

static bool is_drive(const char *text, size_t len) {
  return len == 1 && isalpha((unsigned char)*text);
}

static bool is_path(const char *source) {
  return source && (strchr("./~", *source) || strncmp(source, "\\\\", 2) == 0 ||
                    (isalpha((unsigned char)*source) && source[1] == ':'));
}

static void apply_option(struct mount *m, const char *option, size_t len) {
  static const char *const propagations[] = {"rprivate", "private", "rshared", "shared", "rslave", "slave"};
  if (len == 2 && strncmp(option, "ro", 2) == 0)
    m->read_only = true;
  else if (len == 2 && strncmp(option, "rw", 2) == 0)
    m->read_only = false;
  else if (len == 6 && strncmp(option, "nocopy", 6) == 0)
    m->nocopy = true;
  else if (len == 1 && (*option == 'z' || *option == 'Z'))
    m->selinux = *option == 'z' ? "z" : "Z";
  for (size_t i = 0; i < COUNT_OF(propagations); i++)
    if (strlen(propagations[i]) == len && strncmp(option, propagations[i], len) == 0)
      m->propagation = propagations[i];
  m->bind_options = m->selinux || m->propagation;
}

static void apply_options(struct mount *m, const char *text, size_t len) {
  const char *end = text + len;
  for (;;) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    const char *stop = comma ? comma : end;
    apply_option(m, text, (size_t)(stop - text));
    if (!comma)
      return;
    text = comma + 1;
  }
}

static const char out_of_memory[] = "out of memory";

static const char *copy_section(char **ret, const char *text, size_t len) {
  *ret = strndup(text, len);
  return *ret ? NULL : out_of_memory;
}

/* One section between colons; last: at the end of the text. Else what is wrong with it. */
static const char *take_section(struct mount *m, const char *text, size_t len, bool last) {
  if (len == 0)
    return "expected something between the colons";
  if (!m->source && !last)
    return copy_section(&m->source, text, len);
  if (!m->target)
    return copy_section(&m->target, text, len);
  if (!last)
    return "expected [SOURCE:]TARGET[:OPTIONS]";
  apply_options(m, text, len);
  return NULL;
}

static const char *parse_mount(const char *text, struct mount *m) {
  size_t total = strlen(text);
  if (total == 0)
    return "expected [SOURCE:]TARGET[:OPTIONS]";
  int braces = 0;
  size_t start = 0;
  for (size_t i = 0; i <= total; i++) {
    if (text[i] == '$' && text[i + 1] == '{')
      braces++;
    else if (text[i] == '}' && braces > 0)
      braces--;
    else if ((text[i] == ':' || !text[i]) && braces == 0 && !(text[i] && is_drive(text + start, i - start))) {
      const char *problem = take_section(m, text + start, i - start, !text[i]);
      if (problem)
        return problem;
      start = i + 1;
    }
  }
  return m->target ? NULL : "expected a target";
}

static struct node *true_node(struct position pos) {
  struct node *n = node_new(NODE_BOOL, pos);
  if (n)
    n->boolean = true;
  return n;
}

static int put_text(struct node *map, const char *key, const char *text) {
  return text ? node_put(map, key, map->pos, node_string(text, map->pos)) : 0;
}

static int put_true(struct node *map, const char *key, bool value) {
  return value ? node_put(map, key, map->pos, true_node(map->pos)) : 0;
}

static int put_bind(struct node *map, const struct mount *m, bool create) {
  struct node *bind = node_new(NODE_MAP, map->pos);
  if (!bind || node_put(map, "bind", map->pos, bind) < 0)
    return -1;
  if (put_text(bind, "selinux", m->selinux) < 0 || put_text(bind, "propagation", m->propagation) < 0)
    return -1;
  return put_true(bind, "create_host_path", create);
}

static int put_volume(struct node *map, const struct mount *m) {
  struct node *volume = node_new(NODE_MAP, map->pos);
  if (!volume || node_put(map, "volume", map->pos, volume) < 0)
    return -1;
  return put_true(volume, "nocopy", m->nocopy);
}

static int put_mount(struct node *map, const struct mount *m, bool tiny) {
  bool bind = !tiny && is_path(m->source);
  CLEANUP_FREE char *target = path_clean(m->target);
  if (!target || put_text(map, "type", bind ? "bind" : "volume") < 0 || put_text(map, "source", m->source) < 0 ||
      put_text(map, "target", target) < 0 || put_true(map, "read_only", m->read_only) < 0)
    return -1;
  if ((bind || m->bind_options) && put_bind(map, m, bind) < 0)
    return -1;
  return (!bind || m->nocopy) && !tiny ? put_volume(map, m) : 0;
}

int volume_expand(const char *text, struct position pos, struct node **ret_map, struct err *err) {
  __attribute__((cleanup(mount_release))) struct mount m = {0};
  bool tiny = *text && strlen(text) <= 2;
  const char *problem = NULL;
  if (tiny)
    m.target = strdup(text);
  else
    problem = parse_mount(text, &m);
  if (problem == out_of_memory)
    return err_no_memory(err);
  if (problem)
    return position_error(err, &pos, "\"%s\" is no mount, %s", text, problem);
  struct node *map = node_new(NODE_MAP, pos);
  if (!map || !m.target || put_mount(map, &m, tiny) < 0) {
    node_free(map);
    return err_no_memory(err);
  }
  *ret_map = map;
  return 0;
}

char *volume_target(const char *text) {
  __attribute__((cleanup(mount_release))) struct mount m = {0};
  if (*text && strlen(text) <= 2)
    return strdup(text);
  return parse_mount(text, &m) ? NULL : STEAL(m.target);
}

#include "controller/manifest/locate.h"

#include <ctype.h>
#include <string.h>

#include "controller/manifest/dotenv.h"
#include "controller/manifest/interpolate.h"
#include "controller/manifest/path.h"
#include "controller/manifest/yaml.h"

static const char *const default_files[] = {"tandem.yaml", "compose.yaml", "compose.yml", "docker-compose.yml",
                                            "docker-compose.yaml"};
static const char *const override_files[] = {"compose.override.yml", "compose.override.yaml",
                                             "docker-compose.override.yml", "docker-compose.override.yaml"};

static int add_path(struct reading *r, struct strv *paths, const char *folder, const char *path) {
  CLEANUP_FREE char *absolute = path_join(folder, path);
  return absolute ? strv_add(paths, absolute, r->err) : err_no_memory(r->err);
}

/* The first that exists is added; 1 if there was one. */
static int add_existing(struct reading *r, const char *folder, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    CLEANUP_FREE char *path = path_join(folder, names[i]);
    if (!path)
      return err_no_memory(r->err);
    if (is_file(path))
      return strv_add(&r->document->files, path, r->err) < 0 ? -1 : 1;
  }
  return 0;
}

static int search_upwards(struct reading *r) {
  CLEANUP_FREE char *folder = strdup(r->base);
  while (folder) {
    int found = add_existing(r, folder, default_files, COUNT_OF(default_files));
    if (found < 0)
      return -1;
    if (found)
      return add_existing(r, folder, override_files, COUNT_OF(override_files)) < 0 ? -1 : 0;
    if (strcmp(folder, "/") == 0)
      return err_set(r->err, ERR_INPUT, "no tandem.yaml or compose.yaml in %s or above, expected one or -f FILE",
                     r->base);
    char *up = path_folder(folder);
    free(folder);
    folder = up;
  }
  return err_no_memory(r->err);
}

static int add_split(struct reading *r, struct strv *paths, const char *list, const char *separator) {
  size_t step = strlen(separator);
  for (;;) {
    const char *next = strstr(list, separator);
    CLEANUP_FREE char *one = strndup(list, next ? (size_t)(next - list) : strlen(list));
    if (!one)
      return err_no_memory(r->err);
    if (add_path(r, paths, r->base, one) < 0)
      return -1;
    if (!next)
      return 0;
    list = next + step;
  }
}

static bool is_true(const char *text) {
  return text && (strcmp(text, "1") == 0 || strcmp(text, "t") == 0 || strcmp(text, "T") == 0 ||
                  strcmp(text, "true") == 0 || strcmp(text, "TRUE") == 0 || strcmp(text, "True") == 0);
}

static int env_file_paths(struct reading *r, const struct manifest_options *options, struct strv *paths) {
  const struct strv *env = &r->document->environment;
  const char *listed = env_get(env, "COMPOSE_ENV_FILES");
  for (size_t i = 0; i < options->env_file_count; i++)
    if (add_path(r, paths, r->base, options->env_files[i]) < 0)
      return -1;
  if (options->env_file_count > 0 || is_true(env_get(env, "COMPOSE_DISABLE_ENV_FILE")))
    return 0;
  if (listed && *listed)
    return add_split(r, paths, listed, ",");
  const struct strv *files = &r->document->files;
  CLEANUP_FREE char *folder = files->count > 0 ? path_folder(files->items[0]) : strdup(r->base);
  CLEANUP_FREE char *path = folder ? path_join(folder, ".env") : NULL;
  if (!path)
    return err_no_memory(r->err);
  return is_file(path) ? strv_add(paths, path, r->err) : 0;
}

/* Adds what the files set and the environment does not. */
static int read_env_files(struct reading *r, const struct manifest_options *options) {
  struct strv *env = &r->document->environment;
  CLEANUP_STRV struct strv paths = STRV_INIT;
  CLEANUP_STRV struct strv own = STRV_INIT;
  if (env_file_paths(r, options, &paths) < 0)
    return -1;
  for (size_t i = 0; i < paths.count; i++) {
    char *text = NULL;
    size_t len = 0;
    const char *name = NULL;
    if (reading_file(r, paths.items[i], NULL, &text, &len, &name) < 0)
      return -1;
    int failed = dotenv_parse(name, text, len, env, &own, r->err);
    free(text);
    if (failed)
      return -1;
  }
  for (size_t i = 0; i < own.count; i++)
    if (!env_get_len(env, own.items[i], strcspn(own.items[i], "=")) && strv_add(env, own.items[i], r->err) < 0)
      return -1;
  return 0;
}

static int find_files(struct reading *r) {
  const struct strv *env = &r->document->environment;
  const char *listed = env_get(env, "COMPOSE_FILE");
  const char *separator = env_get(env, "COMPOSE_PATH_SEPARATOR");
  if (r->document->files.count > 0)
    return 0;
  if (listed && *listed)
    return add_split(r, &r->document->files, listed, separator && *separator ? separator : ":");
  return search_upwards(r);
}

int locate_project(struct reading *r, const struct manifest_options *options) {
  struct document *d = r->document;
  for (size_t i = 0; options->environ && options->environ[i]; i++) {
    const char *equals = strchr(options->environ[i], '=');
    CLEANUP_FREE char *name = equals ? strndup(options->environ[i], (size_t)(equals - options->environ[i])) : NULL;
    if (equals && !name)
      return err_no_memory(r->err);
    if (name && env_put(&d->environment, name, equals + 1, r->err) < 0)
      return -1;
  }
  r->home = env_get(&d->environment, "HOME");
  for (size_t i = 0; i < options->file_count; i++)
    if (add_path(r, &d->files, r->base, options->files[i]) < 0)
      return -1;
  if (read_env_files(r, options) < 0 || find_files(r) < 0 || read_env_files(r, options) < 0)
    return -1;
  r->home = env_get(&d->environment, "HOME");
  d->working_dir = path_folder(d->files.items[0]);
  return d->working_dir ? 0 : err_no_memory(r->err);
}

/* Lower case, only letters, digits, '-' and '_', starting with a letter or digit. */
static char *project_name(const char *text) {
  char *name = malloc(strlen(text) + 1);
  size_t len = 0;
  for (; name && *text; text++) {
    char c = (char)tolower((unsigned char)*text);
    bool mark = c == '-' || c == '_';
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (mark && len > 0))
      name[len++] = c;
  }
  if (name)
    name[len] = '\0';
  return name;
}

static int given_name(struct reading *r, const char *given) {
  r->document->name = project_name(given);
  if (!r->document->name)
    return err_no_memory(r->err);
  if (strcmp(r->document->name, given) == 0)
    return 0;
  return err_set(r->err, ERR_INPUT,
                 "\"%s\" is no project name, expected lower-case letters, digits, - and _, a letter or digit first",
                 given);
}

/* A file that cannot be read or is no YAML is left to the real load, which says so. Without memory the name would be
 * another one, and with it the whole project. */
static int name_in_file(struct reading *r, const char *path, char **name) {
  char *text = NULL;
  size_t len = 0;
  const char *shown = NULL;
  struct node *documents = NULL;
  CLEANUP_ERR struct err ignored = ERR_INIT;
  struct reading quiet = *r;
  quiet.err = &ignored;
  quiet.bytes = 0;
  if (reading_file(&quiet, path, NULL, &text, &len, &shown) < 0)
    return ignored.kind == ERR_NO_MEMORY ? err_move(r->err, &ignored) : 0;
  int failed = yaml_read(shown, text, len, &documents, &ignored);
  free(text);
  for (size_t i = 0; !failed && i < documents->count; i++) {
    const struct node *n = node_get(documents->items[i], "name");
    if (!n || n->kind != NODE_STRING || !*n->text)
      continue;
    free(*name);
    *name = strdup(n->text);
    if (!*name)
      failed = err_no_memory(&ignored);
  }
  node_free(documents);
  return ignored.kind == ERR_NO_MEMORY ? err_move(r->err, &ignored) : 0;
}

static int name_in_files(struct reading *r, char **ret) {
  const struct variables v = {.first = &r->document->environment};
  CLEANUP_FREE char *written = NULL;
  for (size_t i = 0; i < r->document->files.count; i++)
    if (name_in_file(r, r->document->files.items[i], &written) < 0)
      return -1;
  if (!written)
    return 0;
  CLEANUP_FREE char *text = NULL;
  if (interpolate_text(written, &v, &text, r->err) < 0)
    return err_wrap(r->err, "name");
  *ret = project_name(text);
  return *ret ? 0 : err_no_memory(r->err);
}

int locate_name(struct reading *r, const struct manifest_options *options) {
  struct document *d = r->document;
  const char *given = options->project_name && *options->project_name
                          ? options->project_name
                          : env_get(&d->environment, "COMPOSE_PROJECT_NAME");
  if (given && *given) {
    if (given_name(r, given) < 0)
      return -1;
  } else if (name_in_files(r, &d->name) < 0) {
    return -1;
  } else if (!d->name && !(d->name = project_name(path_base(d->working_dir)))) {
    return err_no_memory(r->err);
  }
  if (!*d->name)
    return err_set(r->err, ERR_INPUT, "the project has no name, expected name: in the file or -p NAME");
  return env_put(&d->environment, "COMPOSE_PROJECT_NAME", d->name, r->err);
}

int locate_profiles(struct reading *r, const struct manifest_options *options, struct strv *ret_profiles) {
  for (size_t i = 0; i < options->profile_count; i++)
    if (strv_add(ret_profiles, options->profiles[i], r->err) < 0)
      return -1;
  const char *list = env_get(&r->document->environment, "COMPOSE_PROFILES");
  while (options->profile_count == 0 && list && *list) {
    size_t len = strcspn(list, ",");
    CLEANUP_FREE char *one = strndup(list + strspn(list, " \t"), len);
    if (!one)
      return err_no_memory(r->err);
    one[strcspn(one, ", \t")] = '\0';
    if (strv_add(ret_profiles, one, r->err) < 0)
      return -1;
    list += len + (list[len] == ',');
  }
  return 0;
}

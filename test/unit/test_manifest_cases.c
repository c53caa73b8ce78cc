/* The cases of test/cases: each small project is laid out and loaded; its document and config-hashes must be those that
 * docker compose made of it (kept beside, see test/compose/run), and an error where docker compose has one. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/manifest/fleet.h"

/* A fixed place, since absolute paths go into config-hash. */
#define ROOT "/tmp/tandem-cases"
#define PROJECT ROOT "/project"
#define PLACE "@DIR@"

struct project {
  struct strv files, env_files, profiles, environ;
  char *name;
};

static void project_release(struct project *p) {
  strv_release(&p->files);
  strv_release(&p->env_files);
  strv_release(&p->profiles);
  strv_release(&p->environ);
  free(p->name);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

static void clear_root(void) {
  nftw(ROOT, remove_one, 32, FTW_DEPTH | FTW_PHYS);
  mkdir(ROOT, 0755);
  mkdir(PROJECT, 0755);
}

static FILE *open_file(const char *name) {
  char path[4096];
  snprintf(path, sizeof(path), PROJECT "/%s", name);
  for (char *p = path + strlen(PROJECT) + 1; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(path, 0755);
    *p = '/';
  }
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  return f;
}

static char *read_text(const char *path) {
  char *text = NULL;
  size_t len = 0;
  FILE *f = fopen(path, "r");
  if (!f)
    return NULL;
  ssize_t n = getdelim(&text, &len, '\0', f);
  fclose(f);
  if (n >= 0)
    return text;
  free(text);
  return strdup("");
}

/* One shell word from *at, quotes removed; false at the end. */
static bool next_word(const char **at, char *word, size_t size) {
  size_t n = 0;
  char quote = 0;
  *at += strspn(*at, " ");
  if (!**at)
    return false;
  for (; **at && (quote || **at != ' '); (*at)++) {
    if (quote ? **at == quote : **at == '"' || **at == '\'')
      quote = quote ? 0 : **at;
    else if (n + 1 < size)
      word[n++] = **at;
  }
  word[n] = '\0';
  return true;
}

static void read_args(struct project *p, const char *line) {
  char option[64];
  char value[1024];
  while (next_word(&line, option, sizeof(option)) && next_word(&line, value, sizeof(value))) {
    if (strcmp(option, "-f") == 0)
      strv_add(&p->files, value, NULL);
    else if (strcmp(option, "--env-file") == 0)
      strv_add(&p->env_files, value, NULL);
    else if (strcmp(option, "--profile") == 0)
      strv_add(&p->profiles, value, NULL);
    else if (strcmp(option, "-p") == 0)
      p->name = strdup(value);
    else
      fail_msg("what is %s?", option);
  }
}

static void read_environ(struct project *p, const char *line) {
  char word[1024];
  while (next_word(&line, word, sizeof(word)))
    strv_add(&p->environ, word, NULL);
}

/* Lays one case out: the lines after "=== name". Files end without empty lines. */
static void lay_out(struct project *p, const char *text) {
  FILE *f = NULL;
  const char *indent = "";
  size_t empty = 0;
  while (*text) {
    size_t len = strcspn(text, "\n");
    CLEANUP_FREE char *line = strndup(text, len);
    text += len + (text[len] == '\n');
    if (strncmp(line, "--- ", 4) == 0) {
      if (f)
        fclose(f);
      f = open_file(line + 4);
      indent = "";
      empty = 0;
    } else if (strncmp(line, "@args ", 6) == 0) {
      read_args(p, line + 6);
    } else if (strncmp(line, "@env ", 5) == 0) {
      read_environ(p, line + 5);
    } else if (strcmp(line, "@service") == 0) {
      f = open_file("compose.yaml");
      fputs("services:\n  app:\n    image: alpine\n", f);
      indent = "    ";
    } else {
      if (!f)
        f = open_file("compose.yaml");
      if (!*line) {
        empty++;
        continue;
      }
      for (; empty; empty--)
        fputc('\n', f);
      fprintf(f, "%s%s\n", indent, line);
    }
  }
  if (f)
    fclose(f);
}

/* The text with PLACE replaced by ROOT. */
static char *at_root(const char *text) {
  struct buf b = BUF_INIT(0);
  for (const char *hit; (hit = strstr(text, PLACE)); text = hit + strlen(PLACE)) {
    buf_append(&b, text, (size_t)(hit - text), NULL);
    buf_puts(&b, ROOT, NULL);
  }
  buf_puts(&b, text, NULL);
  return buf_steal(&b);
}

static bool same_hashes(const struct fleet *fleet, const cJSON *want) {
  const cJSON *hash = NULL;
  cJSON_ArrayForEach(hash, want) {
    char got[65] = "";
    struct err err = ERR_INIT;
    const struct service *s = fleet_service(fleet, hash->string);
    int failed = s ? fleet_service_config_hash(fleet, s, got, &err) : -1;
    err_release(&err);
    if (failed || strcmp(got, hash->valuestring) != 0)
      return false;
  }
  return true;
}

/* The label that adoption goes by: told apart where it is known, else the same hash unless files are read. */
static bool same_labels(const struct fleet *fleet, const cJSON *expected, bool reads_files) {
  const cJSON *want = json_get(expected, reads_files ? "label" : "hash");
  const cJSON *hash = NULL;
  cJSON_ArrayForEach(hash, want) {
    const struct service *s = fleet_service(fleet, hash->string);
    const char *got = s ? json_str(json_get(s->body, "Labels"), "com.docker.compose.config-hash", "") : "";
    if (strcmp(got, hash->valuestring) != 0)
      return false;
  }
  return true;
}

/* NULL when the fleet is as expected, else what is wrong; caller frees. */
static char *compare(const struct fleet *fleet, const cJSON *expected, bool reads_files) {
  const cJSON *want = json_get(expected, "document");
  CLEANUP_FREE char *text = NULL;
  CLEANUP_JSON cJSON *got = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  int printed = fleet_config_json(fleet, &text, &err);
  if (!want)
    return printed < 0 ? NULL : strdup("accepted, an error was expected");
  if (printed < 0 || json_parse(text, strlen(text), &got, &err) < 0)
    return strdup(err_text(&err));
  if (!json_equal(want, got))
    return text ? STEAL(text) : NULL;
  if (cJSON_IsString(json_get(expected, "hash")))
    return NULL;
  if (!same_hashes(fleet, json_get(expected, "hash")))
    return strdup("another config-hash");
  return same_labels(fleet, expected, reads_files) ? NULL : strdup("another config-hash in the label");
}

static char *run_case(const char *text, const cJSON *expected) {
  struct project p = {0};
  struct fleet *fleet = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  clear_root();
  strv_add(&p.environ, "HOME=/home/user", NULL);
  strv_add(&p.environ, "PATH=/usr/bin:/bin", NULL);
  lay_out(&p, text);
  const char **environ = calloc(p.environ.count + 1, sizeof(*environ));
  assert_non_null(environ);
  for (size_t i = 0; i < p.environ.count; i++)
    environ[i] = p.environ.items[i];
  struct manifest_options options = {
      .files = (const char *const *)p.files.items,
      .file_count = p.files.count,
      .project_name = p.name,
      .env_files = (const char *const *)p.env_files.items,
      .env_file_count = p.env_files.count,
      .profiles = (const char *const *)p.profiles.items,
      .profile_count = p.profiles.count,
      .working_dir = PROJECT,
      .environ = environ,
  };
  char *wrong = NULL;
  if (manifest_load(&options, &fleet, &err) == 0)
    wrong = compare(fleet, expected, strstr(text, "_file:") != NULL);
  else if (!json_get(expected, "error"))
    wrong = strdup(err_text(&err));
  fleet_free(fleet);
  free(environ);
  project_release(&p);
  return wrong;
}

static void run_section(void **state) {
  const char *path = *state;
  char beside[4096];
  CLEANUP_FREE char *text = read_text(path);
  snprintf(beside, sizeof(beside), "%.*s.expected.json", (int)(strlen(path) - strlen(".case")), path);
  CLEANUP_FREE char *kept = read_text(beside);
  assert_non_null(text);
  assert_non_null(kept);
  CLEANUP_FREE char *placed = at_root(kept);
  CLEANUP_JSON cJSON *expected = NULL;
  assert_int_equal(json_parse(placed, strlen(placed), &expected, NULL), 0);
  int failed = 0;
  int all = 0;
  for (const char *at = strstr(text, "=== "); at; at = strstr(at, "\n=== "), at = at ? at + 1 : NULL) {
    size_t len = strcspn(at + 4, "\n");
    CLEANUP_FREE char *name = strndup(at + 4, len);
    at += 4 + len;
    const cJSON *want = json_get(expected, name);
    assert_non_null(want);
    const char *next = strstr(at, "\n=== ");
    CLEANUP_FREE char *body = strndup(at, next ? (size_t)(next - at) : strlen(at));
    CLEANUP_FREE char *wrong = run_case(*body ? body + 1 : body, want);
    all++;
    if (!wrong)
      continue;
    failed++;
    print_error("%s: %s: %.600s\n", path, name, wrong);
  }
  print_message("%s: %d of %d\n", path, all - failed, all);
  assert_int_equal(failed, 0);
}

/* test/cases, from where the tests are run. */
int main(void) {
  glob_t found;
  struct CMUnitTest tests[64];
  size_t count = 0;
  int lock = open(ROOT ".lock", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (lock < 0 || flock(lock, LOCK_EX) < 0 || glob("test/cases/*.case", 0, NULL, &found) != 0)
    return 1;
  for (size_t i = 0; i < found.gl_pathc && count < COUNT_OF(tests); i++)
    tests[count++] = (struct CMUnitTest){
        .name = found.gl_pathv[i], .test_func = run_section, .initial_state = found.gl_pathv[i]};
  int failed = _cmocka_run_group_tests("cases", tests, count, NULL, NULL);
  nftw(ROOT, remove_one, 32, FTW_DEPTH | FTW_PHYS);
  globfree(&found);
  close(lock);
  return failed;
}

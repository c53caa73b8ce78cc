/* Prints the document of Compose files as `docker compose config --format json` does: dump [-p NAME] [-f FILE]...
 * [--env-file FILE]... [--profile NAME]... [-w FOLDER]. Warnings and errors go to stderr; -q prints no document,
 * -n COUNT loads that often. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "controller/manifest/document.h"

extern char **environ;

enum { LIST_LIMIT = 32 };

struct arguments {
  struct manifest_options options;
  const char *files[LIST_LIMIT];
  const char *env_files[LIST_LIMIT];
  const char *profiles[LIST_LIMIT];
  int times;
  bool quiet;
};

static void add(const char **list, size_t *count, const char *value) {
  if (*count < LIST_LIMIT)
    list[(*count)++] = value;
}

static int parse(struct arguments *a, int argc, char **argv) {
  static const struct option longs[] = {
      {"env-file", required_argument, NULL, 'e'}, {"profile", required_argument, NULL, 'P'}, {0}};
  a->times = 1;
  for (int c = 0; (c = getopt_long(argc, argv, "p:f:w:n:q", longs, NULL)) != -1;) {
    if (c == 'p')
      a->options.project_name = optarg;
    else if (c == 'f')
      add(a->files, &a->options.file_count, optarg);
    else if (c == 'w')
      a->options.working_dir = optarg;
    else if (c == 'n')
      a->times = atoi(optarg);
    else if (c == 'q')
      a->quiet = true;
    else if (c == 'e')
      add(a->env_files, &a->options.env_file_count, optarg);
    else if (c == 'P')
      add(a->profiles, &a->options.profile_count, optarg);
    else
      return -1;
  }
  a->options.files = a->files;
  a->options.env_files = a->env_files;
  a->options.profiles = a->profiles;
  a->options.environ = (const char *const *)environ;
  return 0;
}

/* Compose doubles every dollar of a value it prints. */
static void double_dollars(cJSON *json) {
  if (cJSON_IsString(json) && strchr(json->valuestring, '$')) {
    char *text = malloc(strlen(json->valuestring) * 2 + 1);
    char *to = text;
    for (const char *from = json->valuestring; text && *from; from++) {
      if (*from == '$')
        *to++ = '$';
      *to++ = *from;
    }
    if (!text)
      return;
    *to = '\0';
    cJSON_SetValuestring(json, text);
    free(text);
  }
  for (cJSON *child = json->child; child; child = child->next)
    double_dollars(child);
}

static int print(const struct document *d) {
  for (size_t i = 0; i < d->warnings.count; i++)
    fprintf(stderr, "warning: %s\n", d->warnings.items[i]);
  cJSON *json = node_to_json(d->root);
  if (!json)
    return 1;
  double_dollars(json);
  char *text = cJSON_Print(json);
  cJSON_Delete(json);
  if (!text)
    return 1;
  puts(text);
  free(text);
  return 0;
}

int main(int argc, char **argv) {
  struct arguments a = {0};
  if (parse(&a, argc, argv) < 0)
    return 2;
  int status = 0;
  for (int i = 0; i < a.times && status == 0; i++) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct document *d = NULL;
    if (document_load(&a.options, &d, &err) < 0) {
      fprintf(stderr, "%s\n", err_text(&err));
      status = 1;
    } else if (!a.quiet) {
      status = print(d);
    }
    document_free(d);
  }
  return status;
}

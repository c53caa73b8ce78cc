#include "controller/cli/result.h"

#include <stdlib.h>

#include "api/base/json.h"

static int put_value(FILE *f, const cJSON *json, int depth, struct err *err);

static void new_line(FILE *f, int depth) {
  fprintf(f, "\n%*s", 2 * depth, "");
}

/* A string or number as cJSON escapes and prints it. */
static int put_scalar(FILE *f, const cJSON *json, struct err *err) {
  CLEANUP_FREE char *text = cJSON_PrintUnformatted(json);

  return text ? (fputs(text, f), 0) : err_no_memory(err);
}

static int put_name(FILE *f, const char *name, struct err *err) {
  const cJSON string = {.type = cJSON_String, .valuestring = (char *)name};

  if (put_scalar(f, &string, err) < 0)
    return -1;
  fputs(": ", f);
  return 0;
}

static int put_members(FILE *f, const cJSON *json, int depth, struct err *err) {
  const cJSON *item;

  cJSON_ArrayForEach(item, json) {
    new_line(f, depth + 1);
    if (cJSON_IsObject(json) && put_name(f, item->string, err) < 0)
      return -1;
    if (put_value(f, item, depth + 1, err) < 0)
      return -1;
    fputs(item->next ? "," : "", f);
  }
  new_line(f, depth);
  return 0;
}

static int put_value(FILE *f, const cJSON *json, int depth, struct err *err) {
  bool object = cJSON_IsObject(json);

  if (!json->child || (!object && !cJSON_IsArray(json)))
    return put_scalar(f, json, err);
  fputc(object ? '{' : '[', f);
  if (put_members(f, json, depth, err) < 0)
    return -1;
  fputc(object ? '}' : ']', f);
  return 0;
}

int result_print_json(FILE *f, const cJSON *json, struct err *err) {
  if (put_value(f, json, 0, err) < 0)
    return -1;
  fputc('\n', f);
  return 0;
}

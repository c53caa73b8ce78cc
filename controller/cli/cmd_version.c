#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/help.h"
#include "controller/cli/result.h"
#include "controller/cli/text.h"

static void put_libraries(FILE *f, const cJSON *libraries) {
  const cJSON *item;

  cJSON_ArrayForEach(item, libraries) {
    if (cJSON_IsString(item))
      fprintf(f, "  %-14s%s\n", item->string, item->valuestring);
  }
}

static void put_engines(const struct term *t, const cJSON *engines) {
  const cJSON *item;

  cJSON_ArrayForEach(item, engines) {
    const char *error = json_str(item, "error", NULL);

    fputs("  ", t->stream);
    text_put_padded(t->stream, json_str(item, "machine", "?"), 14, 0);
    if (error) {
      fputs(term_on(t, STYLE_RED), t->stream);
      text_put(t->stream, error, -1);
      fprintf(t->stream, "%s\n", term_off(t));
    } else {
      fprintf(t->stream, "engine %s, API %s\n", json_str(item, "version", "?"), json_str(item, "api", "?"));
    }
  }
}

static int print_version(const struct cli *cli, const cJSON *json, struct err *err) {
  if (cli->options->format && strcmp(cli->options->format, "json") == 0)
    return result_print_json(stdout, json, err);
  printf("tandem %s\n", json_str(json, "tandem", TANDEM_VERSION));
  put_libraries(stdout, json_get(json, "libraries"));
  put_engines(&cli->out, json_get(json, "engines"));
  return 0;
}

static int version(struct cli *cli, struct err *err) {
  CLEANUP_JSON cJSON *json = NULL;
  struct session *session;

  if (cli_session(cli, &session, err) < 0 || session_version(session, &json, err) < 0)
    return -1;
  if (json_str(json, "error", NULL)) { /* without a manifest there are no engines to ask: no reason to fail */
    fputs("tandem: no engine is asked: ", stderr);
    text_put(stderr, json_str(json, "error", ""), -1);
    fputc('\n', stderr);
  }
  return print_version(cli, json, err);
}

int cmd_version(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;

  return version(cli, &err) < 0 ? cli_fail(cli, &err) : CODE_DONE;
}

int cmd_help(struct cli *cli) {
  const struct command *c;

  if (cli->options->arg_count == 0) {
    help_full(stdout);
    return CODE_DONE;
  }
  c = command_find(cli->options->args[0]);
  if (!c) {
    CLEANUP_ERR struct err err = ERR_INIT;

    command_unknown(cli->options->args[0], &err);
    return cli_fail(cli, &err);
  }
  help_command(stdout, c);
  return CODE_DONE;
}

#include "controller/cli/command.h"

#include <string.h>

#include "controller/cli/cmd.h"
#include "controller/cli/suggest.h"

#define AT(field) offsetof(struct options, field)
#define FLAG(n, l, field, text)                                                                                        \
  { .name = (n), .letter = (l), .kind = OPTION_FLAG, .offset = AT(field), .help = (text) }
#define CHOICE(n, choices, field, text)                                                                                \
  { .name = (n), .kind = OPTION_CHOICE, .argument = (choices), .offset = AT(field), .help = (text) }
#define SET(rows)                                                                                                      \
  { (rows), COUNT_OF(rows) }
#define YES FLAG("yes", 'y', yes, "do not ask; needed where nobody can answer")

static const struct option_row CONFIG_OPTIONS[] = {
    CHOICE("format", "yaml|json", format, "default: yaml"),
    FLAG("services", 0, services, "the services' names only"),
    FLAG("images", 0, images, "the images' names only"),
    FLAG("volumes", 0, volumes, "the volumes' names only"),
    FLAG("profiles", 0, list_profiles, "the profiles' names only"),
    {.name = "hash",
     .kind = OPTION_OPTIONAL,
     .argument = "SERVICE|*",
     .offset = AT(hash),
     .flag_offset = AT(has_hash),
     .help = "each service's configuration hash, as docker compose computes it"},
};
static const struct option_row PLAN_OPTIONS[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .argument = "FILE",
     .offset = AT(output),
     .help = "save the plan, to be carried out with `tandem apply FILE`"},
    CHOICE("format", "text|json", format, "default: text"),
    FLAG("detailed-exitcode", 0, detailed_exitcode, "exit 2 when there is something to do, 0 when there is not"),
};
static const struct option_row APPLY_OPTIONS[] = {
    YES,
    FLAG("no-build", 0, no_build, "refuse a plan that needs a build"),
    {.name = "parallelism",
     .kind = OPTION_NUMBER,
     .argument = "N",
     .offset = AT(parallelism),
     .min = 1,
     .max = 1000,
     .help = "steps at a time on each machine (default: the manifest's)"},
};
static const struct option_row YES_OPTIONS[] = {YES};
static const struct option_row RELOCATE_OPTIONS[] = {
    {.name = "to", .kind = OPTION_TEXT, .argument = "MACHINE", .offset = AT(to), .help = "where it shall run"},
    YES,
};
static const struct option_row STATUS_OPTIONS[] = {
    CHOICE("format", "table|json", format, "default: table"),
    FLAG("watch", 'w', watch, "show it again every 2 s until ^C"),
};
static const struct option_row FORMAT_OPTIONS[] = {CHOICE("format", "table|json", format, "default: table")};
static const struct option_row LOGS_OPTIONS[] = {
    FLAG("follow", 'f', follow, "go on as output comes (here -f is not --file)"),
    {.name = "tail",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .argument = "N",
     .offset = AT(tail),
     .min = 0,
     .max = 1000000,
     .help = "only the last N lines of each container"},
};
static const struct option_row DOWN_OPTIONS[] = {
    YES,
    FLAG("volumes", 'v', with_volumes, "remove the fleet's named volumes too, with what is in them"),
};

static const struct command COMMANDS[] = {
    {.name = "config",
     .synopsis = "[SERVICE...]",
     .summary = "show the manifest as tandem reads it",
     .run = cmd_config,
     .options = SET(CONFIG_OPTIONS),
     .max_args = ANY_ARGS,
     .text = "Merges the files, fills in variables, includes and defaults, checks everything and prints the result.\n"
             "With --format json it is the document of `docker compose config --format json`. No engine is asked.\n\n"
             "  tandem config --services              who is in the fleet\n"
             "  tandem config --hash responder        did its definition change?\n"},
    {.name = "plan",
     .synopsis = "",
     .summary = "show what apply would do; changes nothing",
     .run = cmd_plan,
     .options = SET(PLAN_OPTIONS),
     .text = "Compares the files with what the engines hold. Marks: + create  ± re-create  → move  ~ change live\n"
             "^ start  - remove  = nothing to do. Secret values are shown as (sensitive).\n\n"
             "  tandem plan -o next.json && tandem apply -y next.json\n"
             "  tandem plan --detailed-exitcode       in a script: 2 = the engines are not as the files say\n"},
    {.name = "apply",
     .synopsis = "[PLANFILE | SERVICE...]",
     .summary = "carry out the plan as one transaction",
     .run = cmd_apply,
     .options = SET(APPLY_OPTIONS),
     .max_args = ANY_ARGS,
     .changes = true,
     .text = "Builds, creates, switches in dependency order, proves the result healthy and commits it as a new\n"
             "revision. If anything fails, all of it is put back (exit 3). A saved plan is refused when the engines\n"
             "or the files have changed since. ^C puts back as well.\n\n"
             "  tandem apply                          shows the plan and asks\n"
             "  tandem apply -y responder nlu_agent   only these two\n"},
    {.name = "rollback",
     .synopsis = "[REVISION]",
     .summary = "go back to an earlier revision",
     .run = cmd_rollback,
     .options = SET(YES_OPTIONS),
     .max_args = 1,
     .changes = true,
     .text = "Without REVISION: to the last committed one before the present. Containers that were parked are renamed\n"
             "and started again, so this takes seconds and builds nothing.\n\n"
             "  tandem history && tandem rollback 4\n"},
    {.name = "relocate",
     .synopsis = "SERVICE --to MACHINE",
     .summary = "move a service to another machine",
     .run = cmd_relocate,
     .options = SET(RELOCATE_OPTIONS),
     .min_args = 1,
     .max_args = 1,
     .changes = true,
     .text = "One transaction: the image is sent or built there, the service starts there, those who call it are told\n"
             "its new address, and the old container is parked. Later commands remember the place.\n\n"
             "  tandem relocate streaming_tts_agent --to mainpc\n"},
    {.name = "build",
     .synopsis = "[TIER | SERVICE...]",
     .summary = "build images, and nothing else",
     .run = cmd_build,
     .max_args = ANY_ARGS,
     .changes = true,
     .text = "Builds what is missing or stale: the tiers first, then the services' images on top of them.\n\n"
             "  tandem build cpu responder\n"},
    {.name = "requirements",
     .synopsis = "[--format table|json] [--min N] [--write DIR]",
     .summary = "Python requirements that services share",
     .text = "",
     .max_args = ANY_ARGS},
    {.name = "profile",
     .synopsis = "[--for DURATION] [--write FILE]",
     .summary = "limits to set, from what the containers really use",
     .text = "",
     .max_args = ANY_ARGS},
    {.name = "status",
     .synopsis = "",
     .summary = "what runs where, how it is, what it uses",
     .run = cmd_status,
     .options = SET(STATUS_OPTIONS),
     .text = "One row a service. DRIFT names what differs from the revision that holds, e.g. after somebody used\n"
             "docker by hand.\n\n"
             "  tandem status --watch\n"
             "  tandem status --format json | jq '.[] | select(.health != \"healthy\").service'\n"},
    {.name = "history",
     .synopsis = "",
     .summary = "the revisions and what became of them",
     .run = cmd_history,
     .options = SET(FORMAT_OPTIONS),
     .text = "Newest first. `tandem show N` has one revision's steps.\n"},
    {.name = "show",
     .synopsis = "REVISION",
     .summary = "one revision's steps, results and timings",
     .run = cmd_show,
     .options = SET(FORMAT_OPTIONS),
     .min_args = 1,
     .max_args = 1,
     .text = "Read from the journal, so it also tells where a transaction failed and what was put back.\n\n"
             "  tandem show 5\n"},
    {.name = "logs",
     .synopsis = "[SERVICE...]",
     .summary = "the containers' output, over all machines",
     .run = cmd_logs,
     .options = SET(LOGS_OPTIONS),
     .max_args = ANY_ARGS,
     .text = "  tandem logs --tail 20 responder tts_service\n"
             "  tandem logs -f                        everything, as it comes\n"},
    {.name = "down",
     .synopsis = "",
     .summary = "remove the fleet",
     .run = cmd_down,
     .options = SET(DOWN_OPTIONS),
     .changes = true,
     .text = "Stops and removes the containers, parked ones included, and the networks. Volumes stay without\n"
             "--volumes; images and the history stay.\n\n"
             "  tandem down -y --volumes\n"},
    {.name = "recover",
     .synopsis = "",
     .summary = "finish or undo a transaction that was cut off",
     .run = cmd_recover,
     .changes = true,
     .text = "After a crash or a power cut: looks at the engines, then brings the fleet to exactly the old or exactly\n"
             "the new revision. Every other changing command does this first by itself.\n\n"
             "When the state folder is lost, or was another operator's, the record that a running transaction keeps on\n"
             "the engines serves instead: recover tells what it says, and does the same.\n"},
    {.name = "controller",
     .synopsis = "",
     .summary = "stay, watch the engines, serve commands on --socket",
     .text = "",
     .max_args = ANY_ARGS},
    {.name = "version",
     .synopsis = "",
     .summary = "tandem, its libraries, and each engine",
     .run = cmd_version,
     .options = SET(FORMAT_OPTIONS),
     .text = "An engine that cannot be reached is told in its line; the exit code stays 0.\n"},
    {.name = "help",
     .synopsis = "[COMMAND]",
     .summary = "this, or a command's own help",
     .run = cmd_help,
     .max_args = 1,
     .text = "  tandem help apply\n"},
};

const struct command *command_table(size_t *ret_count) {
  *ret_count = COUNT_OF(COMMANDS);
  return COMMANDS;
}

const struct command *command_find(const char *name) {
  for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
    if (strcmp(COMMANDS[i].name, name) == 0)
      return &COMMANDS[i];
  return NULL;
}

int command_unknown(const char *name, struct err *err) {
  struct suggest s = SUGGEST_INIT(name);

  for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
    suggest_offer(&s, COMMANDS[i].name);
  if (s.best)
    return err_set(err, ERR_USAGE, "unknown command \"%s\", did you mean %s? (tandem --help)", name, s.best);
  return err_set(err, ERR_USAGE, "unknown command \"%s\" (tandem --help)", name);
}

/* Words of the command line are checked against the row. */
static int check_args(const struct command *c, const struct options *o, struct err *err) {
  if (o->help || !c->run)
    return 0;
  if (o->arg_count < c->min_args)
    return err_set(err, ERR_USAGE, "%s needs more: tandem %s %s", c->name, c->name, c->synopsis);
  if (o->arg_count > c->max_args && c->max_args == 0)
    return err_set(err, ERR_USAGE, "%s takes no argument: \"%s\" is too much", c->name, o->args[0]);
  if (o->arg_count > c->max_args)
    return err_set(err, ERR_USAGE, "\"%s\" is too much: tandem %s %s", o->args[c->max_args], c->name, c->synopsis);
  for (size_t i = 0; i < o->arg_count; i++)
    if (!*o->args[i])
      return err_set(err, ERR_USAGE, "%s: an argument is empty", c->name);
  return 0;
}

int command_line_read(int argc, char **argv, struct options *o, const struct command **ret_command, struct err *err) {
  struct option_set sets[2] = {option_globals(), option_globals()};
  const struct command *c;
  int at = 1, next;

  if (options_read(sets, 1, argc, argv, true, NULL, o, &at, err) < 0)
    return -1;
  if (at >= argc) {
    *ret_command = NULL;
    return 0;
  }
  c = command_find(argv[at]);
  if (!c)
    return command_unknown(argv[at], err);
  if (!c->run) { /* a planned command's options are not known yet, but this one */
    for (int i = at + 1; i < argc; i++)
      o->help = o->help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
  } else {
    sets[0] = c->options;
    if (options_read(sets, 2, argc - at, argv + at, false, c->name, o, &next, err) < 0)
      return -1;
    o->args = (const char *const *)argv + at + next;
    o->arg_count = (size_t)(argc - at - next);
  }
  *ret_command = c;
  return check_args(c, o, err);
}

/* Help, made from the tables of commands, options and exit codes. */
#ifndef TANDEM_CLI_HELP_H
#define TANDEM_CLI_HELP_H

#include <stdio.h>

struct command;

void help_short(FILE *f);
void help_full(FILE *f);
void help_command(FILE *f, const struct command *c);

#endif

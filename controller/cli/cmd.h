/* The commands' functions, one row each of command.c's table. Each returns an enum exit_code. */
#ifndef TANDEM_CLI_CMD_H
#define TANDEM_CLI_CMD_H

struct cli;

int cmd_config(struct cli *cli);
int cmd_plan(struct cli *cli);
int cmd_apply(struct cli *cli);
int cmd_rollback(struct cli *cli);
int cmd_relocate(struct cli *cli);
int cmd_build(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_history(struct cli *cli);
int cmd_show(struct cli *cli);
int cmd_logs(struct cli *cli);
int cmd_down(struct cli *cli);
int cmd_recover(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);

#endif

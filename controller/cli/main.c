#include <signal.h>
#include <unistd.h>

#include "controller/cli/cli.h"

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); /* an engine that hangs up is an error of that call, not our end */
  return cli_main(argc, argv, (const char *const *)environ);
}

#include "controller/cli/exit.h"

#include "api/base/err.h"
#include "controller/daemon/session.h"

static const struct exit_row ROWS[] = {
    {CODE_DONE, "done"},
    {CODE_FAILED, "failed before anything changed"},
    {CODE_CHANGES, "plan --detailed-exitcode found changes"},
    {CODE_PUT_BACK, "failed, and everything was put back"},
    {CODE_STUCK, "failed, and could not be put back whole; the message names what is left"},
    {CODE_LOCKED, "locked by another tandem"},
    {CODE_INPUT, "the manifest is wrong; the message has file, line and column"},
    {CODE_ENGINE, "an engine cannot be reached or used"},
    {CODE_USAGE, "wrong usage"},
};

const struct exit_row *exit_rows(size_t *ret_count) {
  *ret_count = COUNT_OF(ROWS);
  return ROWS;
}

enum exit_code exit_code_of_err(const struct err *err) {
  switch (err->kind) {
  case ERR_NONE:
    return CODE_DONE;
  case ERR_USAGE:
    return CODE_USAGE;
  case ERR_INPUT:
    return CODE_INPUT;
  case ERR_LOCKED:
    return CODE_LOCKED;
  case ERR_UNREACHABLE:
  case ERR_TLS:
  case ERR_VERSION:
  case ERR_TIMEOUT:
  case ERR_LOST:
    return CODE_ENGINE;
  case ERR_INTERNAL:
  case ERR_NO_MEMORY:
  case ERR_IO:
  case ERR_HTTP:
  case ERR_ENGINE:
  case ERR_PROTOCOL:
  case ERR_CANCELLED:
  case ERR_CONFLICT:
  case ERR_GATE:
    return CODE_FAILED;
  }
  return CODE_FAILED;
}

enum exit_code exit_code_of_outcome(const struct outcome *outcome) {
  switch (outcome->result) {
  case SESSION_DONE:
    return CODE_DONE;
  case SESSION_FAILED_CLEAN:
    return CODE_FAILED;
  case SESSION_PUT_BACK:
    return CODE_PUT_BACK;
  case SESSION_STUCK:
    return CODE_STUCK;
  }
  return CODE_STUCK;
}

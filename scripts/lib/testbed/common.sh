# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of scripts/testbed
# Small helpers of scripts/testbed.

say() { echo "testbed: $*" >&2; }
die() { say "$*"; exit 1; }
assign() { printf 'export %s=%q\n' "$1" "$2"; }

need_root() { [ "$(id -u)" -eq 0 ] || die "needs root"; }

known_machine() {
  local m
  for m in "${machines[@]}"; do if [ "$m" = "$1" ]; then return 0; fi; done
  die "no machine '$1'; there are: ${machines[*]}"
}

# One changing command at a time. The lock lies beside the folder, since --purge removes the folder. What is started
# under it must close descriptor 9, or the lock outlives us (and 3, on whose end bats waits).
locked() {
  mkdir -p "$testbed"
  exec 9>"$testbed.lock"
  flock -w 600 9 || die "another testbed command has held $testbed.lock for 10 minutes"
  "$@"
}

# wait_for SECONDS COMMAND…: until the command succeeds; false at the deadline.
wait_for() {
  local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# Waits for every background job; false if one failed.
wait_all() {
  local job rc=0
  for job in $(jobs -p); do wait "$job" || rc=1; done
  return "$rc"
}

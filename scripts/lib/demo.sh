# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of scripts/demo
# What scripts/demo announces, runs and checks with.

step() {
  printf '\n%s── %s. %s\n' "$(bold)" "$1" "$2$(plain)"
}

bold() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[1m'; fi; }
plain() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[0m'; fi; }

# A testbed without a fleet, an empty state, and an end in every case.
demo_begin() {
  export LC_ALL=C.UTF-8
  scripts/testbed down --wipe >/dev/null # images too: the plan shall show every build
  eval "$(scripts/testbed env)"
  work=$TANDEM_TESTBED/demo
  rm -rf "$work"
  mkdir -p "$work"
  trap 'demo_exit $?' EXIT
}

demo_exit() {
  if [ "$1" -ne 0 ]; then printf '\ndemo: FAILED (exit %s); the log is %s\n' "$1" "$work/log"; fi
  if [ -n "${KEEP:-}" ]; then
    echo "demo: the testbed stays up: eval \"\$(scripts/testbed env)\"; state is $work/state"
  else
    if [ "$1" -ne 0 ]; then cp "$work/log" demo.log 2>/dev/null && echo "demo: its log is kept as demo.log"; fi
    scripts/testbed down
  fi
}

demo_end() {
  printf '\ndemo: all of it held, in %s min %02d s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60))
}

# Runs tandem, shows the command, keeps its output for shown(), and checks the exit code (TANDEM_RC, else 0). Where
# stderr is no terminal it carries the JSON log, which is in the log file already.
tandem() {
  local rc=0 from=${EPOCHREALTIME/./} args=("$@")
  if [ "$1" != -f ]; then args=(-f "$fleet/tandem.yaml" "$@"); fi
  printf '\n%s$ tandem %s%s\n' "$(bold)" "$*" "$(plain)"
  if [ -t 2 ]; then
    run_tandem "${args[@]}" | tee "$work/shown" || rc=$?
  else
    { run_tandem "${args[@]}" 2>"$work/stderr" | tee "$work/shown"; } || rc=$?
    grep -v '^{' "$work/stderr" >&2 || true
  fi
  took=$(((${EPOCHREALTIME/./} - from) / 1000000))
  printf '(exit %s, %s.%s s)\n' "$rc" "$took" $(((${EPOCHREALTIME/./} - from) / 100000 % 10))
  if [ "$rc" -ne "${TANDEM_RC:-0}" ]; then echo "demo: expected exit ${TANDEM_RC:-0}"; return 1; fi
}

run_tandem() { "${BUILD:-build}/tandem" --state "$work/state" --log-file "$work/log" "$@"; }

# The last command's output has this text.
shown() { grep -qF -- "$1" "$work/shown"; }

check() {
  local what=$1
  shift
  if "$@"; then
    printf '  ok  %s\n' "$what"
  else
    printf '  NOT AS PROMISED: %s\n' "$what"
    exit 1
  fi
}

# docker's own client on one machine's engine
on() { docker -H "unix://$TANDEM_TESTBED/$1/docker.sock" "${@:2}"; }

of_fleet=(--filter "label=com.docker.compose.project=$project")
count_containers() { { on mainpc ps -aq "${of_fleet[@]}" && on pc2 ps -aq "${of_fleet[@]}"; } | wc -l; }
count_networks() { { on mainpc network ls -q "${of_fleet[@]}" && on pc2 network ls -q "${of_fleet[@]}"; } | wc -l; }
count_running() { on "$1" ps -q "${of_fleet[@]}" | wc -l; }
count_healthy() {
  { on mainpc ps -q "${of_fleet[@]}" --filter health=healthy && on pc2 ps -q "${of_fleet[@]}" --filter health=healthy; } |
    wc -l
}

# "machine name id running" of every container of the fleet, parked ones included
containers() {
  local m
  for m in mainpc pc2; do
    on "$m" ps -aq --no-trunc "${of_fleet[@]}" |
      xargs -r docker -H "unix://$TANDEM_TESTBED/$m/docker.sock" inspect -f "$m {{.Name}} {{.Id}} {{.State.Running}}"
  done | sort
}
live_only() { grep -vE ' /[^ ]+\.[rn][0-9]+ ' || true; }
as_before() { diff <(echo "$1") <(containers); }
is() { test "$1" = "$2" || { diff <(echo "$1") <(echo "$2") && return 1; }; }

name_of() { echo "$project-$1-1"; }
inspect() { on "$1" inspect -f "$3" "$(name_of "$2")"; }
live_id() { inspect "$1" "$2" '{{.Id}}'; }
identity() { inspect "$1" "$2" '{{.Id}} {{.State.StartedAt}}'; }
memory_limit() { inspect "$1" "$2" '{{.HostConfig.Memory}}'; }
is_healthy() { [ "$(inspect "$1" "$2" '{{.State.Health.Status}}')" = healthy ]; }
parked_id() { on "$1" ps -aq --no-trunc --filter status=exited --filter "name=^/$(name_of "$2")\\.r[0-9]+\$"; }
is_parked() { [ -n "$(parked_id "$1" "$2")" ]; }

# From inside a service's container: the other one answers a ZeroMQ ping under its service name.
reaches() {
  on "$1" exec "$(name_of "$2")" python -c '
import sys, zmq
s = zmq.Context().socket(zmq.REQ)
s.setsockopt(zmq.LINGER, 0)
s.connect("tcp://%s:%s" % (sys.argv[1], sys.argv[2]))
s.send(b"ping")
sys.exit(0 if s.poll(10000) and s.recv() == b"pong" else 1)' "$3" "$4"
}

# Between events_begin and no_events the engines did nothing but probe their containers' health.
events_begin() { events_since=$EPOCHREALTIME; }
no_events() {
  local m seen
  for m in mainpc pc2; do
    seen=$(on "$m" events --since "$events_since" --until "$EPOCHREALTIME" --format '{{.Type}} {{.Action}}' |
      grep -vE '^container (exec_|health_status)' || true)
    if [ -n "$seen" ]; then
      echo "$m: $seen"
      return 1
    fi
  done
}

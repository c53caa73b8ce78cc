#!/usr/bin/env bats
# The testbed itself: tests that run against it can be no better than it is. A testbed of its own, beside whichever is
# up, so that no other test loses its engines.

setup_file() {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  export BATS_NO_PARALLELIZE_WITHIN_FILE=true
  export TESTBED="$BATS_TEST_DIRNAME/../../scripts/testbed"
  # Base images take a minute to make: share those of the ordinary testbed.
  TANDEM_TESTBED_CACHE=$(eval "$("$TESTBED" env)" && echo "$TANDEM_TESTBED/cache")
  export TANDEM_TESTBED_CACHE TANDEM_TESTBED_NR=9
  unset TANDEM_TESTBED
  eval "$("$TESTBED" env)"
  "$TESTBED" up
}

teardown_file() { [ "$(id -u)" -ne 0 ] || "$TESTBED" down --purge; }

engine() { curl -sS --max-time 30 --unix-socket "$TANDEM_TESTBED/$1/docker.sock" "http://engine$2" "${@:3}"; }

# run_in MACHINE SCRIPT [EXTRA-HOST]: runs a script in a busybox container; prints its output.
run_in() {
  local id body
  body=$(jq -n --arg image "$TANDEM_BUSYBOX" --arg script "$2" --arg host "${3:-}" \
    '{Image: $image, Cmd: ["sh", "-c", $script], Tty: true, HostConfig: {ExtraHosts: (if $host == "" then [] else [$host] end)}}')
  id=$(engine "$1" /containers/create -H 'Content-Type: application/json' -d "$body" | jq -r .Id)
  engine "$1" "/containers/$id/start" -X POST
  engine "$1" "/containers/$id/wait" -X POST -o /dev/null
  engine "$1" "/containers/$id/logs?stdout=1"
  engine "$1" "/containers/$id?force=1" -X DELETE
}

# A server on a published port, printing WORD to whoever connects.
serve() {
  local body id
  body=$(jq -n --arg image "$TANDEM_BUSYBOX" --arg word "$2" '{Image: $image,
    Cmd: ["nc", "-ll", "-p", "5000", "-e", "echo", $word], ExposedPorts: {"5000/tcp": {}},
    HostConfig: {PortBindings: {"5000/tcp": [{HostPort: "5000"}]}}}')
  id=$(engine "$1" "/containers/create?name=$2" -H 'Content-Type: application/json' -d "$body" | jq -r .Id)
  engine "$1" "/containers/$id/start" -X POST
}

over_tls() {
  curl -sS --max-time "${2:-10}" --cacert "$TANDEM_PC2_CA" --cert "$TANDEM_PC2_CERT" --key "$TANDEM_PC2_KEY" \
    "${TANDEM_PC2_ENDPOINT/tcp:/https:}$1"
}

milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# What of this testbed the machine still shows: processes, mounts, namespaces, links, cgroups.
remains() {
  grep -lsaF "$TANDEM_TESTBED/" /proc/[0-9]*/cmdline | while IFS=/ read -r _ _ pid _; do
    case $(readlink "/proc/$pid/exe") in */dockerd | */containerd* | */docker-proxy) echo "process $pid" ;; esac
  done
  grep -F "$TANDEM_TESTBED/" /proc/self/mountinfo || true
  ip netns list | grep '^tandem9' || true
  ip -br link | grep '^tandem9' || true
  find /sys/fs/cgroup -type d -name 'tandem9-*' || true
}

@test "up brings up two engines, with base images" {
  for machine in mainpc pc2; do
    [ "$(engine $machine /_ping)" = OK ]
    engine $machine "/images/$TANDEM_BUSYBOX/json" -f -o /dev/null
    engine $machine "/images/$TANDEM_CPU_BASE/json" -f -o /dev/null
  done
  [ "$(engine mainpc /info | jq -r .ID)" != "$(engine pc2 /info | jq -r .ID)" ]
  "$TESTBED" status
}

@test "up again does nothing, and at once" {
  before=$(cat "$TANDEM_TESTBED"/{mainpc,pc2}/docker.pid)
  start=$(milliseconds)
  "$TESTBED" up
  [ $(($(milliseconds) - start)) -lt 1000 ]
  [ "$(cat "$TANDEM_TESTBED"/{mainpc,pc2}/docker.pid)" = "$before" ]
}

@test "pc2 answers over TCP to the right certificate only" {
  [ "$(over_tls /_ping)" = OK ]
  run curl -sS --max-time 10 --cacert "$TANDEM_PC2_CA" "${TANDEM_PC2_ENDPOINT/tcp:/https:}/_ping"
  [ "$status" -ne 0 ]
  [ "$output" != OK ]
}

@test "containers reach published ports of the other machine, by an extra_hosts name" {
  serve mainpc here
  serve pc2 there
  run_in pc2 'nc -w 5 other 5000' "other:$TANDEM_MAINPC_ADDRESS" | grep -q '^here'
  run_in mainpc 'nc -w 5 other 5000' "other:$TANDEM_PC2_ADDRESS" | grep -q '^there'
}

@test "cut loses packets in silence, heal brings the link back" {
  "$TESTBED" cut pc2
  run over_tls /_ping 2
  [ "$status" -eq 28 ] || [ "$status" -eq 7 ]
  ! run_in mainpc 'nc -w 2 other 5000' "other:$TANDEM_PC2_ADDRESS" | grep -q there
  # The machine itself runs on, and so does the other.
  [ "$(engine pc2 /_ping)" = OK ]
  [ "$(engine mainpc /_ping)" = OK ]
  run "$TESTBED" status
  [ "$status" -eq 1 ]
  "$TESTBED" heal pc2
  [ "$(over_tls /_ping)" = OK ]
  run_in mainpc 'nc -w 5 other 5000' "other:$TANDEM_PC2_ADDRESS" | grep -q '^there'
  "$TESTBED" status
}

@test "an open connection outlives a short cut" {
  exec 5<>"/dev/tcp/$TANDEM_PC2_ADDRESS/5000"
  "$TESTBED" cut pc2
  "$TESTBED" heal pc2
  read -r -t 20 line <&5
  exec 5>&-
  [ "$line" = there ]
}

@test "pip installs from the base image's wheelhouse, offline" {
  body=$(jq -n --arg image "$TANDEM_CPU_BASE" '{Image: $image, Tty: true, Cmd: ["sh", "-c",
    "python -m pip install -q --no-index --find-links /wheelhouse $0 && python -m pip check && python -c \"$1\"",
    "psutil pyzmq pydantic redis requests pyyaml", "import psutil, zmq, pydantic, redis, requests, yaml; print(\"installed\")"]}')
  id=$(engine mainpc /containers/create -H 'Content-Type: application/json' -d "$body" | jq -r .Id)
  engine mainpc "/containers/$id/start" -X POST
  engine mainpc "/containers/$id/wait" -X POST -o /dev/null
  run engine mainpc "/containers/$id/logs?stdout=1"
  engine mainpc "/containers/$id?force=1" -X DELETE
  [[ $output == *installed* ]]
}

@test "up clears what a killed engine left, and starts it again" {
  # Only the daemon: containerd, shims, proxies and containers stay, as after a crash.
  kill -KILL "$(cat "$TANDEM_TESTBED/mainpc/docker.pid")"
  other=$(cat "$TANDEM_TESTBED/pc2/docker.pid")
  "$TESTBED" up
  [ "$(engine mainpc /_ping)" = OK ]
  [ "$(cat "$TANDEM_TESTBED/pc2/docker.pid")" = "$other" ]
  [ "$(pgrep -cf "dockerd --config-file $TANDEM_TESTBED/mainpc/daemon.json")" -eq 1 ]
}

@test "a machine that lost power boots with its containers" {
  "$TESTBED" kill pc2
  [ "$(curl -sS --max-time 2 --unix-socket "$TANDEM_TESTBED/pc2/docker.sock" http://engine/_ping || true)" != OK ]
  "$TESTBED" up
  [ "$(engine pc2 '/containers/json?all=1' | jq -r '.[].Names[0]')" = /there ]
}

@test "a frozen engine says nothing until it is let go" {
  "$TESTBED" signal pc2 STOP
  run over_tls /_ping 2
  [ "$status" -eq 28 ]
  "$TESTBED" signal pc2 CONT
  [ "$(over_tls /_ping)" = OK ]
}

# Of one running container, started anew for the test: is its process the same after the engine's death by a signal?
outlives() {
  local id before after
  id=$(engine pc2 /containers/json | jq -r '.[0].Id // empty')
  if [ -z "$id" ]; then
    serve pc2 survivor
    id=$(engine pc2 /containers/json | jq -r '.[0].Id')
  fi
  before=$(engine pc2 "/containers/$id/json" | jq .State.Pid)
  pid=$(cat "$TANDEM_TESTBED/pc2/docker.pid")
  "$TESTBED" signal pc2 "$1"
  for _ in $(seq 600); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
  [ "$(curl -sS --max-time 2 --unix-socket "$TANDEM_TESTBED/pc2/docker.sock" http://engine/_ping || true)" != OK ]
  "$TESTBED" boot pc2
  [ "$(over_tls /_ping)" = OK ]
  after=$(engine pc2 "/containers/$id/json" | jq .State.Pid)
  [ "$after" = "$before" ]
}

@test "with live-restore containers outlive their daemon, without it they do not" {
  "$TESTBED" live-restore pc2 on
  outlives KILL
  outlives TERM
  "$TESTBED" live-restore pc2 off
  run outlives KILL
  [ "$status" -ne 0 ]
  [ "$(over_tls /_ping)" = OK ]
}

@test "boot starts an engine of which nothing is left, with its containers" {
  "$TESTBED" kill pc2
  "$TESTBED" boot pc2
  [ "$(engine pc2 '/containers/json?all=1' | jq -r '[.[].Names[0]] | index("/there") != null')" = true ]
}

@test "up mends a lost network" {
  ip netns del tandem9-switch
  ip link del tandem90 2>/dev/null || true
  "$TESTBED" up
  [ "$(over_tls /_ping)" = OK ]
}

@test "wrong usage changes nothing" {
  run "$TESTBED" cut nobody
  [ "$status" -eq 1 ]
  run "$TESTBED" frobnicate
  [ "$status" -eq 64 ]
  run "$TESTBED" signal pc2
  [ "$status" -eq 64 ]
  run "$TESTBED" live-restore pc2 perhaps
  [ "$status" -eq 64 ]
  run "$TESTBED" down --everything
  [ "$status" -eq 64 ]
  "$TESTBED" status
}

@test "down leaves nothing; the next up has the images and no containers" {
  "$TESTBED" down
  [ -z "$(remains)" ]
  "$TESTBED" up
  [ "$(engine pc2 '/containers/json?all=1')" = '[]' ]
  "$TESTBED" down --purge
  [ -z "$(remains)" ]
  [ ! -e "$TANDEM_TESTBED" ]
}

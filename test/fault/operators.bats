#!/usr/bin/env bats
# What a second operator, and hands on the engines, do in the middle of a transaction: the real binary, real engines.

bats_require_minimum_version 1.5.0

setup() {
  export TANDEM=${TANDEM:-$BATS_TEST_DIRNAME/../../build/tandem}
  eval "$("$BATS_TEST_DIRNAME/../../scripts/testbed" env)"
  dir=$(mktemp -d)
  cd "$dir"
  project=hands$$
  cat >tandem.yaml <<Y
name: $project
x-run: &run
  image: $TANDEM_BUSYBOX
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
  environment: {V: "\${V:-1}"}
  stop_grace_period: 1s
  restart: always
services:
  db: {<<: *run, container_name: $project-db}
  api:
    <<: *run
    depends_on: [db]
    healthcheck: {test: "test \$\$V != slow", interval: 1s, retries: 60}
  web: *run
x-tandem:
  machines:
    mainpc: {endpoint: "$TANDEM_MAINPC_ENDPOINT", address: $TANDEM_MAINPC_ADDRESS}
    pc2:
      endpoint: "$TANDEM_PC2_ENDPOINT"
      address: $TANDEM_PC2_ADDRESS
      tls: {ca: "$TANDEM_PC2_CA", cert: "$TANDEM_PC2_CERT", key: "$TANDEM_PC2_KEY"}
  services:
    "*": {machine: mainpc}
    web: {machine: pc2}
  update: {monitor: "\${MONITOR:-500ms}"}
Y
  V=1 apply a >"$dir/setup.out" 2>&1 || cat "$dir/setup.out"
  before=$(picture)
}

teardown() {
  [ -z "${background:-}" ] || kill -KILL "$background" 2>/dev/null || true
  local state
  for state in a b; do "$TANDEM" --state "$dir/$state" recover >>"$dir/down.out" 2>&1 || true; done
  "$TANDEM" --state "$dir/a" down -y >>"$dir/down.out" 2>&1 || cat "$dir/down.out"
  cd /
  rm -rf "$dir"
}

engine() { docker -H "unix://$TANDEM_TESTBED/$1/docker.sock" "${@:2}"; }

# apply STATE ARGUMENTS…: with a state folder and a log of its own
apply() { "$TANDEM" --state "$dir/$1" --log-file "$dir/$1.log" --log-level debug apply -y "${@:2}"; }

# Every container of the project, marks too: name, state, ID
picture() {
  local m
  for m in mainpc pc2; do
    engine "$m" ps -a --no-trunc --format "$m {{.Names}} {{.State}} {{.ID}}" | grep -F "$project" | sort
  done
}

# apply in the background, until its log has a line that matches
begin() { # STATE PATTERN
  rm -f "$dir/$1.log"
  "$TANDEM" --state "$dir/$1" --log-file "$dir/$1.log" --log-level debug apply -y >"$dir/$1.out" 2>&1 3>&- &
  background=$!
  for _ in $(seq 1200); do
    if grep -qs "$2" "$dir/$1.log"; then return 0; fi
    kill -0 "$background" || break
    sleep 0.05
  done
  cat "$dir/$1.out"
  return 1
}

# In the middle of the switch: db is switched, api's new container waits for its health.
begin_slow() { V=slow begin a "\"step.start\",\"msg\":\"wait for $project-api-1"; }
# Everything is switched and being watched.
begin_watched() { V=2 MONITOR=$1 begin a "\"step.start\",\"msg\":\"watch $project-api-1"; }

# The status of what runs in the background, into $status; its output into $output
end() {
  status=0
  wait "$background" || status=$?
  background=
  output=$(cat "$dir/$1.out")
}

# Killed in the middle of the switch: db is switched, api waits for its health.
cut_off() {
  begin_slow
  kill -KILL "$background"
  wait "$background" || true
  background=
  [ "$(picture)" != "$before" ]
}

@test "a second operator is told who holds the lock, and changes nothing" {
  begin_watched 20s
  V=3 run apply b
  [ "$status" -eq 5 ]
  [[ $output == *"is locked by tandem apply (pid $background) since "* ]]
  V=3 run apply a
  [ "$status" -eq 5 ]
  [[ $output == *"locked by tandem apply (pid $background) since "* ]]
  kill -INT "$background"
  end a
  [ "$status" -eq 3 ]
  [ "$(picture)" = "$before" ]
}

@test "the state folder is lost in the switch: recover undoes by the engines' record" {
  cut_off
  rm -rf "$dir/a"
  V=1 run apply b # another folder, and the lost one's new beginning, are alike
  [ "$status" -eq 1 ]
  [[ $output == *"revision 2 was cut off, and this state folder knows nothing of it"*"tandem recover"*"undoes it"* ]]
  run "$TANDEM" --state "$dir/b" recover
  [ "$status" -eq 0 ]
  [[ $output == *"re-created api, db, web"*"its state in $dir/a"*"put back"* ]]
  [ "$(picture)" = "$before" ]
  V=1 run apply b
  [ "$status" -eq 0 ]
  [[ $output == *"nothing to do"* ]]
  V=4 apply b # numbers go on, parked names do not clash
  run "$TANDEM" --state "$dir/b" history
  [[ $output == *"3  *  apply"* && $output == *"2     apply  put back"* && $output == *"1     adopt  committed"* ]]
}

@test "a holder that is paused past its lease changes nothing when it goes on" {
  begin_slow
  kill -STOP "$background"
  run "$TANDEM" --state "$dir/b" recover
  [ "$status" -eq 0 ]
  [[ $output == *"put back"* ]]
  [ "$(picture)" = "$before" ]
  kill -CONT "$background"
  end a
  echo "$status: $output"
  [ "$status" -eq 4 ]
  [[ $output == *"the lock on "*" was lost while this process was paused"* ]]
  [ "$(picture)" = "$before" ]
}

@test "docker container prune in the middle: committed all the same" {
  begin_watched 4s
  engine mainpc container prune -f
  engine pc2 container prune -f
  end a
  [ "$status" -eq 0 ]
  grep -q '"event":"lock.gone"' "$dir/a.log"
  V=2 run apply a
  [[ $output == *"nothing to do"* ]]
  ! picture | grep -q 'tandem\.'
}

@test "docker container prune in a release that fails: what is gone is told, and apply brings it back" {
  begin_slow
  engine mainpc container prune -f
  kill -INT "$background"
  end a
  [ "$status" -eq 4 ]
  [[ $output == *"db"*"is gone"* ]]
  V=1 run apply a
  [ "$status" -eq 0 ]
  [ "$(picture | grep -c ' running ')" -eq 3 ]
  V=1 run apply a
  [[ $output == *"nothing to do"* ]]
}

@test "containers renamed by hand in the middle are put back under their names" {
  begin_slow
  engine mainpc rename "$project-db" "$project-mine"
  engine mainpc rename "$project-db.r1" "$project-old"
  kill -INT "$background"
  end a
  [ "$status" -eq 3 ]
  [ "$(picture)" = "$before" ]
}

@test "an image retagged by hand in the middle does not get into the fleet" {
  id=$(engine mainpc inspect -f '{{.Image}}' "$project-db")
  begin_watched 4s
  engine mainpc tag tandem/mark:1 "$project/elsewhere:1"
  engine mainpc tag "$TANDEM_BUSYBOX" "$project/kept:1"
  engine mainpc tag tandem/mark:1 "$TANDEM_BUSYBOX"
  end a
  engine mainpc tag "$project/kept:1" "$TANDEM_BUSYBOX"
  engine mainpc rmi "$project/kept:1" "$project/elsewhere:1"
  [ "$status" -eq 0 ]
  [ "$(engine mainpc inspect -f '{{.Image}}' "$project-db")" = "$id" ]
}

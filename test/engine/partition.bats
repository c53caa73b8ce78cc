#!/usr/bin/env bats
# What the user sees when the link to a machine goes in the middle of a move: the waiting, the truth about what is left,
# exit 4, and a recovery after the link is back. With the real binary on two real engines.

setup() {
  export TANDEM=${TANDEM:-$BATS_TEST_DIRNAME/../../build/tandem}
  testbed=$BATS_TEST_DIRNAME/../../scripts/testbed
  eval "$("$testbed" env)"
  "$testbed" heal pc2
  dir=$(mktemp -d)
  cd "$dir"
  cat >tandem.yaml <<Y
name: partition$$
services:
  tts:
    image: $TANDEM_BUSYBOX
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    stop_grace_period: 1s
x-tandem:
  machines:
    mainpc: {endpoint: "$TANDEM_MAINPC_ENDPOINT", address: $TANDEM_MAINPC_ADDRESS}
    pc2:
      endpoint: "$TANDEM_PC2_ENDPOINT"
      address: $TANDEM_PC2_ADDRESS
      tls: {ca: "$TANDEM_PC2_CA", cert: "$TANDEM_PC2_CERT", key: "$TANDEM_PC2_KEY"}
  services:
    tts: {machine: mainpc}
  update: {monitor: 4s, order: stop-first, reconnect: 2s}
Y
}

teardown() {
  "$testbed" heal pc2
  "$TANDEM" --state "$dir/state" down -y
  cd /
  rm -rf "$dir"
}

# The state of a container on a machine, by the machine's own socket.
state() { docker -H "unix://$TANDEM_TESTBED/$1/docker.sock" inspect -f '{{.State.Status}}' "$2" 2>/dev/null; }

# Waits until the running tandem has logged a line with both words.
in_log() {
  until grep -q "\"$1\".*$2" "$dir/log" 2>/dev/null; do
    kill -0 "$tandem"
    sleep 0.05
  done
}

@test "a link cut in the middle of a move: exit 4, nothing twice, and recover finishes" {
  "$TANDEM" --state "$dir/state" apply -y
  "$TANDEM" --state "$dir/state" --log-file "$dir/log" --log-level debug relocate tts --to pc2 -y >out 2>&1 &
  tandem=$!
  in_log step.done "start partition$$-tts-1 on pc2"
  "$testbed" cut pc2
  status=0
  wait "$tandem" || status=$?
  cat out
  [ "$status" -eq 4 ]
  grep -q 'pc2 does not answer; waiting up to 2 s for it' out
  grep -Eq 'pc2 has not answered for [0-9]+ s' out
  grep -q 'could not be put back whole' out
  grep -q "stop partition$$-tts-1 on mainpc: not started again: tts may still run on pc2, which is unreachable" out
  grep -q 'tandem recover' out
  [ "$(state pc2 "partition$$-tts-1")" = running ]
  [ "$(state mainpc "partition$$-tts-1")" = exited ]

  run "$TANDEM" --state "$dir/state" recover
  [ "$status" -eq 7 ]
  [[ $output == *"machine pc2"* ]]
  [ "$(state mainpc "partition$$-tts-1")" = exited ]

  "$testbed" heal pc2
  run "$TANDEM" --state "$dir/state" recover
  [ "$status" -eq 0 ]
  [ "$(state mainpc "partition$$-tts-1")" = running ]
  [ -z "$(state pc2 "partition$$-tts-1")" ]
  run "$TANDEM" --state "$dir/state" apply -y
  [ "$status" -eq 0 ]
  [[ $output == *"nothing to do"* ]]
}

@test "a link that comes back in time is waited for" {
  "$TANDEM" --state "$dir/state" apply -y
  sed -i 's/reconnect: 2s/reconnect: 1m/' tandem.yaml
  "$TANDEM" --state "$dir/state" --log-file "$dir/log" --log-level debug relocate tts --to pc2 -y >out 2>&1 &
  tandem=$!
  in_log step.start "start partition$$-tts-1"
  "$testbed" cut pc2
  in_log machine.lost pc2
  "$testbed" heal pc2
  wait "$tandem"
  grep -q 'pc2 answers again after' out
  [ "$(state pc2 "partition$$-tts-1")" = running ]
}

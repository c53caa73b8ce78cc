#!/usr/bin/env bats
# A service moves from pc2 to mainpc, and callers on both machines reach it by its name, before and after: tried from
# inside the callers' containers on two real engines. (In the AI system's facts nothing on pc2 calls TTS.)

setup() {
  export TANDEM=${TANDEM:-$BATS_TEST_DIRNAME/../../build/tandem}
  eval "$("$BATS_TEST_DIRNAME/../../scripts/testbed" env)"
  dir=$(mktemp -d)
  cd "$dir"
  cat >tandem.yaml <<Y
name: relocate$$
x-caller: &caller
  image: $TANDEM_BUSYBOX
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
  depends_on: [tts]
  stop_grace_period: 1s
services:
  tts:
    image: $TANDEM_BUSYBOX
    command: ["nc", "-ll", "-p", "18301", "-e", "echo", "spoken"]
    ports: ["18301:18301"]
    stop_grace_period: 1s
  here: *caller
  there: *caller
x-tandem:
  machines:
    mainpc: {endpoint: "$TANDEM_MAINPC_ENDPOINT", address: $TANDEM_MAINPC_ADDRESS}
    pc2:
      endpoint: "$TANDEM_PC2_ENDPOINT"
      address: $TANDEM_PC2_ADDRESS
      tls: {ca: "$TANDEM_PC2_CA", cert: "$TANDEM_PC2_CERT", key: "$TANDEM_PC2_KEY"}
  services:
    "*": {machine: pc2}
    here: {machine: mainpc}
  update: {monitor: 1s}
Y
}

teardown() {
  "$TANDEM" --state "$dir/state" down -y
  cd /
  rm -rf "$dir"
}

# Does the caller on that machine hear the service by name?
hears() {
  run docker -H "unix://$TANDEM_TESTBED/$1/docker.sock" exec "relocate$$-$2-1" sh -c 'nc tts 18301 </dev/null'
  [ "$output" = spoken ]
}

@test "callers on both machines reach a moved service by its name" {
  "$TANDEM" --state "$dir/state" --log-file "$dir/log" apply -y
  hears mainpc here
  hears pc2 there
  "$TANDEM" --state "$dir/state" --log-file "$dir/log" relocate tts --to mainpc -y
  hears mainpc here
  hears pc2 there
  "$TANDEM" --state "$dir/state" --log-file "$dir/log" rollback -y
  hears mainpc here
  hears pc2 there
}

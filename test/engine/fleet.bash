# A fleet of three services over the testbed's two engines, for the tests of plans, drift and going back: web and its
# network on mainpc, worker on pc2, both built here, and cache, an image as it is. LEVEL, SECRET and WEB are environment
# of the manifest. TANDEM: the binary.

fleet_setup() {
  export TANDEM=${TANDEM:-$BATS_TEST_DIRNAME/../../build/tandem}
  eval "$("$BATS_TEST_DIRNAME/../../scripts/testbed" env)"
  dir=$(mktemp -d)
  cd "$dir" || return 1
  p=$1$$
  export LEVEL=a SECRET=hunter2-$$ WEB=1
  mkdir web
  cat >web/Dockerfile <<D
FROM $TANDEM_BUSYBOX
ARG WEB
RUN echo "$p \$WEB" >/web
D
  cat >tandem.yaml <<Y
name: $p
x-run: &run
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
  stop_grace_period: 1s
services:
  web:
    <<: *run
    build: {context: web, args: {WEB: "\$WEB"}, labels: {test.fleet: "$p"}}
    environment: {LEVEL: "\$LEVEL", API_TOKEN: "\$SECRET"}
    mem_limit: 64m
    networks: [default, side]
    secrets: [key]
    ports: ["18311:80"]
  worker:
    <<: *run
    build: {context: web, args: {WEB: "\$WEB"}, labels: {test.fleet: "$p"}}
  cache:
    <<: *run
    image: $p-cache
networks: {side: {}}
secrets: {key: {environment: SECRET}}
x-tandem:
  machines:
    mainpc: {endpoint: "$TANDEM_MAINPC_ENDPOINT", address: $TANDEM_MAINPC_ADDRESS}
    pc2:
      endpoint: "$TANDEM_PC2_ENDPOINT"
      address: $TANDEM_PC2_ADDRESS
      tls: {ca: "$TANDEM_PC2_CA", cert: "$TANDEM_PC2_CERT", key: "$TANDEM_PC2_KEY"}
  services:
    "*": {machine: mainpc}
    worker: {machine: pc2}
  update: {monitor: 1s, retain: 3}
Y
  on mainpc tag "$TANDEM_BUSYBOX" "$p-cache"
}

# As setup_file: one testbed, nothing of an earlier run's is needed.
fleet_teardown() {
  [ -n "${dir:-}" ] || return 0
  local m
  t down -y >/dev/null 2>&1 || true
  for m in mainpc pc2; do
    on "$m" network rm "$p-hand" >/dev/null 2>&1 || true
    on "$m" images --format '{{.Repository}}:{{.Tag}}' | { grep -E "^(tandem/)?$p[-:]" || true; } |
      while read -r ref; do on "$m" rmi -f "$ref" >/dev/null; done
  done
  cd /
  rm -rf "$dir"
}

# on MACHINE ARGUMENT…: docker there, an operator's hand
on() {
  local machine=$1
  shift
  docker -H "unix://$TANDEM_TESTBED/$machine/docker.sock" "$@"
}

t() { "$TANDEM" --state "$dir/state" --log-file "$dir/log" --log-format json "$@" 2>>"$dir/stderr"; }

# engine MACHINE METHOD PATH: a call of the Engine API
engine() { curl -sS --fail -g --unix-socket "$TANDEM_TESTBED/$1/docker.sock" -X "$2" "http://engine$3"; }

id_of() { on "$1" inspect --format '{{.Id}}' "$2"; }

# says TEXT: the last run's output has it
says() { [[ $output == *"$1"* ]] || { printf 'not said: %s\n%s\n' "$1" "$output" >&2; return 1; }; }

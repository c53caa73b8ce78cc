#!/usr/bin/env bats
# A project that `docker compose up` runs is adopted: tandem apply re-creates no container of it. Ten projects of
# different shapes on a real engine; skipped where docker compose 2.40.3 is not set up (see test/compose/README.md).

setup_file() {
  export ORACLE=${ORACLE:-$BATS_TEST_DIRNAME/../../../shared/peers/compose-oracle}
  export TANDEM=${TANDEM:-$BATS_TEST_DIRNAME/../../build/tandem}
  eval "$("$BATS_TEST_DIRNAME/../../scripts/testbed" env)"
  export DOCKER_HOST=$TANDEM_MAINPC_ENDPOINT
}

setup() {
  [ -x "$ORACLE" ] && [ -d "${PEERS:-/var/tmp/tandem-peers}/forky/usr/libexec/docker" ] || skip "no docker compose here"
  dir=$(mktemp -d)
  cd "$dir"
  project=adopt$BATS_TEST_NUMBER
}

teardown() {
  [ -n "${dir:-}" ] || return 0
  "$TANDEM" --state "$dir/state" -p "$project" down -y --volumes >/dev/null 2>&1 || "$ORACLE" -p "$project" down -v -t 1
  cd /
  rm -rf "$dir"
}

containers() {
  curl -sS --unix-socket "${DOCKER_HOST#unix://}" --get http://engine/containers/json --data all=1 \
    --data-urlencode "filters={\"label\":[\"com.docker.compose.project=$project\"]}" |
    jq -r '.[] | "\(.Names[0]) \(.Id) \(.State)"' | sort
}

# adopts SERVICES: compose.yaml is brought up by docker compose, then applied by tandem.
adopts() {
  "$ORACLE" -p "$project" up -d >up.log 2>&1 || { cat up.log; return 1; }
  local before after
  before=$(containers)
  [ "$(wc -l <<<"$before")" -eq "$1" ]
  "$TANDEM" --state "$dir/state" -p "$project" --log-file "$dir/log" apply -y
  after=$(containers)
  diff <(echo "$before") <(echo "$after")
  "$TANDEM" --state "$dir/state" -p "$project" plan --detailed-exitcode
}

run='["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 0.2; done"]'
base() { printf 'services:\n  a:\n    image: %s\n    command: %s\n    stop_grace_period: 1s\n' "$TANDEM_BUSYBOX" "$run"; }

@test "one service" {
  base >compose.yaml
  adopts 1
}

@test "environment, labels, user, working_dir, hostname" {
  { base; cat <<'Y'
    environment: {A: "1", B: two, EMPTY: "", NUM: 3}
    labels: {some.label: "x y", other: "1"}
    user: "1000:1000"
    working_dir: /tmp
    hostname: host-a
Y
  } >compose.yaml
  adopts 1
}

@test "published ports" {
  { base; printf '    ports: ["18201:80", "127.0.0.1:18202:81/udp", "82"]\n    expose: ["9000"]\n'; } >compose.yaml
  adopts 1
}

@test "named volumes, binds and tmpfs" {
  mkdir data
  { base; cat <<'Y'
    volumes: ["named:/named", "./data:/data:ro", {type: tmpfs, target: /t, tmpfs: {size: 1m}}]
    tmpfs: ["/run/x"]
volumes: {named: {labels: {k: v}}}
Y
  } >compose.yaml
  adopts 1
}

@test "two networks, aliases and a static address" {
  { base; cat <<'Y'
    networks: {default: null, back: {aliases: [alpha], ipv4_address: 10.231.77.5}}
networks: {back: {ipam: {config: [{subnet: 10.231.77.0/24}]}}}
Y
  } >compose.yaml
  adopts 1
}

@test "dependencies and healthchecks" {
  { base; cat <<Y
    healthcheck: {test: ["CMD", "true"], interval: 500ms, timeout: 2s, retries: 3, start_period: 1s}
  b:
    image: $TANDEM_BUSYBOX
    command: $run
    stop_grace_period: 1s
    depends_on: {a: {condition: service_healthy, restart: true}}
Y
  } >compose.yaml
  adopts 2
}

@test "limits, restart policy, ulimits, capabilities" {
  { base; cat <<'Y'
    restart: on-failure:3
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 50
    ulimits: {nofile: {soft: 100, hard: 200}, nproc: 64}
    cap_add: [NET_ADMIN]
    cap_drop: [MKNOD]
    sysctls: {net.ipv4.ip_forward: 1}
Y
  } >compose.yaml
  adopts 1
}

@test "deploy section, init, shm_size, extra_hosts, dns, logging" {
  { base; cat <<'Y'
    deploy: {resources: {limits: {memory: 96M, cpus: "0.25", pids: 40}, reservations: {memory: 32M}}}
    init: true
    shm_size: 16m
    extra_hosts: ["one:10.0.0.1", "two:10.0.0.2"]
    dns: [10.0.0.53]
    logging: {driver: json-file, options: {max-size: "1m"}}
Y
  } >compose.yaml
  adopts 1
}

@test "secrets and configs from files, env_file, variables" {
  echo s3 >secret.txt
  echo conf >conf.txt
  echo 'FROM_FILE=yes' >vars.env
  echo 'TAG=from-dot-env' >.env
  { base; cat <<'Y'
    env_file: [vars.env]
    environment: {TAG: "${TAG}", OTHER: "${NOT_SET:-default}"}
    secrets: [s]
    configs: [{source: c, target: /etc/c}]
secrets: {s: {file: secret.txt}}
configs: {c: {file: conf.txt}}
Y
  } >compose.yaml
  adopts 1
}

@test "anchors, extends and a second file" {
  { base; cat <<'Y'
  b:
    extends: {service: a}
    environment: {ONLY: b}
    profiles: []
x-common: &common {restart: unless-stopped}
Y
  } >compose.yaml
  printf 'services:\n  a:\n    environment: {OVER: ridden}\n    read_only: true\n' >compose.override.yaml
  adopts 2
}

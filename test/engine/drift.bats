#!/usr/bin/env bats
# What an operator does to a fleet by hand: plan and status show it field by field, apply brings it back, and the
# container stays the same wherever that can be done live.

load fleet

setup() {
  fleet_setup drift
  t apply -y
  web=$(id_of mainpc "$p-web-1")
  worker=$(id_of pc2 "$p-worker-1")
}
teardown() { fleet_teardown; }

# shows MACHINE SERVICE FIELD WANTED FOUND: in plan and in status, as text and as JSON
shows() {
  local have
  have=$(t plan --format json | jq -c --arg s "$2" --arg f "$3" \
    '.services[] | select(.service == $s).changes[] | select(.field == $f) | [.from, .to]')
  [ "$have" = "[\"$5\",\"$4\"]" ] || { t plan; echo "plan: $have" >&2; return 1; }
  have=$(t status --format json | jq -r --arg s "$2" '.[] | select(.service == $s).drift')
  [[ $have == *"$3 $4 → $5"* ]] || { echo "status: $have" >&2; return 1; }
}

# mended: apply brings it back, and then there is no drift
mended() {
  t apply -y
  t plan --detailed-exitcode
  [ "$(t status --format json | jq -c 'map(select(.drift))')" = '[]' ]
}

@test "stopped" {
  on pc2 stop -t 1 "$worker"
  shows pc2 worker state running exited
  mended
  [ "$(id_of pc2 "$p-worker-1")" = "$worker" ]
}

@test "paused: goes on without a restart" {
  started=$(on pc2 inspect --format '{{.State.StartedAt}}' "$worker")
  on pc2 pause "$worker"
  shows pc2 worker state running paused
  mended
  [ "$(on pc2 inspect --format '{{.State.Status}} {{.State.StartedAt}}' "$worker")" = "running $started" ]
}

@test "removed: status says missing" {
  on pc2 rm -f "$worker"
  [ "$(t status --format json | jq -r '.[] | select(.service == "worker").state')" = missing ]
  shows pc2 worker state running missing
  mended
  [ "$(on pc2 inspect --format '{{.State.Running}}' "$p-worker-1")" = true ]
}

@test "renamed" {
  on pc2 rename "$worker" "$p-mine"
  shows pc2 worker name "$p-worker-1" "$p-mine"
  mended
  [ "$(id_of pc2 "$p-worker-1")" = "$worker" ]
}

@test "docker update: memory, restart policy" {
  on mainpc update --memory 128m --memory-swap 256m --restart always "$web"
  shows mainpc web memory "64 MiB" "128 MiB"
  shows mainpc web restart no always
  mended
  [ "$(on mainpc inspect --format '{{.Id}} {{.HostConfig.Memory}}' "$p-web-1")" = "$web 67108864" ]
}

@test "an image's tag moved to another image, with and without a build: that one is never deployed" {
  local old cache
  old=$(on mainpc image inspect --format '{{.Id}}' "$p-web")
  cache=$(id_of mainpc "$p-cache-1")
  on mainpc tag "$TANDEM_BUSYBOX" "$p-web"
  on mainpc tag "$old" "$p-cache"
  local busybox
  busybox=$(on mainpc image inspect --format '{{.Id}}' "$TANDEM_BUSYBOX")
  shows mainpc web "image tag $p-web:latest" "${old:7:12}" "${busybox:7:12}"
  shows mainpc cache "image tag $p-cache:latest" "${busybox:7:12}" "${old:7:12}"
  mended
  [ "$(on mainpc image inspect --format '{{.Id}}' "$p-web")" = "$old" ]
  [ "$(on mainpc image inspect --format '{{.Id}}' "$p-cache")" = "$busybox" ]
  [ "$(id_of mainpc "$p-web-1") $(id_of mainpc "$p-cache-1")" = "$web $cache" ]
}

@test "a moved tag and a change of the files at once: the new container has the old image" {
  local old
  old=$(on mainpc image inspect --format '{{.Id}}' "$p-web")
  on mainpc tag "$TANDEM_BUSYBOX" "$p-web"
  export LEVEL=b
  mended
  [ "$(on mainpc inspect --format '{{.Image}}' "$p-web-1")" = "$old" ]
}

@test "an image's tag removed: it is tagged again, not built" {
  local old
  old=$(on mainpc image inspect --format '{{.Id}}' "$p-web")
  on mainpc rmi "$p-web"
  [ "$(t plan --format json | jq -c '[.images[] | [.ref, .how]]')" = "[[\"$p-web:latest\",\"tag\"]]" ]
  mended
  [ "$(on mainpc image inspect --format '{{.Id}}' "$p-web")" = "$old" ]
}

@test "networks: disconnected from a wanted one, connected to another, and without its name" {
  on mainpc network create "$p-hand"
  on mainpc network disconnect "${p}_side" "$web"
  on mainpc network connect "$p-hand" "$web"
  shows mainpc web "network ${p}_side" connected "not connected"
  shows mainpc web "network $p-hand" "not connected" connected
  mended
  on mainpc network disconnect "${p}_default" "$web"
  on mainpc network connect "${p}_default" "$web"
  run t plan
  says "network ${p}_default name none → $p-web-1"
  mended
  [ "$(id_of mainpc "$p-web-1")" = "$web" ]
  on mainpc exec "$p-cache-1" ping -c 1 -W 2 web
  [ "$(on mainpc inspect --format '{{range .NetworkSettings.Ports}}{{range .}}{{.HostPort}}{{end}}{{end}}' "$web")" = 18311 ]
}

@test "a stopped container whose network was removed is re-created" {
  on mainpc stop -t 1 "$web"
  on mainpc network rm "${p}_side"
  shows mainpc web "network ${p}_side" connected "removed meanwhile"
  mended
  [ "$(on mainpc inspect --format '{{.State.Running}}' "$p-web-1")" = true ]
}

@test "all at once" {
  on pc2 pause "$worker"
  on pc2 rename "$worker" "$p-mine"
  on mainpc network disconnect "${p}_side" "$web"
  on mainpc update --memory 96m --memory-swap 192m "$web"
  on mainpc stop -t 1 "$web"
  on mainpc rm -f "$p-cache-1"
  mended
  [ "$(id_of mainpc "$p-web-1") $(id_of pc2 "$p-worker-1")" = "$web $worker" ]
}

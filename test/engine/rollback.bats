#!/usr/bin/env bats
# Going back to kept revisions, offline: from parked containers, from pinned images, and what is said when an operator's
# prune has taken either.

load fleet

setup() {
  fleet_setup back
  t apply -y
}
teardown() { fleet_teardown; }

web_image() { on mainpc inspect --format '{{.Image}}' "$p-web-1"; }

# way REVISION FILTER: of history's JSON
way() { t history --format json | jq -r --argjson n "$1" '.[] | select(.revision == $n).rollback | '"$2"; }

# next WEB: another image, another revision
next() {
  export WEB=$1
  t apply -y
}

# prune MACHINE: what `docker container prune` and then `docker image prune -a` do, on this fleet's only
prune_containers() { engine "$1" POST '/containers/prune?filters={"label":["com.docker.compose.project='"$p"'"]}'; }
prune_images() { engine "$1" POST '/images/prune?filters={"dangling":["false"],"label":["test.fleet='"$p"'"]}'; }

@test "the last revision from parked containers, the one before re-created from its pinned image" {
  local first second web
  first=$(web_image)
  web=$(id_of mainpc "$p-web-1")
  next 2
  second=$(web_image)
  [ "$(way 1 '[.possible, .offline, .recreates]' | tr -d ' \n')" = '[true,true,false]' ]
  next 3
  [ "$(way 2 .recreates) $(way 1 .recreates)" = "false true" ]
  [ "$(way 1 '.estimate_ms > 0')" = true ]
  [ "$(way 3 .)" = null ]
  run t history
  says "parked, about "
  says "re-create, about "
  mv web moved # no build is possible
  run t rollback 1 -y
  mv moved web
  [ "$status" -eq 0 ]
  [ "$(web_image)" = "$first" ]
  [ "$(id_of mainpc "$p-web-1")" != "$web" ]
  [ "$first" != "$second" ]
}

@test "a time is said once every kind of step was measured, and is near the truth" {
  next 2
  export LEVEL=b
  run t plan
  says "Going back to 2: offline, no build, about "
  local guess took
  guess=$(t plan --format json | jq .rollback.estimate_ms)
  t apply -y
  t rollback -y
  took=$(t history --format json | jq '.[0].duration_ms')
  [ "$guess" -gt $((took / 4)) ]
  [ "$guess" -lt $((took * 4)) ]
}

@test "images of revisions beyond retain go" {
  local first second
  first=$(web_image)
  next 2
  second=$(web_image)
  next 3
  next 4
  next 5
  next 6
  run on mainpc image inspect "$first"
  [ "$status" -ne 0 ]
  run on mainpc image inspect "$second"
  [ "$status" -ne 0 ]
  [ "$(way 4 .possible) $(way 1 .)" = "true null" ]
}

@test "docker container prune: said by plan, apply, status and history, and going back re-creates" {
  local first
  first=$(web_image)
  next 2
  prune_containers mainpc
  local said="parked container $p-web-1.r1 (revision 1) is gone from mainpc"
  for command in plan 'apply -y' status history; do
    # shellcheck disable=SC2086  # words on purpose
    run t $command
    says "$said"
  done
  [ "$(way 1 '[.possible, .recreates]' | tr -d ' \n')" = '[true,true]' ]
  t rollback -y
  [ "$(web_image)" = "$first" ]
}

@test "docker image prune -a takes held images that no container uses: said, and refused before anything changes" {
  next 2
  prune_images mainpc # the parked container still uses revision 1's
  [ "$(way 1 .possible)" = true ]
  prune_containers mainpc
  prune_images mainpc
  for command in plan status history; do
    run t "$command"
    says "image $p-web:latest of revision 1 is gone from mainpc: going back to 1 needs a build"
  done
  [ "$(way 1 '.needs[0]')" = "image $p-web:latest (gone from mainpc): a build" ]
  local before
  before=$(id_of mainpc "$p-web-1")
  run t rollback -y
  [ "$status" -eq 1 ]
  [ "$(id_of mainpc "$p-web-1")" = "$before" ]
}

@test "the tag that holds an image removed by hand: the image may be left, or go with it" {
  local first
  first=$(web_image)
  next 2
  on mainpc tag "$first" "$p-mine"
  on mainpc rmi "tandem/$p:${first:7:32}"
  run t status
  says "image $p-web:latest of revision 1 is no longer held on mainpc"
  [ "$(way 1 .possible)" = true ]
  on mainpc rmi -f "$p-mine"
  run t status
  says "image $p-web:latest of revision 1 is gone from mainpc"
}

@test "history without the engines" {
  next 2
  sed "s|\"$TANDEM_MAINPC_ENDPOINT\"|\"unix:///nowhere/docker.sock\"|" tandem.yaml >away.yaml
  run t -f away.yaml history
  [ "$status" -eq 0 ]
  says unknown
  [ "$(t -f away.yaml history --format json | jq -c '.[1].rollback | [.known, .possible]')" = '[false,null]' ]
}

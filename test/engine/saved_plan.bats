#!/usr/bin/env bats
# A saved plan: carried out as it is, refused when files, engines or the plan itself have changed, with words for what.

load fleet

setup() { fleet_setup saved; }
teardown() { fleet_teardown; }

# refuses TEXT: apply of the saved plan changes nothing and says why
refuses() {
  local before after
  before=$(t status --format json | jq -S 'map({service, container, state})')
  run "$TANDEM" --state "$dir/state" --log-file "$dir/log" apply next.json -y
  [ "$status" -eq 1 ]
  says "$1"
  after=$(t status --format json | jq -S 'map({service, container, state})')
  [ "$before" = "$after" ]
}

@test "a saved plan is carried out, and then is an old one" {
  t plan -o next.json
  t apply next.json -y
  [ "$(on mainpc inspect --format '{{.State.Running}}' "$p-web-1")" = true ]
  refuses "the revision that holds was 0, is 1"
}

@test "a change on an engine refuses it, also one that the plan does not touch" {
  t apply -y
  export LEVEL=b
  t plan -o next.json
  on pc2 stop -t 1 "$p-worker-1"
  refuses "pc2: container $p-worker-1 was running, is exited; make a new plan"
  on pc2 start "$p-worker-1"
  on pc2 update --memory 32m --memory-swap 64m "$p-worker-1"
  refuses "pc2: container $p-worker-1: memory was not set, is 32 MiB"
  on pc2 rename "$p-worker-1" "$p-other"
  refuses "pc2: container $p-worker-1 was renamed to $p-other"
  on pc2 rename "$p-other" "$p-worker-1"
  on mainpc network disconnect "${p}_side" "$p-web-1"
  refuses "mainpc: container $p-web-1: networks was ${p}_default, ${p}_side, is ${p}_default"
}

@test "a network, a volume and an image tag count too" {
  t apply -y
  export LEVEL=b
  t plan -o next.json
  on mainpc tag "$p-web" "$p-cache"
  refuses "mainpc: image $p-cache:latest: id was "
  on mainpc tag "$TANDEM_BUSYBOX" "$p-cache"
  on pc2 network create --label "com.docker.compose.project=$p" "$p-hand"
  refuses "pc2: network $p-hand is new"
  on pc2 network rm "$p-hand"
  t apply next.json -y
}

@test "a change of the files refuses it, field by field" {
  t apply -y
  t plan -o next.json
  export LEVEL=b
  refuses "the files: service web (environment.LEVEL); make a new plan"
  export LEVEL=a SECRET=other
  refuses "the files: service web (secrets or configs); make a new plan"
  export SECRET=hunter2-$$
  sed -i 's/mem_limit: 64m/mem_limit: 96m/; s/retain: 3/retain: 2/' tandem.yaml
  refuses "the files: settings (retain); the files: service web (memory); make a new plan"
}

@test "a plan file that was edited is refused" {
  t plan -o next.json
  jq '(.steps[] | select(.kind == "container.create").args.name) = "other"' next.json >edited
  mv edited next.json
  run "$TANDEM" --state "$dir/state" --log-file "$dir/log" apply next.json -y
  [ "$status" -eq 1 ]
  says "the saved plan was changed after it was saved"
  run on mainpc inspect "$p-web-1"
  [ "$status" -ne 0 ]
}

@test "no secret is in a saved plan, and nobody else may read it" {
  t apply -y
  export SECRET=hunter3-$$
  t plan -o next.json
  [ "$(stat -c %a next.json)" = 600 ]
  run grep -E 'hunter[23]' next.json
  [ "$status" -eq 1 ]
  grep -q '(sensitive)' next.json
}

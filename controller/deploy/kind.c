#include "controller/deploy/kind.h"

#include <stdio.h>

/* Nothing to look for or to take back: gates, and what its container's removal takes along. */
static void nothing_undo(struct op *op) {
  op->settled = true;
  op_done(op, NULL);
}

/* May be repeated without harm, so "not applied" is a safe answer. */
static void repeat_probe(struct op *op) {
  op->answer = PROBE_NOT_APPLIED;
  op_done(op, NULL);
}

/* After the commit nothing is taken back. */
static void never_undo(struct op *op) {
  op_fail(op, ERR_INTERNAL, "%s cannot be undone", step_kind_name(op->step->kind));
}

static const struct kind kinds[STEP_KIND_COUNT] = {
    /*                       verb        slot   cancel watches run probe undo */
    [STEP_RECORD_CREATE] = {"make", true, false, false, record_create_run, record_create_probe, record_create_undo},
    [STEP_NETWORK_CREATE] = {"make network", true, false, false, network_create_run, network_create_probe,
                             network_create_undo},
    [STEP_VOLUME_CREATE] = {"make volume", true, false, false, volume_create_run, volume_create_probe,
                            volume_create_undo},
    [STEP_IMAGE_BUILD] = {"build", true, true, false, build_run, build_probe, image_undo},
    [STEP_IMAGE_PULL] = {"pull", true, true, false, pull_run, build_probe, image_undo},
    [STEP_IMAGE_COPY] = {"copy", true, true, false, copy_run, tag_probe, image_undo},
    [STEP_IMAGE_TAG] = {"tag", true, false, false, tag_run, tag_probe, image_undo},
    [STEP_IMAGE_HOLD] = {"hold", true, false, false, hold_run, hold_probe, hold_undo},
    [STEP_CONTAINER_CREATE] = {"create", true, false, false, create_run, create_probe, create_undo},
    [STEP_CONTAINER_FILES] = {"put files into", true, false, false, files_run, repeat_probe, nothing_undo},
    [STEP_NETWORK_CONNECT] = {"connect to", true, false, false, connect_run, connect_probe, connect_undo},
    [STEP_NETWORK_DISCONNECT] = {"disconnect from", true, false, false, disconnect_run, disconnect_probe,
                                 disconnect_undo},
    [STEP_CONTAINER_POLICY] = {"set restart policy of", true, false, false, policy_run, policy_probe, policy_undo},
    [STEP_CONTAINER_STOP] = {"stop", true, false, false, stop_run, stop_probe, stop_undo},
    [STEP_CONTAINER_RENAME] = {"rename", true, false, false, rename_run, rename_probe, rename_undo},
    [STEP_CONTAINER_START] = {"start", true, false, true, start_run, start_probe, start_undo},
    [STEP_CONTAINER_UNPAUSE] = {"unpause", true, false, true, unpause_run, unpause_probe, unpause_undo},
    [STEP_CONTAINER_UPDATE] = {"update", true, false, true, update_run, update_probe, update_undo},
    [STEP_GATE_READY] = {"wait for", false, true, true, ready_run, repeat_probe, nothing_undo},
    [STEP_GATE_HOLD] = {"watch", false, true, true, hold_gate_run, repeat_probe, nothing_undo},
    [STEP_CONTAINER_REMOVE] = {"remove", true, false, false, remove_run, remove_probe, never_undo},
    [STEP_NETWORK_REMOVE] = {"remove network", true, false, false, network_remove_run, repeat_probe, never_undo},
    [STEP_VOLUME_REMOVE] = {"remove volume", true, false, false, volume_remove_run, repeat_probe, never_undo},
    [STEP_IMAGE_RELEASE] = {"release", true, false, false, release_run, repeat_probe, never_undo},
    [STEP_RECORD_COMMIT] = {"mark as committed", true, false, false, record_commit_run, repeat_probe, never_undo},
    [STEP_RECORD_REMOVE] = {"remove", true, false, false, record_remove_run, repeat_probe, never_undo},
};

const struct kind *kind_of(enum step_kind kind) {
  return &kinds[kind];
}

bool kind_has_undo(enum step_kind kind) {
  return kinds[kind].undo != nothing_undo;
}

void kind_describe(const struct step *step, char *out, size_t size) {
  snprintf(out, size, "%s %s on %s", kinds[step->kind].verb, step->object ? step->object : "",
           step->machine ? step->machine : "?");
}

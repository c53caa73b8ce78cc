/* The table of step kinds: whatever changes an engine is one row here. Plans name rows, transactions walk them,
 * recovery looks with probe, going back calls undo; tests enumerate the table. */
#ifndef TANDEM_DEPLOY_KIND_H
#define TANDEM_DEPLOY_KIND_H

#include <stdbool.h>

#include "controller/deploy/work.h"

struct kind {
  const char *verb;  /* "create", for people: VERB OBJECT on MACHINE */
  bool takes_slot;   /* counts against parallelism; gates only wait and do not */
  bool cancellable;  /* may be cut short when the transaction fails elsewhere: leaves nothing that undo cannot find */
  bool watches;      /* failing, it says something about its container: state and last output are fetched */
  void (*run)(struct op *op);
  void (*probe)(struct op *op); /* fills op->answer (and result); errors only when the engine cannot be asked */
  /* Looks first, so that it may be called for a step whose result is unknown, and more than once. Sets op->settled
   * when it found run's effect, or run cannot have one any more: else it is called again when a late effect of a call
   * without a reply is no longer possible. */
  void (*undo)(struct op *op);
};

const struct kind *kind_of(enum step_kind kind);
/* Undoing it does something to the engine. */
bool kind_has_undo(enum step_kind kind);
/* "create ai-system-responder-1 on mainpc" */
void kind_describe(const struct step *step, char *out, size_t size);

/* Rows' functions, by file. */
void create_run(struct op *op);
void create_probe(struct op *op);
void create_undo(struct op *op);
void files_run(struct op *op);
void connect_run(struct op *op);
void connect_probe(struct op *op);
void connect_undo(struct op *op);
void disconnect_run(struct op *op);
void disconnect_probe(struct op *op);
void disconnect_undo(struct op *op);
void policy_run(struct op *op);
void policy_probe(struct op *op);
void policy_undo(struct op *op);
void stop_run(struct op *op);
void stop_probe(struct op *op);
void stop_undo(struct op *op);
void rename_run(struct op *op);
void rename_probe(struct op *op);
void rename_undo(struct op *op);
void start_run(struct op *op);
void start_probe(struct op *op);
void start_undo(struct op *op);
void unpause_run(struct op *op);
void unpause_probe(struct op *op);
void unpause_undo(struct op *op);
void update_run(struct op *op);
void update_probe(struct op *op);
void update_undo(struct op *op);
void remove_run(struct op *op);
void remove_probe(struct op *op);
void build_run(struct op *op);
void build_probe(struct op *op);
void pull_run(struct op *op);
void copy_run(struct op *op);
void tag_run(struct op *op);
void tag_probe(struct op *op);
void image_undo(struct op *op); /* gives the tag back to its previous image */
void hold_run(struct op *op);
void hold_probe(struct op *op);
void hold_undo(struct op *op);
void release_run(struct op *op);
void network_create_run(struct op *op);
void network_create_probe(struct op *op);
void network_create_undo(struct op *op);
void network_remove_run(struct op *op);
void volume_create_run(struct op *op);
void volume_create_probe(struct op *op);
void volume_create_undo(struct op *op);
void volume_remove_run(struct op *op);
void ready_run(struct op *op);
void hold_gate_run(struct op *op);
void record_create_run(struct op *op);
void record_create_probe(struct op *op);
void record_create_undo(struct op *op);
void record_commit_run(struct op *op);
void record_remove_run(struct op *op);

#endif

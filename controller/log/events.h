/* The one table of log events: X(identifier, dotted name, level, meaning). README's table is made from it. */
#ifndef TANDEM_LOG_EVENTS_H
#define TANDEM_LOG_EVENTS_H

#define LOG_EVENTS(X) \
  X(ENGINE_CONNECTED, "engine.connected", LOG_DEBUG, "an engine answered and a version is agreed") \
  X(ENGINE_FAILED, "engine.failed", LOG_ERROR, "an engine cannot be reached or used") \
  X(ENGINE_LOST, "engine.lost", LOG_WARN, "an engine's event stream ended") \
  X(LOCK_TAKEN, "lock.taken", LOG_DEBUG, "the fleet is locked on every engine") \
  X(LOCK_WATCH, "lock.watch", LOG_INFO, "an engine is locked: watching whether the holder lives") \
  X(LOCK_TAKEN_OVER, "lock.taken_over", LOG_WARN, "the lock of a holder that has ended or is silent is taken over") \
  X(LOCK_GONE, "lock.gone", LOG_WARN, "somebody removed the lock; it is taken again") \
  X(LOCK_LOST, "lock.lost", LOG_ERROR, "another tandem holds the lock now: nothing more is sent") \
  X(LOCK_LEFT, "lock.left", LOG_WARN, "the lock could not be given back; the next tandem takes it over") \
  X(MACHINE_LOST, "machine.lost", LOG_WARN, "a machine does not answer; a transaction waits for it") \
  X(MACHINE_BACK, "machine.back", LOG_WARN, "a machine that was lost answers again") \
  X(MANIFEST_WARNING, "manifest.warning", LOG_WARN, "something in the files is ignored or doubtful") \
  X(OBSERVE_DONE, "observe.done", LOG_DEBUG, "all engines' containers, images, networks and volumes were read") \
  X(PLAN_READY, "plan.ready", LOG_INFO, "the plan is made") \
  X(TRANSACTION_BEGIN, "transaction.begin", LOG_INFO, "a transaction is journaled and starts") \
  X(TRANSACTION_PHASE, "transaction.phase", LOG_INFO, "prepare, switch, prove, cleanup: from, to") \
  X(TRANSACTION_COMMITTED, "transaction.committed", LOG_INFO, "the new revision holds") \
  X(TRANSACTION_FAILED, "transaction.failed", LOG_ERROR, "a step failed; what was done is being undone") \
  X(TRANSACTION_PUT_BACK, "transaction.put_back", LOG_WARN, "everything is as before") \
  X(TRANSACTION_STUCK, "transaction.stuck", LOG_ERROR, "something could not be put back; recover finishes it") \
  X(TRANSACTION_RECOVERED, "transaction.recovered", LOG_WARN, "a cut-off transaction was finished or undone") \
  X(STEP_START, "step.start", LOG_DEBUG, "a step's intent is durable and its call goes out") \
  X(STEP_PROGRESS, "step.progress", LOG_DEBUG, "a line of a build, a pull or a copy") \
  X(STEP_DONE, "step.done", LOG_INFO, "a step is done and journaled") \
  X(STEP_FAILED, "step.failed", LOG_ERROR, "a step failed") \
  X(STEP_RESOLVED, "step.resolved", LOG_WARN, "a lost reply was resolved by looking at the engine") \
  X(STEP_UNDO, "step.undo", LOG_INFO, "a step was undone") \
  X(STEP_UNDO_FAILED, "step.undo_failed", LOG_ERROR, "a step could not be undone") \
  X(SERVICE_STATE, "service.state", LOG_INFO, "a service went from one state to another: from, to") \
  X(SERVICE_OUTPUT, "service.output", LOG_ERROR, "last output lines of a container that failed") \
  X(CLEANUP_FAILED, "cleanup.failed", LOG_WARN, "something no longer needed could not be removed") \
  X(COMMAND_FAILED, "command.failed", LOG_ERROR, "the command ends with an error")

enum log_event {
#define LOG_EVENT_ENUM(id, name, level, meaning) LOG_##id,
  LOG_EVENTS(LOG_EVENT_ENUM)
#undef LOG_EVENT_ENUM
      LOG_EVENT_COUNT
};

#endif

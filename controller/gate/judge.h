/* Gates, pure: what an inspect document says of a container that was just started. */
#ifndef TANDEM_GATE_JUDGE_H
#define TANDEM_GATE_JUDGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gate_answer { GATE_WAIT, GATE_PASS, GATE_FAIL };

/* Ready: healthy where there is a healthcheck, else running; completes: has ended with code 0. restarts: RestartCount
 * when the watch began. On GATE_FAIL reason (size bytes) says why, in one line. */
enum gate_answer gate_judge_ready(const cJSON *inspect, bool completes, int64_t restarts, char *reason, size_t size);

/* Holds still: running, not restarted since, not unhealthy. GATE_WAIT while the engine has not probed it yet. */
enum gate_answer gate_judge_hold(const cJSON *inspect, int64_t restarts, char *reason, size_t size);

/* The healthcheck's command as an exec's argv: a JSON array of strings, owned by the caller; NULL when there is none. */
cJSON *gate_probe_command(const cJSON *inspect);

/* After how many ms without an answer a container counts as never ready: its healthcheck's start period plus all
 * retries with their timeouts, plus a margin. -1: no healthcheck, no deadline. */
int64_t gate_deadline_ms(const cJSON *inspect);

#endif

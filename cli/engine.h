/* SPDX-License-Identifier: MIT */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include <uv.h>

#include "cli/input.h"
#include "cli/job.h"

/*
 * Pulls inputs into jobs, as many at a time as the options allow, until all
 * have ended or the run is stopped.
 */
typedef struct cli_engine cli_engine;

/* Every input that was read has been reported, and what was written has left;
 * runs once. */
typedef void (*cli_engine_finished_cb)(void *user_data);

/* |shared| and |input| stay the caller's and must outlive the engine, which
 * sets the callbacks of both. */
cli_engine *cli_engine_new(uv_loop_t *loop, cli_shared *shared,
                           cli_input *input, cli_engine_finished_cb on_finished,
                           void *user_data);

/* Begins; on_finished may run inside. */
void cli_engine_start(cli_engine *engine);

/* SIGINT or SIGTERM: the first lets running jobs finish for a while, the second
 * ends them, the third ends the process. */
void cli_engine_signal(cli_engine *engine, int number);

/* An outlet of the run has written all it had, or failed. */
void cli_engine_drained(cli_engine *engine, const cli_outlet *outlet);

/* Frees it from the loop; NULL is allowed. */
void cli_engine_close(cli_engine *engine);

#endif

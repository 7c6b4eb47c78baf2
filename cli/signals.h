/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <uv.h>

/* SIGINT and SIGTERM as events of the loop; SIGPIPE and SIGXFSZ ignored. */
typedef struct cli_signals cli_signals;

typedef void (*cli_signal_cb)(int number, void *user_data);

/* NULL if the process has no descriptors left for it. */
cli_signals *cli_signals_new(uv_loop_t *loop, cli_signal_cb on_signal,
                             void *user_data);

/* Frees it from the loop; signals have their usual effect again.  NULL is
 * allowed. */
void cli_signals_close(cli_signals *signals);

#endif

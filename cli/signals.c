/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/signals.h"

#include <signal.h>
#include <stdlib.h>

#include "cli/memory.h"

#define SIGNAL_COUNT 2

struct cli_signals {
  uv_signal_t handles[SIGNAL_COUNT];
  int open; /* handles not closed yet */
  cli_signal_cb on_signal;
  void *user_data;
};

static void signals_on_signal(uv_signal_t *handle, int number)
{
  cli_signals *signals = handle->data;

  signals->on_signal(number, signals->user_data);
}

static void signals_on_closed(uv_handle_t *handle)
{
  cli_signals *signals = handle->data;

  if (--signals->open == 0) {
    free(signals);
  }
}

cli_signals *cli_signals_new(uv_loop_t *loop, cli_signal_cb on_signal,
                             void *user_data)
{
  static const int numbers[SIGNAL_COUNT] = {SIGINT, SIGTERM};
  cli_signals *signals = cli_calloc(1, sizeof(*signals));
  int rv = 0;

  /* A closed pipe, or a file at its size limit, is an error of write(), told as
   * such. */
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  signals->on_signal = on_signal;
  signals->user_data = user_data;
  for (int i = 0; rv == 0 && i < SIGNAL_COUNT; i++) {
    rv = uv_signal_init(loop, &signals->handles[i]);
    if (rv == 0) {
      signals->open++;
      signals->handles[i].data = signals;
      rv = uv_signal_start(&signals->handles[i], signals_on_signal, numbers[i]);
    }
  }
  if (rv != 0) {
    int open = signals->open;
    cli_signals_close(signals);
    if (open == 0) {
      free(signals);
    }
    return NULL;
  }
  return signals;
}

void cli_signals_close(cli_signals *signals)
{
  if (signals == NULL) {
    return;
  }
  for (int i = 0, count = signals->open; i < count; i++) {
    uv_close((uv_handle_t *)&signals->handles[i], signals_on_closed);
  }
}

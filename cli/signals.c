/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cli/memory.h"

/*
 * The handler counts and wakes the loop, which uv_async_send() may do from
 * there.  uv_signal_t does the same with a lock and a pipe, which is six system
 * calls for each signal watched and as many in the end.
 */

#define SIGNAL_COUNT 2

static const int signal_numbers[SIGNAL_COUNT] = {SIGINT, SIGTERM};

struct cli_signals {
  uv_async_t wake;
  bool closed;
  cli_signal_cb on_signal;
  void *user_data;
};

/* What the handler touches; a process has one set of handlers. */
static struct {
  atomic_uint counts[SIGNAL_COUNT]; /* caught and not told */
  uv_async_t *wake;                 /* stays while the handler is installed */
} caught;

static void caught_add(int number)
{
  int error = errno;

  for (int i = 0; i < SIGNAL_COUNT; i++) {
    if (signal_numbers[i] == number) {
      atomic_fetch_add(&caught.counts[i], 1);
    }
  }
  (void)uv_async_send(caught.wake); /* fails for no open handle */
  errno = error;
}

/* One after the other, each as often as it was caught. */
static void signals_on_wake(uv_async_t *wake)
{
  cli_signals *signals = wake->data;

  for (int i = 0; i < SIGNAL_COUNT; i++) {
    while (!signals->closed && atomic_load(&caught.counts[i]) > 0) {
      atomic_fetch_sub(&caught.counts[i], 1);
      signals->on_signal(signal_numbers[i], signals->user_data);
    }
  }
}

static void signals_on_closed(uv_handle_t *handle)
{
  free(handle->data);
}

cli_signals *cli_signals_new(uv_loop_t *loop, cli_signal_cb on_signal,
                             void *user_data)
{
  struct sigaction action = {.sa_handler = caught_add, .sa_flags = SA_RESTART};
  cli_signals *signals = cli_calloc(1, sizeof(*signals));

  /* A closed pipe, or a file at its size limit, is an error of write(), told as
   * such. */
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  if (uv_async_init(loop, &signals->wake, signals_on_wake) != 0) {
    free(signals);
    return NULL;
  }
  signals->wake.data = signals;
  signals->on_signal = on_signal;
  signals->user_data = user_data;
  caught.wake = &signals->wake;
  (void)sigfillset(&action.sa_mask);
  for (int i = 0; i < SIGNAL_COUNT; i++) {
    (void)sigaction(signal_numbers[i], &action, NULL); /* both can be caught */
  }
  return signals;
}

void cli_signals_close(cli_signals *signals)
{
  if (signals == NULL) {
    return;
  }
  for (int i = 0; i < SIGNAL_COUNT; i++) {
    (void)signal(signal_numbers[i], SIG_DFL);
  }
  signals->closed = true;
  uv_close((uv_handle_t *)&signals->wake, signals_on_closed);
}

/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_ALARM_H
#define AH_NET_ALARM_H

#include <stdint.h>

#include <uv.h>

/*
 * One point in time, at which a callback runs from uv_run().
 *
 * It is a timer of the kernel's that is set once and stays, and not a
 * uv_timer_t.  Under one of those every poll waits with a timeout, so that the
 * kernel sets a timer and takes it back each time: for a call that is alone on
 * its loop that is a fortieth of its cost.
 */
typedef struct ah_alarm ah_alarm;
struct ah_alarm {
  int fd;
  uv_poll_t poll; /* does not keep uv_run() alive */
  /* Runs when the time has come, at most once for each ah_alarm_set(). */
  void (*ring)(ah_alarm *alarm);
  /* Runs last, after ah_alarm_close(). */
  void (*on_closed)(ah_alarm *alarm);
};

/* Not set; the callbacks are the caller's to fill in.  AHTTP_OK or
 * AHTTP_ENOMEM, which stands for running out of descriptors too. */
int ah_alarm_init(ah_alarm *alarm, uv_loop_t *uv);

/* Sets it to |due_ms| by ah_clock_ns(), in milliseconds, whatever it was set to
 * before; a time that has passed already rings in the next poll. */
void ah_alarm_set(ah_alarm *alarm, uint64_t due_ms);

/* It does not ring any more. */
void ah_alarm_clear(ah_alarm *alarm);

/* Closes it; from uv_run() |on_closed| follows. */
void ah_alarm_close(ah_alarm *alarm);

#endif

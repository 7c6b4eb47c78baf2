/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <ahttp/error.h>

#include "base/assert.h"
#include "base/clock.h"

/* 0 for |due_ms| means never. */
static void alarm_settime(const ah_alarm *alarm, uint64_t due_ms)
{
  const struct itimerspec due = {
      .it_value = {.tv_sec = (time_t)(due_ms / AH_MS_PER_S),
                   .tv_nsec = (long)(due_ms % AH_MS_PER_S * AH_NS_PER_MS)}};
  int rv = timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &due, NULL);
  ah_assert(rv == 0); /* it fails for what is no timer or no time */
}

/* Setting it forgets that it has rung, so nothing need be read. */
static void alarm_on_poll(uv_poll_t *poll, int status, int events)
{
  ah_alarm *alarm = poll->data;
  (void)status;
  (void)events;
  ah_alarm_clear(alarm);
  alarm->ring(alarm);
}

int ah_alarm_init(ah_alarm *alarm, uv_loop_t *uv)
{
  alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (alarm->fd < 0) {
    return AHTTP_ENOMEM;
  }
  if (uv_poll_init(uv, &alarm->poll, alarm->fd) != 0) {
    (void)close(alarm->fd);
    return AHTTP_ENOMEM;
  }
  alarm->poll.data = alarm;
  uv_unref((uv_handle_t *)&alarm->poll);
  int rv = uv_poll_start(&alarm->poll, UV_READABLE, alarm_on_poll);
  ah_assert(rv == 0); /* the handle is open */
  return AHTTP_OK;
}

void ah_alarm_set(ah_alarm *alarm, uint64_t due_ms)
{
  alarm_settime(alarm, due_ms == 0 ? 1 : due_ms);
}

void ah_alarm_clear(ah_alarm *alarm)
{
  alarm_settime(alarm, 0);
}

static void alarm_on_closed(uv_handle_t *handle)
{
  ah_alarm *alarm = handle->data;
  (void)close(alarm->fd);
  alarm->on_closed(alarm);
}

void ah_alarm_close(ah_alarm *alarm)
{
  uv_close((uv_handle_t *)&alarm->poll, alarm_on_closed);
}

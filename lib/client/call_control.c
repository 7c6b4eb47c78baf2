/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/call.h"

#include "client/chain.h"
#include "client/client.h"

/*
 * What users do with a call that is under way.  On the loop's thread it is done
 * at once; other threads leave a command in the call and post its one letter,
 * which carries out whatever has gathered when it is read.
 */

enum {
  COMMAND_LAUNCH = 1,
  COMMAND_CANCEL = 2,
  COMMAND_PAUSE = 4, /* of these two the later one stands */
  COMMAND_RESUME = 8,
  COMMAND_MANUAL_CREDIT = 16,
  COMMAND_CREDIT = 32,
  COMMAND_CONTENT_READY = 64,
  COMMAND_GO_ON = 128
};

/* Adds |command|, without |undone| if that is waiting.  False if there is no
 * loop to carry it out. */
static bool call_post(ahttp_call *call, unsigned command, unsigned undone)
{
  if (atomic_load_explicit(&call->is_over, memory_order_relaxed)) {
    return true;
  }
  unsigned old = atomic_load(&call->commands);
  while (!atomic_compare_exchange_weak(&call->commands, &old,
                                       (old & ~undone) | command)) {
  }
  ah_call_ref(call); /* the letter's */
  int rv = ah_driver_post(call->driver, &call->letter);
  if (rv != AHTTP_OK) {
    ah_call_unref(call);
  }
  return rv != AHTTP_ECLOSED;
}

static bool call_is_under_way(const ahttp_call *call)
{
  return call->is_launched && call->client != NULL;
}

static void call_pause(ahttp_call *call)
{
  call->is_paused = true;
  if (call_is_under_way(call)) {
    ah_exchange_pause(&call->exchange);
  }
}

static void call_resume(ahttp_call *call)
{
  call->is_paused = false;
  if (!call_is_under_way(call)) {
    return;
  }
  if (ah_chain_has_content(call)) {
    ah_chain_resume(call);
  } else {
    ah_exchange_resume(&call->exchange);
  }
}

static void call_set_manual_credit(ahttp_call *call)
{
  call->manual_credit = true;
  if (call_is_under_way(call) && !ah_chain_has_content(call)) {
    call->exchange.manual_credit = true;
  }
}

static void call_credit(ahttp_call *call, size_t len)
{
  if (!call_is_under_way(call)) {
    return;
  }
  if (ah_chain_has_content(call)) {
    ah_chain_credit(call, len);
  } else {
    ah_exchange_credit(&call->exchange, len);
  }
}

static void call_content_ready(ahttp_call *call)
{
  if (call_is_under_way(call)) {
    ah_exchange_body_ready(&call->exchange);
  }
}

static void call_go_on(ahttp_call *call, int code)
{
  if (call_is_under_way(call)) {
    ah_call_on_user_answer(call, code);
  }
}

void ah_call_on_letter(ah_letter *letter)
{
  ahttp_call *call = AH_CONTAINER(letter, ahttp_call, letter);
  unsigned commands = atomic_exchange(&call->commands, 0);
  if (commands & COMMAND_MANUAL_CREDIT) {
    call_set_manual_credit(call);
  }
  if (commands & COMMAND_PAUSE) {
    call_pause(call);
  }
  if (commands & COMMAND_LAUNCH) {
    ah_call_launch(call);
  }
  if (commands & COMMAND_RESUME) {
    call_resume(call);
  }
  if (commands & COMMAND_CREDIT) {
    call_credit(call, atomic_exchange(&call->credit, 0));
  }
  if (commands & COMMAND_CONTENT_READY) {
    call_content_ready(call);
  }
  if (commands & COMMAND_GO_ON) {
    call_go_on(call, atomic_load(&call->go_on_code));
  }
  if (commands & COMMAND_CANCEL) {
    ah_call_end_plain(call, AHTTP_ECANCELED);
  }
  ah_call_unref(call);
}

bool ah_call_post_launch(ahttp_call *call)
{
  call->started_ns = ahttp_clock_now_ns(call->client->clock);
  return call_post(call, COMMAND_LAUNCH, 0);
}

void ahttp_call_cancel(ahttp_call *call)
{
  if (ah_driver_may_act(call->driver)) {
    ah_call_end_plain(call, AHTTP_ECANCELED);
  } else {
    (void)call_post(call, COMMAND_CANCEL, 0); /* else it has ended */
  }
}

void ahttp_call_pause(ahttp_call *call)
{
  if (ah_driver_may_act(call->driver)) {
    call_pause(call);
  } else {
    (void)call_post(call, COMMAND_PAUSE, COMMAND_RESUME);
  }
}

void ahttp_call_resume(ahttp_call *call)
{
  if (ah_driver_may_act(call->driver)) {
    call_resume(call);
  } else {
    (void)call_post(call, COMMAND_RESUME, COMMAND_PAUSE);
  }
}

void ahttp_call_set_manual_credit(ahttp_call *call)
{
  if (ah_driver_may_act(call->driver)) {
    call_set_manual_credit(call);
  } else {
    (void)call_post(call, COMMAND_MANUAL_CREDIT, 0);
  }
}

void ahttp_call_credit(ahttp_call *call, size_t len)
{
  if (ah_driver_may_act(call->driver)) {
    call_credit(call, len);
  } else {
    (void)atomic_fetch_add(&call->credit, len);
    (void)call_post(call, COMMAND_CREDIT, 0);
  }
}

void ahttp_call_content_ready(ahttp_call *call)
{
  if (ah_driver_may_act(call->driver)) {
    call_content_ready(call);
  } else {
    (void)call_post(call, COMMAND_CONTENT_READY, 0);
  }
}

void ahttp_call_go_on(ahttp_call *call, int code)
{
  if (ah_driver_is_on_loop(call->driver)) {
    call_go_on(call, code);
  } else {
    atomic_store(&call->go_on_code, code);
    (void)call_post(call, COMMAND_GO_ON, 0);
  }
}

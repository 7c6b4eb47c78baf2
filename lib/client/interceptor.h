/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_INTERCEPTOR_H
#define AH_CLIENT_INTERCEPTOR_H

#include "client/call.h"
#include "client/place.h"

/* What an interceptor may answer besides AHTTP_OK and errors. */
enum {
  AH_AGAIN = 3, /* the response is not for the user: send call->next instead */
  AH_LATER = 4, /* ah_call_go_on() will say */
  AH_ASK = 5    /* ah_call_go_on() only: asks the same one again */
};

/*
 * Something that sees the messages of those calls pass that use it: those that
 * have its bit in call->settings->interceptors, set where options are merged,
 * or by call_uses() in chain.c.
 *
 * All run on the loop's thread, from a turn of the loop, never inside a
 * function that the user called.  Members but |name| may be NULL.  An error
 * that is returned is described in |*err| and ends the call.
 *
 * State of a call is asked for when it is needed: ah_call_state().
 */
typedef struct ah_interceptor {
  const char *name;

  /*
   * A hop is about to be sent: call->exchange.request says what.  May change
   * the fields (ah_call_outgoing()) and the URL (ah_call_set_url()), for this
   * hop only.  AH_LATER delays it.
   */
  int (*on_start)(ahttp_call *call, ahttp_error *err);

  /*
   * The final response head of the hop has arrived: call->exchange.response,
   * which may be changed in place.  May ask for the content to pass through
   * on_body (ah_call_filter()).  AHTTP_OK passes the head on.  AH_AGAIN keeps
   * it; the content is dropped, then call->next is sent, which ah_call_repeat()
   * or ah_call_set_next() have set.  AH_LATER holds it until ah_call_go_on():
   * the content waits, or goes to on_body and on_end, which must keep it.
   */
  int (*on_head)(ahttp_call *call, ahttp_error *err);

  /*
   * Content, |len| > 0 bytes.  Gives what becomes of them to ah_call_emit() and
   * sets |*used| to how many of them it has done with.  When that says
   * AH_BLOCKED it stops and returns AHTTP_OK; what was not used comes again
   * when there is room.
   */
  int (*on_body)(ahttp_call *call, const uint8_t *data, size_t len,
                 size_t *used, ahttp_error *err);

  /*
   * The content is complete as far as the connection can tell.  Emits what is
   * left, or says that something is missing.  AH_BLOCKED asks to be called
   * again when there is room, or after ah_call_go_on().
   */
  int (*on_end)(ahttp_call *call, ahttp_error *err);

  /* The trailer section has arrived: call->exchange.trailers, which may be
   * changed in place. */
  int (*on_trailers)(ahttp_call *call, ahttp_error *err);

  /* The hop has failed with |why| before a response: AHTTP_OK lets it, AH_AGAIN
   * has call->next sent. */
  int (*on_failure)(ahttp_call *call, const ahttp_error *why, ahttp_error *err);

  /* The call is over: lets go of what it holds outside the call's arena. */
  void (*on_done)(ahttp_call *call);
} ah_interceptor;

/* The interceptors by their places; NULL where there is none. */
extern const ah_interceptor *const ah_interceptors[AH_PLACES];

/* --- For interceptors: chain.c, content_chain.c. ---------------------------
 */

/* |size| zeroed bytes that live as long as the call, the same ones for the same
 * |place| every time; NULL if memory is out. */
void *ah_call_state(ahttp_call *call, ah_place place, size_t size);

/* The same, or NULL if they were not asked for yet. */
void *ah_call_find_state(const ahttp_call *call, ah_place place);

/*
 * In on_start: the fields of the hop, for this hop to be changed.  The next hop
 * begins without the changes, so nothing has to be taken back.  NULL if memory
 * is out.
 */
ahttp_fields *ah_call_outgoing(ahttp_call *call);

/* In on_start: sends this hop to |url|, which is copied but for its bytes: they
 * are in the call's arena.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_call_set_url(ahttp_call *call, const ahttp_url *url);

/* In on_head: has this hop's content pass |place|'s on_body and on_end.
 * AHTTP_OK or AHTTP_ENOMEM. */
int ah_call_filter(ahttp_call *call, ah_place place);

/*
 * In on_body and on_end of |place|: gives |len| bytes, borrowed, to whoever
 * comes next; never while its head is held.
 *
 * AHTTP_OK; AH_BLOCKED: they are taken, but there is no room for more now; or
 * an error: the call has ended.
 */
int ah_call_emit(ahttp_call *call, ah_place place, const uint8_t *data,
                 size_t len);

/*
 * Goes on, from the loop, where |place| said AH_LATER.  |rv| is what on_start
 * or on_head would have returned, but AH_LATER, or AH_ASK; |err| (NULL unless
 * |rv| is an error) is copied.  Nothing happens if the call has ended meanwhile
 * or does not wait for |place|.
 */
void ah_call_go_on(ahttp_call *call, ah_place place, int rv,
                   const ahttp_error *err);

/* Says AH_LATER for a callback of the user's that said AHTTP_LATER: the answer,
 * AH_ASK or an error, comes by ahttp_call_go_on().  AH_LATER or AHTTP_ENOMEM.
 */
int ah_call_await_user(ahttp_call *call);

/* The user has answered, on the loop's thread. */
void ah_call_on_user_answer(ahttp_call *call, int code);

/* What a callback of the user's has said, AHTTP_LATER excepted: an error for
 * the call, described in |*err|. */
int ah_call_user_error(int code, ahttp_error *err);

/* Sets call->next to the same request as this hop's, without what on_start
 * changed.  False, and nothing is set, if its content cannot be sent again. */
bool ah_call_repeat(ahttp_call *call);

/* Before an AH_AGAIN: has call->next wait for |ms| before anybody's on_start.
 * AHTTP_OK or AHTTP_ENOMEM. */
int ah_call_delay_next(ahttp_call *call, uint32_t ms);

/* Sets call->next to |head|, whose URL and fields are moved into the call. */
void ah_call_set_next(ahttp_call *call, const ah_request_head *head);

/* --- The interceptors. ----------------------------------------------------
 */

/* Runs the client's hooks. */
extern const ah_interceptor ah_hook_runner;

/* Takes the call through call->settings->auth. */
extern const ah_interceptor ah_authenticator;

/* Answers proxies that forward and ask for credentials. */
extern const ah_interceptor ah_proxy_answerer;

/* Follows redirects, call->settings->redirects_max of them. */
extern const ah_interceptor ah_redirect_follower;

/* Sends again what has failed, as call->settings->retry says. */
extern const ah_interceptor ah_retrier;

/* Sends and stores the cookies of the client's jar. */
extern const ah_interceptor ah_cookie_keeper;

/* Sees to it that Expect is understood, and is not sent without content. */
extern const ah_interceptor ah_expectation_keeper;

#endif

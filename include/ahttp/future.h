/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_FUTURE_H
#define AHTTP_FUTURE_H

#include <ahttp/client.h>
#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A future is a send that is under way, and later its outcome.  Every function
 * works from any thread, and any number of threads may wait for one future.
 *
 * Somebody has to run the client's loop: a thread of the library
 * (|background|), the caller's loop, or, with a private loop, whoever waits on
 * the client, for whatever.  In the last case nothing moves while nobody waits;
 * a send begins, and its timeouts count, when somebody does for the first time.
 */
typedef struct ahttp_future ahttp_future;

/*
 * Starts sending |request|.  |opts| may be NULL.  Free with
 * ahttp_future_free().  Everything that can go wrong later, a bad option
 * included, is the future's outcome.  Returns NULL only when memory is out,
 * when |client| or |request| is NULL, or when the client was closed.
 */
AHTTP_EXTERN ahttp_future *ahttp_submit(ahttp_client *client,
                                        ahttp_request *request,
                                        const ahttp_send_opts *opts);

/*
 * Drops |future|; NULL is allowed.  What is still under way is cancelled.  A
 * callback of ahttp_future_then() that has not begun does not run any more.
 */
AHTTP_EXTERN void ahttp_future_free(ahttp_future *future);

/* True once the outcome is there. */
AHTTP_EXTERN bool ahttp_future_is_done(const ahttp_future *future);

/*
 * Waits for the outcome, |timeout_ms| at most; AHTTP_NO_LIMIT for ever, 0 only
 * looks (and turns a private loop once).  Callbacks of the client may run on
 * this thread meanwhile.
 *
 * Returns AHTTP_OK when it is done, however it went, or:
 *   AHTTP_ETIMEOUT_WAIT  it goes on
 *   AHTTP_ESTATE         it is not done and this thread runs the client's loop:
 *                        it would wait for itself
 */
AHTTP_EXTERN int ahttp_future_wait(ahttp_future *future, uint32_t timeout_ms);

/*
 * The same for all of |count| futures of one client.  Entries may be NULL, and
 * do not count.  Besides:
 *   AHTTP_EINVAL  the futures are of several clients
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_future_wait_all(ahttp_future *const *futures,
                                       size_t count, uint32_t timeout_ms);

/*
 * The same until one is done, whose place is |*index|; |count| if there is
 * none.  AHTTP_EINVAL also when every entry is NULL: who takes what is done,
 * frees it and sets its entry to NULL gets them as they are completed, and then
 * that.
 */
AHTTP_EXTERN int ahttp_future_wait_any(ahttp_future *const *futures,
                                       size_t count, uint32_t timeout_ms,
                                       size_t *index);

/*
 * Moves the response out, once.  |err| may be NULL.
 *
 * Returns AHTTP_OK and sets |*out|, for ahttp_response_free(), whatever the
 * status; or sets it to NULL, fills |*err| and returns its code, that of the
 * send or:
 *   AHTTP_ESTATE  it is not done, or the response was taken before
 */
AHTTP_EXTERN int ahttp_future_take(ahttp_future *future, ahttp_response **out,
                                   ahttp_error *err);

/* Runs once, on the thread that runs the client's loop.  May free |future|. */
typedef void (*ahttp_future_cb)(ahttp_future *future, void *user_data);

/*
 * Has |then| run when |future| is done, never before this returns; also if it
 * is done already.
 *
 * Returns AHTTP_OK, or an error, and then |then| does not run:
 *   AHTTP_EINVAL   |then| is NULL
 *   AHTTP_ESTATE   there is one already
 *   AHTTP_ECLOSED  the client is gone
 */
AHTTP_EXTERN int ahttp_future_then(ahttp_future *future, ahttp_future_cb then,
                                   void *user_data);

/* Ends it with AHTTP_ECANCELED, unless it is done. */
AHTTP_EXTERN void ahttp_future_cancel(ahttp_future *future);

/*
 * Sends |count| requests at once and waits for all.  responses[i] is set as by
 * ahttp_send(), and so is errors[i], unless |errors| is NULL.  |opts| may be
 * NULL.
 *
 * Returns AHTTP_OK when all of them got a response, else the code of the first
 * in the order given that did not.
 */
AHTTP_EXTERN int ahttp_gather(ahttp_client *client,
                              ahttp_request *const *requests, size_t count,
                              const ahttp_send_opts *opts,
                              ahttp_response **responses, ahttp_error *errors);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_AUTH_H
#define AHTTP_AUTH_H

#include <ahttp/call.h>
#include <ahttp/error.h>
#include <ahttp/hooks.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How requests prove who sends them.  Given to a client
 * (ahttp_client_opts.auth) or a send (ahttp_send_opts.auth).
 *
 * Credentials are for the origin (scheme, host and port) of the URL that the
 * call was started for: a redirect to another one is followed without them, and
 * they are not taken up again when it leads back.  One redirect keeps them, the
 * upgrade from http on port 80 to https on port 443 of the same host.
 *
 * |username| and |password| in a URL are used as by ahttp_auth_new_basic() when
 * nothing else is given.  An Authorization field of the request's own goes
 * before everything that this header makes but ahttp_auth_new(), which may do
 * something else altogether.
 */

/* One call's course through an authentication.  Lives as long as the call. */
typedef struct ahttp_auth_flow ahttp_auth_flow;

/* Returned by on_response: sends the request again, as another round. */
#define AHTTP_AGAIN 2

/* A scheme.  Callbacks run on the loop's thread and may use any function of the
 * library; what they share between calls needs a lock only if clients on
 * several threads use it.  All but one of the first two may be NULL. */
typedef struct ahttp_auth_opts {
  size_t size; /* set by AHTTP_AUTH_OPTS_INIT */

  /* A request of the call is about to be sent to the origin: the first, those
   * of further rounds, and those that redirects within the origin ask for.
   * Hooks see it afterwards.  AHTTP_OK, AHTTP_LATER, or an error code with
   * which the call ends. */
  int (*on_request)(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                    void *user_data);

  /* Its response's head has arrived.  AHTTP_OK: that is all; AHTTP_AGAIN: the
   * response is dropped and the request sent again, from its beginning;
   * AHTTP_LATER, or an error code. */
  int (*on_response)(ahttp_auth_flow *flow, const ahttp_response *response,
                     void *user_data);

  bool reads_content; /* on_response comes after the content, at most the
                         client's content_max of it (else AHTTP_ELIMIT), which
                         ahttp_response_content() gives */
  size_t flow_bytes;  /* of state for each call, zero at first */

  /* The call is over: clears its state. */
  void (*flow_clear)(void *state, void *user_data);

  /* The last reference is gone; any thread. */
  void (*free)(void *user_data);

  void *user_data;
} ahttp_auth_opts;

#define AHTTP_AUTH_OPTS_INIT AHTTP_SIZED(ahttp_auth_opts)

/*
 * Makes one, with a reference for the caller; |opts| is copied.
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL and returns:
 *   AHTTP_EINVAL  |opts| has no callback or is from a newer header
 *   AHTTP_ENOMEM  |opts->free| is not called
 */
AHTTP_EXTERN int ahttp_auth_new(ahttp_auth **out, const ahttp_auth_opts *opts);

/* Basic (RFC 7617), in UTF-8, sent with every request without being asked.
 * AHTTP_EINVAL if |username| has a colon or either a control character;
 * AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_auth_new_basic(ahttp_auth **out, ahttp_str username,
                                      ahttp_str password);

/* Bearer (RFC 6750), the same.  AHTTP_EINVAL if |token| is empty or has other
 * bytes than a token68 (RFC 9110, section 11.2); AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_auth_new_bearer(ahttp_auth **out, ahttp_str token);

/*
 * Digest (RFC 7616, and RFC 2069 and 2617 before it), in UTF-8: answers the
 * strongest of the server's challenges.  It remembers them, by origin, and
 * answers further requests before they are asked; may serve any number of
 * clients on any threads.
 *
 * A response of status 401 is given to the caller if the server does not ask
 * for Digest, or has refused the password.  Errors of a call, besides those of
 * every authentication:
 *   AHTTP_EPROTO  a challenge that cannot be answered; or the server has proved
 *                 that it does not know the password
 *   AHTTP_EBODY   the server wants the content signed, which cannot be read
 *                 more than once
 *   AHTTP_ESTATE  OpenSSL lacks the algorithm or randomness
 *
 * AHTTP_EINVAL if |username| or |password| has a control character;
 * AHTTP_ENOMEM.
 */
AHTTP_EXTERN int ahttp_auth_new_digest(ahttp_auth **out, ahttp_str username,
                                       ahttp_str password);

/* What the server asks for, Digest if it can be: the same, or Basic over https,
 * and over http too if |basic_in_clear|.  Nothing is sent to an origin before
 * it has asked.  Errors are those of both. */
AHTTP_EXTERN int ahttp_auth_new_any(ahttp_auth **out, ahttp_str username,
                                    ahttp_str password, bool basic_in_clear);

/*
 * Basic by what the file at |path| says of the host, in the format of ftp's
 * .netrc; NULL: the file that the environment variable NETRC names, or .netrc
 * in the home folder.  It is read once, here.
 *
 * Unlike other credentials, these are looked up for the host of each hop that
 * redirects lead to as well; but "default" is for the origin that the call was
 * started for alone, and nothing is sent over http once a call has come by
 * https.  A password in the URL goes before the file; a URL with a username
 * alone gets that one's password.
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL, describes |*err| (may
 * be NULL) and returns:
 *   AHTTP_EFILE   it cannot be read, has a mistake, or has passwords while
 *                 others than its owner may read or write it
 *   AHTTP_ELIMIT  it is too large
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_auth_new_netrc(ahttp_auth **out, const char *path,
                                      ahttp_error *err);

/* Drops the caller's reference; clients and calls have their own.  NULL is
 * allowed. */
AHTTP_EXTERN void ahttp_auth_free(ahttp_auth *auth);

/* What ahttp_send_opts.auth is set to for a send without the client's; need not
 * be freed. */
AHTTP_EXTERN ahttp_auth *ahttp_auth_none(void);

/* --- In the callbacks. ---------------------------------------------------- */

/* The call, for ahttp_call_go_on() and the like. */
AHTTP_EXTERN ahttp_call *ahttp_auth_flow_call(const ahttp_auth_flow *flow);

/* The call's |flow_bytes|, aligned for any type; NULL if that is 0. */
AHTTP_EXTERN void *ahttp_auth_flow_state(const ahttp_auth_flow *flow);

/* How often the request was sent again so far; 20 times at most, then the call
 * fails with AHTTP_ELIMIT. */
AHTTP_EXTERN unsigned ahttp_auth_flow_rounds(const ahttp_auth_flow *flow);

/*
 * Reads the request's content, for schemes that sign it: at most |cap| > 0
 * bytes at |offset| to |dst|; |*len| 0 is the end.
 *
 * Returns AHTTP_OK, or |*len| is 0 and:
 *   AHTTP_EBODY      it cannot be read, or not a second time
 *   AHTTP_BODY_WAIT  its source has nothing yet
 */
AHTTP_EXTERN int ahttp_auth_flow_read(ahttp_auth_flow *flow, uint64_t offset,
                                      uint8_t *dst, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_HOOKS_H
#define AHTTP_HOOKS_H

#include <ahttp/call.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Hooks see every request that a client sends and every response it gets: also
 * those of redirects, authentication and retries.  They run on the loop's
 * thread, in the order given, and may use any function of the library.
 */

/* A request that is about to be sent.  Good until the callback returns. */
typedef struct ahttp_outgoing ahttp_outgoing;

/* Its parts; fields are complete but for those that frame a message. */
AHTTP_EXTERN ahttp_str ahttp_outgoing_method(const ahttp_outgoing *outgoing);
AHTTP_EXTERN const ahttp_url *
ahttp_outgoing_url(const ahttp_outgoing *outgoing);
AHTTP_EXTERN const ahttp_fields *
ahttp_outgoing_fields(const ahttp_outgoing *outgoing);

/*
 * Change the fields of this request; a redirect or another round begins without
 * the changes.  Set replaces all fields of that name, add appends one, remove
 * drops all.  Name and value are copied.
 *
 * Returns AHTTP_OK, or:
 *   AHTTP_EFIELD   they cannot be sent, or belong to the library
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_outgoing_set_field(ahttp_outgoing *outgoing,
                                          ahttp_str name, ahttp_str value);
AHTTP_EXTERN int ahttp_outgoing_add_field(ahttp_outgoing *outgoing,
                                          ahttp_str name, ahttp_str value);
AHTTP_EXTERN int ahttp_outgoing_remove_field(ahttp_outgoing *outgoing,
                                             ahttp_str name);

/*
 * Sends it to |url| instead, which is resolved against the one it has.  Fields
 * stay as they are: credentials go along.
 *
 * Returns AHTTP_OK, AHTTP_EURL, AHTTP_ESCHEME if it is neither http nor https,
 * or AHTTP_ENOMEM.
 */
AHTTP_EXTERN int ahttp_outgoing_set_url(ahttp_outgoing *outgoing,
                                        ahttp_str url);

/*
 * A hook.  NULL members are not called.  Callbacks return AHTTP_OK to go on,
 * AHTTP_LATER to be called again after ahttp_call_go_on(), or an error code
 * with which the call ends; other values end it with AHTTP_ECALLBACK.
 */
typedef struct ahttp_hook {
  /* |outgoing| is complete, credentials and cookies included. */
  int (*on_request)(ahttp_call *call, ahttp_outgoing *outgoing,
                    void *user_data);

  /* A response's head has arrived; its content is empty, unless
   * |reads_content|. */
  int (*on_response)(ahttp_call *call, const ahttp_response *response,
                     void *user_data);

  bool reads_content; /* on_response comes after the content, at most the
                         client's content_max of it (else AHTTP_ELIMIT), which
                         ahttp_response_content() gives */
  void *user_data;
} ahttp_hook;

#ifdef __cplusplus
}
#endif

#endif

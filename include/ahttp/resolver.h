/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_RESOLVER_H
#define AHTTP_RESOLVER_H

#include <ahttp/error.h>
#include <ahttp/net.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A program's own way from host names to addresses, instead of the hosts file
 * and DNS (ahttp_client_opts.resolver).  It is not asked for numeric addresses,
 * for localhost, nor for what ahttp_client_opts.resolve answers.
 *
 * Every question is answered exactly once, with ahttp_resolution_answer() or
 * ahttp_resolution_fail(): from within |start| or later, on any thread, and
 * also after |cancel| or when the client is gone.  Until then the resolution
 * belongs to whoever is to answer; with the answer it is the library's.
 */
typedef struct ahttp_resolution ahttp_resolution;

/* What a resolver does.  Copied. */
typedef struct ahttp_resolver {
  size_t size; /* set by AHTTP_RESOLVER_INIT */

  /*
   * Asks for the addresses of |host| (a name in lower case, borrowed until this
   * returns) of |family|, AHTTP_FAMILY_V4 or AHTTP_FAMILY_V6: a client that
   * uses both asks twice.  |port| is that of the connection the question was
   * first asked for; calls that need the same host meanwhile share the answer.
   *
   * Runs on the loop's thread and should not block it.  Any function of the
   * library may be called from it.
   */
  void (*start)(ahttp_resolution *resolution, const char *host, uint16_t port,
                ahttp_family family, void *user_data);

  /*
   * Nobody waits for the answer any more.  It must be given all the same, here
   * or later, whatever it is.  May be NULL.  On the loop's thread; not for a
   * question that has been answered.  An answer that another thread is about to
   * give may cross with it: |resolution| can be looked at until this returns,
   * but whoever answers from several threads has to see to it that only one
   * does.
   */
  void (*cancel)(ahttp_resolution *resolution, void *user_data);

  void *user_data; /* the last argument of both; must outlive the client and
                      its open questions */
} ahttp_resolver;

#define AHTTP_RESOLVER_INIT AHTTP_SIZED(ahttp_resolver)

/*
 * Answers with |addresses|, numeric and separated by commas, best first; those
 * of another family than was asked for are left out.  NULL or "": the host has
 * none of the family.  |ttl_s| is how long the client may keep the answer, in
 * seconds, at most 300; 0: it asks again for the next connection.
 *
 * |resolution| is gone when this returns, whatever it returns.  AHTTP_OK; or,
 * and then the host counts as one that could not be resolved:
 *   AHTTP_EINVAL   |addresses| has something that is no address
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_resolution_answer(ahttp_resolution *resolution,
                                         const char *addresses, uint32_t ttl_s);

/*
 * Says that there is no answer.  |code| is AHTTP_ENOTFOUND (there is no such
 * host), AHTTP_ENOMEM, or anything else for AHTTP_ERESOLVE.  |text| is the
 * reason, for the text of the call's error; cut after 127 bytes; may be NULL.
 * |resolution| is gone when this returns.
 */
AHTTP_EXTERN void ahttp_resolution_fail(ahttp_resolution *resolution, int code,
                                        const char *text);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_RETRY_H
#define AHTTP_RETRY_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How a request that failed, or was answered with a status that may pass, is
 * sent again after a while.  Given to a client (ahttp_client_opts.retry) or a
 * send (ahttp_send_opts.retry); without either the library repeats only what is
 * always safe: what a server cannot have seen, and once an idempotent request
 * on a connection that had been kept open.
 *
 * A request is sent again if
 * - it is idempotent (RFC 9110, section 9.2.2) or has an Idempotency-Key field,
 *   or no connection could be made, so that nobody has seen any of it;
 * - its content can be read again from its beginning;
 * - the response has one of |statuses|; or there is none, because connecting,
 *   writing or reading failed or took too long.  A host that does not exist, a
 *   certificate that is not trusted and whatever is wrong with the request stay
 *   wrong;
 * - the wait fits into what is left of total_ms, and the client's budget is not
 *   used up.
 * Otherwise the response, or the error, is the call's.
 *
 * The wait is random between 0 and |backoff_ms|, which doubles with each
 * repetition up to |backoff_ms_max| ("full jitter"); or what the response's
 * Retry-After says, |retry_after_ms_max| at most.  No connection is held
 * meanwhile, and the call can be cancelled.
 *
 * What was answered on the way is in ahttp_response_history(), how often it was
 * sent again in ahttp_response_retries() and ahttp_call_info.
 */
typedef struct ahttp_retry_opts {
  size_t size;           /* set by AHTTP_RETRY_OPTS_INIT */
  uint32_t attempts_max; /* sendings, the first included, redirects not: 3;
                            1: it is not sent again */
  const int *statuses;   /* |status_count| of them; NULL: 429, 502, 503, 504 */
  size_t status_count;
  bool no_statuses;            /* no status is a reason */
  bool no_errors;              /* no error is */
  uint32_t backoff_ms;         /* 500 */
  uint32_t backoff_ms_max;     /* 30000 */
  uint32_t retry_after_ms_max; /* 120000; AHTTP_NONE: it is not looked at */

  /*
   * The client's budget, so that its calls do not hammer a server that is down:
   * repetitions that may be made, 100, or AHTTP_NO_LIMIT.  Each takes one of
   * them; a fifth of one comes back with every response that is no reason for a
   * repetition.  Ignored in a send's, which draws on its client's.
   */
  uint32_t budget;
} ahttp_retry_opts;

#define AHTTP_RETRY_OPTS_INIT AHTTP_SIZED(ahttp_retry_opts)

#ifdef __cplusplus
}
#endif

#endif

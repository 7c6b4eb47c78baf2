/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/retry.h"

#include <ahttp/error.h>

#include "base/assert.h"

enum {
  /* Connections a request is put on while it never reaches the server.  Each
   * of them was found dead before a byte was written; a server that is there
   * at all answers long before the fourth. */
  UNSENT_ATTEMPTS_MAX = 4,

  /* Streams the server may reset unprocessed.  The first time may be chance; a
   * server that refuses a third time is overloaded and means it. */
  REFUSED_ATTEMPTS_MAX = 3,

  /* Connections that may go away without getting to it.  That is how servers
   * limit the requests on a connection; with several connections of many
   * streams each, one request can meet it several times in a row. */
  GOAWAY_ATTEMPTS_MAX = 6
};

/* The connection was lost; nothing says the request itself was at fault. */
static bool code_is_loss(int code)
{
  return code == AHTTP_EREAD || code == AHTTP_EWRITE ||
         code == AHTTP_EDISCONNECTED || code == AHTTP_EGOAWAY;
}

ah_retry_verdict ah_retry_decide(const ah_retry_facts *facts)
{
  ah_assert(facts->attempts >= 1);
  if (facts->response_started || !facts->can_rewind) {
    return AH_RETRY_NO;
  }
  if (facts->refused) {
    /* RFC 9113, section 8.7: a refused request is safe to send again, whatever
     * its method. */
    unsigned attempts_max = facts->code == AHTTP_EGOAWAY ? GOAWAY_ATTEMPTS_MAX
                                                         : REFUSED_ATTEMPTS_MAX;
    return facts->attempts < attempts_max ? AH_RETRY_YES : AH_RETRY_NO;
  }
  if (!facts->written) {
    /* Another stream's fault may have brought the connection down. */
    bool is_loss = code_is_loss(facts->code) || facts->code == AHTTP_EPROTO;
    return is_loss && facts->attempts < UNSENT_ATTEMPTS_MAX ? AH_RETRY_YES
                                                            : AH_RETRY_NO;
  }
  if (code_is_loss(facts->code) && facts->conn_reused && facts->idempotent &&
      !facts->resent) {
    /* RFC 9112, section 9.3.1: the server may have closed the idle connection
     * while the request was under way to it. */
    return AH_RETRY_FRESH;
  }
  return AH_RETRY_NO;
}

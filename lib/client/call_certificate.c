/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/call.h"

#include "net/server_certificate.h"
#include "transport/connection.h"

/*
 * The certificate is read from the connection when somebody asks, into the
 * call's memory; whoever does not ask pays nothing.  Once the call has let go
 * of its connection there is nothing to read from, so a call that is to keep
 * the certificate asks itself, at the head.
 */

int ahttp_call_certificate(ahttp_call *call, const ahttp_certificate **out)
{
  const ah_connection *conn = call->exchange.conn;
  *out = call->certificate;
  if (call->certificate != NULL) {
    return AHTTP_OK;
  }
  if (conn == NULL || conn->info.tls == NULL) {
    return AHTTP_ESTATE;
  }
  int rv = ah_server_certificate_read(&call->certificate, &call->arena,
                                      conn->info.tls);
  *out = call->certificate;
  return rv;
}

int ahttp_response_certificate(const ahttp_response *response,
                               const ahttp_certificate **out)
{
  return ahttp_call_certificate(response->call, out);
}

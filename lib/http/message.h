/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_MESSAGE_H
#define AH_HTTP_MESSAGE_H

#include <stdbool.h>

#include <ahttp/types.h>

#include "http/body.h"
#include "http/fields.h"
#include "http/url.h"

/*
 * One request as it is to be sent in one hop.  Everything is borrowed from
 * whoever sends it.  |fields| are complete but for those that frame the message
 * (Content-Length, Transfer-Encoding, Connection), which the protocol's writer
 * adds; Host, if it is there, overrides the URL's authority.
 */
typedef struct ah_request_head {
  ahttp_str method; /* a valid token */
  unsigned traits;  /* AH_METHOD_... of |method| */
  const ahttp_url *url;
  const ahttp_fields *fields;
  ah_body *body;        /* NULL: no content */
  ahttp_str connect_to; /* of a CONNECT: "host:port"; empty: the URL's */
  bool is_absolute; /* to a proxy that forwards it; HTTP/1.1 without CONNECT */
  const struct ah_request_trailers *trailers; /* with content; NULL: none */
} ah_request_head;

/* One response head, interim or final.  Bytes are in |fields.arena|. */
typedef struct ah_response_head {
  int status;
  ahttp_version version;
  ahttp_str reason;
  ahttp_fields fields;
} ah_response_head;

enum {
  /* See ah_status_stops_upload(). */
  AH_STATUS_UNWANTED_MIN = 300
};

/*
 * True if a final |status| that comes before the request has been sent means
 * that the rest of its content is not wanted.  RFC 9110, section 15: only 2xx
 * says that the request was accepted, so a server that says it early may go on
 * reading.  3xx sends the client elsewhere and 4xx and 5xx refuse; what is sent
 * to such a server is thrown away (RFC 9112, section 9.5; RFC 9113, section
 * 8.1).  curl stops at 300 as well.
 */
static inline bool ah_status_stops_upload(int status)
{
  return status >= AH_STATUS_UNWANTED_MIN;
}

#endif

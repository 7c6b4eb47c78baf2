/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_MESSAGE_H
#define AH_HTTP_MESSAGE_H

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
  ah_body *body; /* NULL: no content */
} ah_request_head;

/* One response head, interim or final.  Bytes are in |fields.arena|. */
typedef struct ah_response_head {
  int status;
  ahttp_version version;
  ahttp_str reason;
  ahttp_fields fields;
} ah_response_head;

#endif

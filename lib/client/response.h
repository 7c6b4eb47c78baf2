/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_RESPONSE_H
#define AH_CLIENT_RESPONSE_H

#include <ahttp/response.h>

#include "http/message.h"

/*
 * The public response: a face of its call, which holds the memory.  A response
 * of a blocking function keeps its call alive.
 */
struct ahttp_response {
  ahttp_call *call;
  const ah_response_head *head;
  const ahttp_url *url;
  const ahttp_fields *trailers; /* NULL: none */
  unsigned redirects;
  unsigned retries;
  const ahttp_response *earlier; /* the one before it in its call, or NULL */
  size_t earlier_count;          /* how many there are */
  ahttp_str content; /* empty unless a blocking function collected it */
};

#endif

/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/response.h"

#include <ahttp/call.h>

#include "client/content_decoder.h"

void ahttp_response_free(ahttp_response *response)
{
  if (response != NULL) {
    ahttp_call_unref(response->call);
  }
}

int ahttp_response_status(const ahttp_response *response)
{
  return response->head->status;
}

ahttp_version ahttp_response_version(const ahttp_response *response)
{
  return response->head->version;
}

ahttp_str ahttp_response_reason(const ahttp_response *response)
{
  return response->head->reason;
}

const ahttp_url *ahttp_response_url(const ahttp_response *response)
{
  return response->url;
}

unsigned ahttp_response_redirects(const ahttp_response *response)
{
  return response->redirects;
}

unsigned ahttp_response_retries(const ahttp_response *response)
{
  return response->retries;
}

const ahttp_fields *ahttp_response_fields(const ahttp_response *response)
{
  return &response->head->fields;
}

const ahttp_fields *ahttp_response_trailers(const ahttp_response *response)
{
  return response->trailers;
}

bool ahttp_response_is_decoded(const ahttp_response *response)
{
  return ah_content_decoder_has_decoded(response->call);
}

ahttp_str ahttp_response_content(const ahttp_response *response)
{
  return response->content;
}

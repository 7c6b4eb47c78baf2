/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CONTENT_DECODER_H
#define AH_CLIENT_CONTENT_DECODER_H

#include "client/call.h"
#include "client/interceptor.h"

/* Undoes the content codings of responses. */
extern const ah_interceptor ah_content_decoder;

/* True if |call|, whose response's head has arrived, uses it.  Asked of every
 * response, instead of making every call one that uses interceptors. */
static inline bool ah_content_decoder_is_wanted(const ahttp_call *call)
{
  return call->settings->decode &&
         (call->exchange.response.fields.known &
          UINT64_C(1) << AH_FIELD_CONTENT_ENCODING) != 0;
}

/* True if the content of |call|'s response is decoded. */
bool ah_content_decoder_has_decoded(const ahttp_call *call);

/* Content bytes as the user has them: after decoding, if there is any. */
uint64_t ah_content_decoder_bytes(const ahttp_call *call);

/*
 * True if |len| bytes of content to be held, of which |wire_len| arrived, are
 * more than |ratio_max| (UINT32_MAX: any) times what arrived, and enough to
 * mind.
 */
bool ah_ratio_is_over(uint32_t ratio_max, size_t len, uint64_t wire_len);

/* Says so: AHTTP_ELIMIT. */
void ah_ratio_explain(uint32_t ratio_max, ahttp_error *err);

#endif

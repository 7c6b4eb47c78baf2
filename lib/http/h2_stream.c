/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_stream.h"

#include "base/error.h"
#include "base/str.h"
#include "http/h2_error.h"

/* True if the content that came is not as long as was promised. */
static bool stream_is_mismatched(const ah_h2_stream *stream)
{
  if (!stream->is_head_received) {
    return false;
  }
  const ah_field *field =
      ah_fields_find(&stream->response->fields, AH_FIELD_CONTENT_LENGTH);
  uint64_t length = 0;
  return field != NULL && ah_str_to_u64(field->value, &length) &&
         length != stream->content_bytes;
}

void ah_h2_stream_start(ah_h2_stream *stream, int32_t id)
{
  *stream = (ah_h2_stream){
      .id = id,
      .arena = stream->arena,
      .response = stream->response,
      .trailers = stream->trailers,
  };
}

void ah_h2_stream_explain(const ah_h2_stream *stream, uint32_t code,
                          int64_t goaway_code, ahttp_error *err)
{
  if (stream->is_reset) {
    ah_h2_error_set_reset(err, code);
  } else if (code == AH_H2_REFUSED_STREAM && goaway_code >= 0) {
    ah_h2_error_set_goaway(err, (uint32_t)goaway_code);
  } else if (code == AH_H2_REFUSED_STREAM) {
    /* nghttp2's name for a request it could not send; short of the above it
     * cannot for one reason. */
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
  } else {
    /* RFC 9113, section 8.1.1: a malformed message is a PROTOCOL_ERROR, also
     * where nghttp2 finds both sides done and closes without one. */
    ah_h2_error_set_violation(
        err, code == AH_H2_NO_ERROR ? AH_H2_PROTOCOL_ERROR : code,
        stream_is_mismatched(stream)
            ? AH_STR("the content is not as long as Content-Length says")
            : AH_STR("the response is malformed"));
  }
}

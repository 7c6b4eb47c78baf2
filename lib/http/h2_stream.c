/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_stream.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/str.h"
#include "http/h2_error.h"
#include "http/method.h"

/* How much content was promised, if it was.  RFC 9110, section 8.6: in answers
 * to HEAD and in a 304, Content-Length promises none. */
static bool stream_has_length(const ah_h2_stream *stream, uint64_t *length)
{
  if (!stream->is_head_received || stream->is_for_head ||
      stream->response->status == 304) {
    return false;
  }
  const ah_field *field =
      ah_fields_find(&stream->response->fields, AH_FIELD_CONTENT_LENGTH);
  return field != NULL && ah_str_to_u64(field->value, length);
}

/* What nghttp2 closed of its own accord. */
static void stream_explain_closed(const ah_h2_stream *stream, uint32_t code,
                                  ahttp_error *err)
{
  uint64_t length = 0;
  bool has_length = stream_has_length(stream, &length);
  bool is_malformed = code == AH_H2_NO_ERROR || code == AH_H2_PROTOCOL_ERROR;
  if (is_malformed && has_length && stream->content_end < length) {
    ah_error_say(err, AHTTP_ETRUNCATED, AHTTP_PHASE_NONE,
                 "the response ended after %" PRIu64 " of %" PRIu64
                 " bytes of content",
                 stream->content_bytes, length);
    return;
  }
  /* RFC 9113, section 8.1.1: a malformed message is a PROTOCOL_ERROR, also
   * where nghttp2 finds both sides done and closes without one. */
  ah_h2_error_set_violation(
      err, code == AH_H2_NO_ERROR ? AH_H2_PROTOCOL_ERROR : code,
      has_length && stream->content_bytes != length
          ? AH_STR("the content is not as long as Content-Length says")
          : AH_STR("the response is malformed"));
}

void ah_h2_stream_start(ah_h2_stream *stream, int32_t id, unsigned traits)
{
  *stream = (ah_h2_stream){
      .id = id,
      .arena = stream->arena,
      .response = stream->response,
      .trailers = stream->trailers,
      .content_end = UINT64_MAX,
      .is_for_head = (traits & AH_METHOD_HEAD) != 0,
  };
}

int ah_h2_stream_take_head(ah_h2_stream *stream, const ah_response_head *head,
                           size_t bytes)
{
  stream->head_bytes += bytes;
  if (head->status >= 200) {
    stream->is_head_received = true;
    *stream->response = *head;
    return AHTTP_OK;
  }
  stream->interim_count++;
  return stream->interim_count > AH_H2_INTERIM_MAX ? AHTTP_ELIMIT : AHTTP_OK;
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
    stream_explain_closed(stream, code, err);
  }
}

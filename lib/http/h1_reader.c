/* SPDX-License-Identifier: MIT */
/*
 * A response is lines (the status line, fields, the empty line), then content,
 * then perhaps lines again (the trailer section).  Before it there may be
 * interim responses, which are lines only.  h1_section reads the lines,
 * h1_framing tells where the content ends, h1_chunked undoes the chunked
 * coding; here is which of them is next.
 *
 * Tolerated, because servers do it and nobody is misled: a missing reason
 * phrase and the blank before it, LF for CRLF in the header section (RFC 9112,
 * section 2.2), obs-fold, any bytes but control characters in values.
 * Everything else that the grammar does not have is an error.
 */
#include "config.h"
#include "http/h1_reader.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/error.h"
#include "http/h1_text.h"

#define VERSION_PREFIX "HTTP/1."

enum {
  VERSION_PREFIX_LEN = sizeof(VERSION_PREFIX) - 1,
  STATUS_AT = 9,       /* "HTTP/1.1 " */
  STATUS_LINE_MIN = 12 /* "HTTP/1.1 200" */
};

#define TO(state) (1u << AH_H1_READER_##state)
static const unsigned reader_edges[AH_H1_READER_STATES] = {
    [AH_H1_READER_IDLE] = TO(STATUS),
    [AH_H1_READER_STATUS] = TO(FIELDS) | TO(FAILED),
    [AH_H1_READER_FIELDS] = TO(STATUS) | TO(LENGTH) | TO(CHUNKED) | TO(CLOSE) |
                            TO(ENDING) | TO(FAILED),
    [AH_H1_READER_LENGTH] = TO(ENDING) | TO(FAILED),
    [AH_H1_READER_CHUNKED] = TO(TRAILERS) | TO(FAILED),
    [AH_H1_READER_TRAILERS] = TO(ENDING) | TO(FAILED),
    [AH_H1_READER_CLOSE] = TO(ENDING) | TO(FAILED),
    [AH_H1_READER_ENDING] = TO(IDLE),
    [AH_H1_READER_FAILED] = 0,
};
#undef TO

static void reader_set_state(ah_h1_reader *reader, ah_h1_reader_state next)
{
  ah_assert((reader_edges[reader->state] & (1u << next)) != 0);
  reader->state = next;
}

static int reader_fail(ah_h1_reader *reader, int code, const char *why)
{
  reader_set_state(reader, AH_H1_READER_FAILED);
  reader->error = code;
  reader->why = why;
  return code;
}

static int reader_fail_memory(ah_h1_reader *reader)
{
  return reader_fail(reader, AHTTP_ENOMEM, "out of memory");
}

/* False once no further byte can make |line| a status line: so a peer that
 * speaks another protocol is noticed without waiting for a line end. */
static bool status_line_may_become(ahttp_str line)
{
  size_t len = line.len < VERSION_PREFIX_LEN ? line.len : VERSION_PREFIX_LEN;
  return len == 0 || memcmp(line.ptr, VERSION_PREFIX, len) == 0;
}

static int digit_of(char c)
{
  return c - '0';
}

/* RFC 9112, section 4: status-line = HTTP-version SP status-code SP [ reason ].
 * The second SP may be missing with the reason. */
static const char *status_line_read(ah_response_head *head, ahttp_str line,
                                    ahttp_str *reason)
{
  if (line.len < STATUS_LINE_MIN || !status_line_may_become(line)) {
    return "not an HTTP/1 response";
  }
  char minor = line.ptr[VERSION_PREFIX_LEN];
  if ((minor != '0' && minor != '1') || line.ptr[STATUS_AT - 1] != ' ') {
    return "unsupported HTTP version";
  }
  const char *code = line.ptr + STATUS_AT;
  if (!ah_str_all(ah_str(code, 3), AH_CHAR_DIGIT) || code[0] == '0') {
    return "invalid status code";
  }
  if (line.len > STATUS_LINE_MIN && line.ptr[STATUS_LINE_MIN] != ' ') {
    return "invalid status line";
  }
  *reason = ah_str(NULL, 0);
  if (line.len > STATUS_LINE_MIN) {
    *reason =
        ah_str(line.ptr + STATUS_LINE_MIN + 1, line.len - STATUS_LINE_MIN - 1);
  }
  if (!ah_h1_text_is_clean(*reason)) {
    return "control character in the reason phrase";
  }
  head->version = minor == '1' ? AHTTP_VERSION_1_1 : AHTTP_VERSION_1_0;
  head->status =
      digit_of(code[0]) * 100 + digit_of(code[1]) * 10 + digit_of(code[2]);
  return NULL;
}

static bool status_is_interim(int status)
{
  return status < 200 && status != 101;
}

static int reader_take_status(ah_h1_reader *reader, ahttp_str line)
{
  ah_response_head head = {.status = 0};
  ahttp_str reason;
  const char *why = status_line_read(&head, line, &reason);
  if (why != NULL) {
    return reader_fail(reader, AHTTP_EPROTO, why);
  }
  if (head.status == 101 && !reader->expected.upgrade) {
    /* RFC 9110, section 7.8: only to a protocol the client asked for. */
    return reader_fail(reader, AHTTP_EPROTO, "unasked-for protocol switch");
  }
  if (ah_arena_copy(reader->expected.arena, reason, &head.reason) != AHTTP_OK) {
    return reader_fail_memory(reader);
  }
  reader->head =
      status_is_interim(head.status) ? &reader->interim : reader->expected.head;
  *reader->head = head;
  ah_fields_init(&reader->head->fields, reader->expected.arena);
  reader_set_state(reader, AH_H1_READER_FIELDS);
  return AHTTP_OK;
}

static int reader_give(ah_h1_event *event, ah_h1_event_kind kind)
{
  *event = (ah_h1_event){.kind = kind};
  return AHTTP_OK;
}

static int reader_end_interim(ah_h1_reader *reader, ah_h1_event *event)
{
  if (reader->interim_count == AH_H1_INTERIM_MAX) {
    return reader_fail(reader, AHTTP_ELIMIT, "too many interim responses");
  }
  reader->interim_count++;
  reader_set_state(reader, AH_H1_READER_STATUS);
  *event = (ah_h1_event){.kind = AH_H1_INFORMATIONAL, .head = reader->head};
  return AHTTP_OK;
}

static ah_h1_reader_state state_for(const ah_h1_framing *framing)
{
  switch (framing->content) {
  case AH_H1_CONTENT_NONE:
    return AH_H1_READER_ENDING;
  case AH_H1_CONTENT_LENGTH:
    return framing->length == 0 ? AH_H1_READER_ENDING : AH_H1_READER_LENGTH;
  case AH_H1_CONTENT_CHUNKED:
    return AH_H1_READER_CHUNKED;
  case AH_H1_CONTENT_UNTIL_CLOSE:
    break;
  }
  return AH_H1_READER_CLOSE;
}

/* The empty line after the header section. */
static int reader_end_head(ah_h1_reader *reader, ah_h1_event *event)
{
  if (status_is_interim(reader->head->status)) {
    return reader_end_interim(reader, event);
  }
  const char *why = NULL;
  int rv = ah_h1_framing_of(&reader->framing, reader->head,
                            reader->expected.traits, &why);
  if (rv != AHTTP_OK) {
    return reader_fail(reader, rv, why);
  }
  reader->left = reader->framing.length;
  if (reader->framing.content == AH_H1_CONTENT_CHUNKED) {
    ah_h1_chunked_init(&reader->chunked);
  }
  reader_set_state(reader, state_for(&reader->framing));
  *event = (ah_h1_event){.kind = AH_H1_HEAD, .head = reader->head};
  return AHTTP_OK;
}

static int reader_give_end(ah_h1_reader *reader, ah_h1_event *event)
{
  reader_set_state(reader, AH_H1_READER_IDLE);
  return reader_give(event, AH_H1_END);
}

static void trailers_drop_forbidden(ahttp_fields *trailers)
{
  for (ah_field_id id = 0; id < AH_FIELD_OTHER; id++) {
    if (!ah_field_may_be_trailer(id)) {
      ah_fields_remove(trailers, id);
    }
  }
}

/* The empty line after the trailer section. */
static int reader_end_trailers(ah_h1_reader *reader, ah_h1_event *event)
{
  ahttp_fields *trailers = reader->expected.trailers;
  trailers_drop_forbidden(trailers);
  reader_set_state(reader, AH_H1_READER_ENDING);
  if (trailers->count == 0) {
    return reader_give_end(reader, event);
  }
  return reader_give(event, AH_H1_TRAILERS);
}

/* The results of the section's functions, failures noted. */
static int reader_from_section(ah_h1_reader *reader, int rv)
{
  return rv < 0 ? reader_fail(reader, rv, reader->section.why) : rv;
}

static int reader_next_status(ah_h1_reader *reader, ah_h1_input *in)
{
  ahttp_str line = {NULL, 0};
  int rv = ah_h1_section_read_line(&reader->section, in, &line);
  if (rv == AHTTP_OK) {
    return reader_take_status(reader, line);
  }
  if (rv == AH_MORE &&
      !status_line_may_become(ah_h1_section_partial(&reader->section))) {
    return reader_fail(reader, AHTTP_EPROTO, "not an HTTP/1 response");
  }
  return reader_from_section(reader, rv);
}

/* A status line, then fields, to the end of the header section. */
static int reader_next_head(ah_h1_reader *reader, ah_h1_input *in,
                            ah_h1_event *event)
{
  reader->started = reader->started || in->len > 0;
  if (reader->state == AH_H1_READER_STATUS) {
    int rv = reader_next_status(reader, in);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  int rv =
      ah_h1_section_read_fields(&reader->section, in, &reader->head->fields);
  return rv == AHTTP_OK ? reader_end_head(reader, event)
                        : reader_from_section(reader, rv);
}

static int reader_next_trailers(ah_h1_reader *reader, ah_h1_input *in,
                                ah_h1_event *event)
{
  int rv = ah_h1_section_read_fields(&reader->section, in,
                                     reader->expected.trailers);
  return rv == AHTTP_OK ? reader_end_trailers(reader, event)
                        : reader_from_section(reader, rv);
}

static int reader_give_body(ah_h1_reader *reader, ahttp_str body,
                            ah_h1_event *event)
{
  reader->received += body.len;
  *event = (ah_h1_event){.kind = AH_H1_BODY, .body = body};
  return AHTTP_OK;
}

/* Content that is the next bytes as they are, at most |max|. */
static int reader_next_plain(ah_h1_reader *reader, ah_h1_input *in,
                             uint64_t max, ah_h1_event *event)
{
  size_t len = in->len - in->used;
  if (len == 0) {
    return AH_MORE;
  }
  if (len > max) {
    len = (size_t)max;
  }
  ahttp_str body = ah_str(in->data + in->used, len);
  in->used += len;
  return reader_give_body(reader, body, event);
}

static int reader_next_length(ah_h1_reader *reader, ah_h1_input *in,
                              ah_h1_event *event)
{
  int rv = reader_next_plain(reader, in, reader->left, event);
  if (rv == AHTTP_OK) {
    reader->left -= event->body.len;
    if (reader->left == 0) {
      reader_set_state(reader, AH_H1_READER_ENDING);
    }
  }
  return rv;
}

static int reader_next_chunked(ah_h1_reader *reader, ah_h1_input *in,
                               ah_h1_event *event)
{
  size_t used = 0;
  ahttp_str body;
  int rv =
      ah_h1_chunked_next(&reader->chunked, (const uint8_t *)in->data + in->used,
                         in->len - in->used, &used, &body);
  in->used += used;
  if (rv == AH_MORE) {
    return rv;
  }
  if (rv != AHTTP_OK) {
    return reader_fail(reader, rv, reader->chunked.why);
  }
  if (body.len > 0) {
    return reader_give_body(reader, body, event);
  }
  reader_set_state(reader, AH_H1_READER_TRAILERS);
  ah_h1_section_begin(&reader->section, true);
  ah_fields_init(reader->expected.trailers, reader->expected.arena);
  return reader_next_trailers(reader, in, event);
}

static int reader_dispatch(ah_h1_reader *reader, ah_h1_input *in,
                           ah_h1_event *event)
{
  switch (reader->state) {
  case AH_H1_READER_STATUS:
  case AH_H1_READER_FIELDS:
    return reader_next_head(reader, in, event);
  case AH_H1_READER_TRAILERS:
    return reader_next_trailers(reader, in, event);
  case AH_H1_READER_LENGTH:
    return reader_next_length(reader, in, event);
  case AH_H1_READER_CHUNKED:
    return reader_next_chunked(reader, in, event);
  case AH_H1_READER_CLOSE:
    return reader_next_plain(reader, in, UINT64_MAX, event);
  case AH_H1_READER_ENDING:
    return reader_give_end(reader, event);
  case AH_H1_READER_FAILED:
    return reader->error;
  case AH_H1_READER_IDLE:
  case AH_H1_READER_STATES:
    break;
  }
  ah_assert(false); /* nobody expects a response */
  return AHTTP_EPROTO;
}

void ah_h1_reader_init(ah_h1_reader *reader)
{
  *reader = (ah_h1_reader){.state = AH_H1_READER_IDLE};
  ah_h1_section_init(&reader->section);
}

void ah_h1_reader_clear(ah_h1_reader *reader)
{
  ah_h1_section_clear(&reader->section);
  ah_h1_reader_init(reader);
}

void ah_h1_reader_expect(ah_h1_reader *reader, const ah_h1_expected *expected)
{
  reader_set_state(reader, AH_H1_READER_STATUS);
  reader->expected = *expected;
  reader->started = false;
  ah_h1_section_begin(&reader->section, false);
  reader->interim_count = 0;
  reader->left = 0;
  reader->received = 0;
}

int ah_h1_reader_next(ah_h1_reader *reader, const uint8_t *data, size_t len,
                      size_t *consumed, ah_h1_event *event)
{
  ah_h1_input in = {.data = (const char *)data, .len = len};
  int rv = reader_dispatch(reader, &in, event);
  *consumed = in.used;
  return rv;
}

int ah_h1_reader_end(ah_h1_reader *reader, bool clean, ahttp_error *err)
{
  switch (reader->state) {
  case AH_H1_READER_IDLE:
  case AH_H1_READER_ENDING:
    return AHTTP_OK;
  case AH_H1_READER_CLOSE:
    if (clean) {
      reader_set_state(reader, AH_H1_READER_ENDING);
      return AHTTP_OK;
    }
    /* RFC 8446, section 6.1: who cut it off may have cut off content. */
    ah_error_say(err, AHTTP_ETRUNCATED, AHTTP_PHASE_RECEIVE,
                 "TLS ended without a closing alert after %" PRIu64
                 " bytes of content of unknown length",
                 reader->received);
    return err->code;
  case AH_H1_READER_LENGTH:
    ah_error_say(err, AHTTP_ETRUNCATED, AHTTP_PHASE_RECEIVE,
                 "the response ended after %" PRIu64 " of %" PRIu64
                 " bytes of content",
                 reader->received, reader->framing.length);
    return err->code;
  case AH_H1_READER_CHUNKED:
  case AH_H1_READER_TRAILERS:
    ah_error_say(err, AHTTP_ETRUNCATED, AHTTP_PHASE_RECEIVE,
                 "the response ended after %" PRIu64
                 " bytes of chunked content, before its end",
                 reader->received);
    return err->code;
  case AH_H1_READER_FAILED:
    ah_error_say(err, reader->error, AHTTP_PHASE_RECEIVE, "%s", reader->why);
    return err->code;
  case AH_H1_READER_STATUS:
  case AH_H1_READER_FIELDS:
  case AH_H1_READER_STATES:
    break;
  }
  if (!reader->started) {
    ah_error_plain(err, AHTTP_EDISCONNECTED, AHTTP_PHASE_WAIT);
  } else {
    ah_error_say(err, AHTTP_ETRUNCATED, AHTTP_PHASE_WAIT,
                 "the response ended within its header section, after %zu "
                 "bytes",
                 reader->section.bytes);
  }
  return err->code;
}

bool ah_h1_reader_is_ending(const ah_h1_reader *reader)
{
  return reader->state == AH_H1_READER_ENDING;
}

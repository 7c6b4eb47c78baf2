/* SPDX-License-Identifier: MIT */
/*
 * Undoes content codings on the way to the user.
 *
 * The decoder (http/decoder.h) is made when the first byte of content arrives:
 * a response without content (HEAD, 204, 304) costs nothing and cannot be
 * damaged, whatever its Content-Encoding says.
 *
 * However far the input expands, what there is of the output is one chunk, and
 * a turn of the loop decodes a limited amount: then the input waits in the
 * chain, the exchange rests, and a deadline of no time goes on after the loop
 * has looked at its other sockets.  The same happens when the user pauses or
 * owes credit; then the chain comes again by itself.
 *
 * The chain keeps input that was not used, and comes again because of it.  When
 * a decoder has taken all of its input and still has output to give, one byte
 * is therefore said to be unused; |ahead| remembers that it is not to be
 * decoded twice.
 *
 * Content that is only a part (206) of something encoded cannot be decoded and
 * comes as it is, and so does content with a coding that is not known: the
 * coding was not asked for, and who gets it can read Content-Encoding.  HTTPX
 * undoes the codings it knows among others, which undoes the wrong layer; curl
 * fails.
 */
#include "config.h"

#include "client/content_decoder.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "client/chain.h"
#include "http/decoder.h"

enum {
  /* What is given to the user at a time: as much as an undecoded read. */
  OUT_BYTES = AH_LOOP_READ_BYTES,
  /* What is decoded in one turn of the loop: some 10 ms of gzip, as long as
   * other connections have to wait for it. */
  TURN_BYTES = 4 * 1024 * 1024,
  /* Content up to this hurts nobody, however small it was. */
  RATIO_FREE_BYTES = 8 * 1024 * 1024,
  STATUS_PARTIAL_CONTENT = 206
};

/* The state of a call. */
typedef struct decoding {
  ahttp_call *call;
  ah_codings codings; /* of this hop's response; none: not decoded */
  ah_decoder *decoder;
  uint8_t *out;       /* OUT_BYTES; made with |decoder| */
  uint64_t out_bytes; /* given to the next one */
  size_t ahead;       /* 1: the next input byte has been decoded; else 0 */
  ah_deadline next_turn;
} decoding;

static void decoding_on_next_turn(ah_deadline *deadline)
{
  decoding *self = AH_CONTAINER(deadline, decoding, next_turn);
  ah_chain_resume(self->call);
}

static decoding *decoding_find(const ahttp_call *call)
{
  return ah_call_find_state(call, AH_AT_DECODE);
}

static decoding *decoding_of(ahttp_call *call)
{
  decoding *self = ah_call_state(call, AH_AT_DECODE, sizeof(*self));
  if (self != NULL) {
    self->call = call;
    self->next_turn.expired = decoding_on_next_turn;
  }
  return self;
}

/* Gives the memory back. */
static void decoding_stop(decoding *self)
{
  ah_deadline_stop(&self->next_turn);
  ah_decoder_free(self->decoder);
  ah_free(self->out);
  self->decoder = NULL;
  self->out = NULL;
  self->ahead = 0;
}

/* --- The head. ------------------------------------------------------------ */

static ah_codings codings_of(const ah_response_head *head)
{
  ah_codings codings;
  ah_codings_init(&codings);
  const ah_field *field =
      ah_fields_find(&head->fields, AH_FIELD_CONTENT_ENCODING);
  for (; field != NULL; field = ah_fields_find_next(&head->fields, field)) {
    ah_codings_add(&codings, field->value);
  }
  if (head->status == STATUS_PARTIAL_CONTENT) {
    ah_codings_init(&codings);
  }
  return codings;
}

static int decoder_on_head(ahttp_call *call, ahttp_error *err)
{
  decoding *self = decoding_of(call);
  int rv = self == NULL ? AHTTP_ENOMEM : AHTTP_OK;
  if (rv == AHTTP_OK) {
    decoding_stop(self); /* of an earlier hop */
    self->out_bytes = 0;
    self->codings = codings_of(&call->exchange.response);
    if (ah_codings_are_for_us(&self->codings)) {
      rv = ah_call_filter(call, AH_AT_DECODE);
    }
  }
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
  }
  return rv;
}

/* --- The content. --------------------------------------------------------- */

static int decoding_start(decoding *self, ahttp_error *err)
{
  if (self->codings.has_too_many) {
    ah_error_say(err, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the content has more than %d codings", AH_CODINGS_MAX);
    return AHTTP_ELIMIT;
  }
  int rv = ah_decoder_new(&self->decoder, &self->codings);
  if (rv == AHTTP_OK) {
    self->out = ah_malloc(OUT_BYTES);
    rv = self->out == NULL ? AHTTP_ENOMEM : AHTTP_OK;
  }
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
  }
  return rv;
}

static int decoding_fail(const decoding *self, int rv, ahttp_error *err)
{
  if (rv == AHTTP_EDECODE) {
    ah_error_say(
        err, rv, AHTTP_PHASE_RECEIVE, "the %s content could not be decoded: %s",
        ah_decoder_coding(self->decoder), ah_decoder_why(self->decoder));
  } else {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
  }
  return rv;
}

/* Decodes one chunk of |io|'s rest and passes it on.  AH_MORE: give more input;
 * AHTTP_OK: there may be more; AH_BLOCKED: so too, but nobody takes it now. */
static int decoding_step(decoding *self, ah_decoder_io *io, ahttp_error *err)
{
  int rv = ah_decoder_run(self->decoder, io);
  if (rv < 0) {
    return decoding_fail(self, rv, err);
  }
  self->out_bytes += io->made;
  int emitted = ah_call_emit(self->call, AH_AT_DECODE, self->out, io->made);
  if (emitted < 0) {
    return AHTTP_ECANCELED;
  }
  if (emitted == AH_BLOCKED && rv == AHTTP_OK) {
    return AH_BLOCKED;
  }
  return rv;
}

/* Decodes at most a turn's worth; returns as decoding_step(). */
static int decoding_run(decoding *self, const uint8_t *data, size_t len,
                        size_t *used, ahttp_error *err)
{
  size_t made = 0;
  int rv;
  *used = 0;
  do {
    ah_decoder_io io = {.in = data + *used,
                        .in_len = len - *used,
                        .out = self->out,
                        .out_cap = OUT_BYTES};
    rv = decoding_step(self, &io, err);
    *used += io.used;
    made += io.made;
  } while (rv == AHTTP_OK && made < TURN_BYTES);
  return rv;
}

static int decoder_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                           size_t *used, ahttp_error *err)
{
  decoding *self = decoding_find(call);
  *used = 0;
  if (self->decoder == NULL) {
    int rv = decoding_start(self, err);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  size_t ahead = self->ahead;
  int rv = decoding_run(self, data + ahead, len - ahead, used, err);
  *used += ahead;
  self->ahead = 0;
  if (rv == AHTTP_ECANCELED) {
    return AHTTP_OK; /* the call has ended, and knows why */
  }
  if (rv < 0 || rv == AH_MORE) {
    return rv < 0 ? rv : AHTTP_OK;
  }
  if (*used == len) {
    *used = len - 1;
    self->ahead = 1;
  }
  if (rv == AHTTP_OK) {
    ah_deadline_start(call->loop, &self->next_turn, 0);
  }
  return AHTTP_OK;
}

static int decoder_on_end(ahttp_call *call, ahttp_error *err)
{
  const decoding *self = decoding_find(call);
  if (self->decoder == NULL) {
    return AHTTP_OK;
  }
  int rv = ah_decoder_end(self->decoder);
  return rv == AHTTP_OK ? rv : decoding_fail(self, rv, err);
}

static void decoder_on_done(ahttp_call *call)
{
  decoding *self = decoding_find(call);
  if (self != NULL) {
    decoding_stop(self);
  }
}

const ah_interceptor ah_content_decoder = {
    .name = "decode",
    .on_head = decoder_on_head,
    .on_body = decoder_on_body,
    .on_end = decoder_on_end,
    .on_done = decoder_on_done,
};

/* --- For others. ---------------------------------------------------------- */

bool ah_content_decoder_has_decoded(const ahttp_call *call)
{
  const decoding *self = decoding_find(call);
  return self != NULL && ah_codings_are_for_us(&self->codings);
}

uint64_t ah_content_decoder_bytes(const ahttp_call *call)
{
  return ah_content_decoder_has_decoded(call) ? decoding_find(call)->out_bytes
                                              : call->exchange.bytes.body;
}

bool ah_ratio_is_over(uint32_t ratio_max, size_t len, uint64_t wire_len)
{
  return len > RATIO_FREE_BYTES && ratio_max != UINT32_MAX &&
         len / ratio_max > wire_len;
}

void ah_ratio_explain(uint32_t ratio_max, ahttp_error *err)
{
  ah_error_say(err, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
               "the content is more than %u times as long as what arrived for "
               "it (decode_ratio_max)",
               (unsigned)ratio_max);
}

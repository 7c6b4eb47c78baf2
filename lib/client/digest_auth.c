/* SPDX-License-Identifier: MIT */
/*
 * Digest (RFC 7616), and whatever the server asks for, Digest or Basic.
 *
 * One object serves any number of calls and clients.  What it remembers are the
 * challenges (auth_spaces.c), by origin; a call remembers what it has answered.
 * A call's hop goes like this:
 *
 *   1. There is a challenge that is likely to be this URL's: it is answered
 *      without being asked, with the next count.  Else the request goes bare.
 *   2. 401 with a challenge: remembered, and answered in another round.
 *   3. 401 to an answer that was made for the call's own challenge: the
 *      password is wrong, the response is the user's.  Unless it says stale, in
 *      a fresh nonce: that is answered too, STALES_MAX times.
 *
 * So a server gets at most 2 + STALES_MAX requests for one, whatever it says.
 * If there is no challenge that we know, the 401 is the user's as well; one
 * that nobody could know what to do with is an error that says so, as in HTTPX.
 *
 * The server answers with Authentication-Info (section 3.5), sometimes.  It may
 * name the next nonce, which saves the round that a stale one costs; not for
 * -sess, where the password is hashed with the nonce of the challenge: there a
 * new challenge is waited for.  If it proves that it knows the password, the
 * proof is checked, and a wrong one is an error: this is another server than
 * the one that the password is for.
 */
#include "config.h"

#include "client/auth.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "client/auth_spaces.h"
#include "client/call.h"

enum {
  /* A nonce may be used up by others between its challenge and the answer, once
   * or twice; a server that never is content with one is broken. */
  STALES_MAX = 2,
  /* Content is hashed in pieces of this size. */
  PIECE_BYTES = 16 * 1024
};

typedef struct digest_auth {
  ah_arena arena; /* strings */
  ahttp_str username;
  ahttp_str password;
  ahttp_str basic; /* a value of Authorization; empty: not to be used */
  bool basic_in_clear;
  ah_auth_spaces *spaces;
} digest_auth;

/* What the request before this one has brought. */
typedef enum digest_round {
  ROUND_FIRST,  /* nothing: it is the hop's first */
  ROUND_DIGEST, /* a challenge of |realm| */
  ROUND_BASIC
} digest_round;

/* Of one call. */
typedef struct digest_flow {
  digest_round round; /* of the request that was sent last */
  digest_round next;  /* of the one that on_response has asked for */
  ahttp_str realm;
  unsigned stales; /* nonces that were, since a hop's first */
  bool has_answer; /* the request has one, which |ticket| is about */
  ah_auth_ticket ticket;
} digest_flow;

/* --- The request. ----------------------------------------------------------
 */

static int say(ahttp_auth_flow *flow, int code, ahttp_phase phase,
               const char *text)
{
  ah_error_say(ah_auth_flow_error(flow), code, phase, "%s", text);
  return code;
}

static int hash_pieces(ahttp_auth_flow *flow, ah_digest_hash *hash)
{
  uint8_t *piece = ah_malloc(PIECE_BYTES);
  uint64_t offset = 0;
  size_t len = 0;
  int rv = piece == NULL ? AHTTP_ENOMEM : AHTTP_OK;
  while (rv == AHTTP_OK) {
    rv = ahttp_auth_flow_read(flow, offset, piece, PIECE_BYTES, &len);
    if (rv != AHTTP_OK || len == 0) {
      break;
    }
    rv = ah_digest_hash_add(hash, piece, len);
    offset += len;
  }
  ah_free(piece);
  return rv;
}

/* Writes the hash of the whole content (RFC 7616, section 3.4.3). */
static int hash_content(ahttp_auth_flow *flow, ah_digest_algorithm algorithm,
                        char out[AH_DIGEST_HEX_MAX])
{
  ah_digest_hash *hash;
  int rv = ah_digest_hash_new(&hash, algorithm);
  if (rv == AHTTP_OK) {
    rv = hash_pieces(flow, hash);
  }
  if (rv == AHTTP_OK) {
    rv = ah_digest_hash_end(hash, out);
  }
  ah_digest_hash_free(hash);
  if (rv == AHTTP_EBODY || rv == AHTTP_BODY_WAIT) {
    return say(flow, AHTTP_EBODY, AHTTP_PHASE_SEND,
               "the server wants the request content signed (auth-int), which "
               "cannot be read before it is sent");
  }
  return rv;
}

static ah_digest_answer answer_of(const digest_auth *self,
                                  const ah_auth_ticket *ticket,
                                  const ah_request_head *head)
{
  return (ah_digest_answer){
      .username = self->username,
      .password = self->password,
      .method = head->method,
      .target = ah_url_target(head->url),
      .cnonce = ah_str(ticket->cnonce, sizeof(ticket->cnonce)),
      .count = ticket->count,
  };
}

static int digest_value(ahttp_auth_flow *flow, const digest_auth *self,
                        ahttp_str *out)
{
  const digest_flow *state = ahttp_auth_flow_state(flow);
  const ah_digest_challenge *challenge = &state->ticket.challenge;
  ahttp_call *call = ahttp_auth_flow_call(flow);
  ah_digest_answer answer =
      answer_of(self, &state->ticket, &call->exchange.request);
  char hex[AH_DIGEST_HEX_MAX];
  int rv = AHTTP_OK;
  if (challenge->qop == AH_DIGEST_AUTH_INT) { /* nothing else is offered */
    rv = hash_content(flow, challenge->algorithm, hex);
    if (rv == AHTTP_OK) {
      answer.content_hash = ah_str_from_c(hex);
    }
  }
  if (rv == AHTTP_OK) {
    rv = ah_digest_authorize(challenge, &answer, &call->arena, out);
  }
  if (rv == AHTTP_ESTATE) {
    return say(flow, rv, AHTTP_PHASE_SEND,
               "OpenSSL is not allowed to use the hash that the server wants");
  }
  return rv;
}

static bool may_use_basic(const digest_auth *self, const ahttp_url *url)
{
  return self->basic.len > 0 &&
         (self->basic_in_clear || ah_str_eq(url->scheme, AH_STR("https")));
}

/* Finds what the request is to be answered with, if anything. */
static int flow_take_ticket(ahttp_auth_flow *flow, const digest_auth *self)
{
  digest_flow *state = ahttp_auth_flow_state(flow);
  ahttp_call *call = ahttp_auth_flow_call(flow);
  const ahttp_url *url = call->exchange.request.url;
  if (state->round == ROUND_BASIC) {
    state->ticket = (ah_auth_ticket){.is_basic = true};
    state->has_answer = true;
    return AHTTP_OK;
  }
  ahttp_str realm =
      state->round == ROUND_DIGEST ? state->realm : ah_str(NULL, 0);
  int rv = ah_auth_spaces_find(self->spaces, url, realm, &call->arena,
                               &state->ticket);
  state->has_answer = rv == AHTTP_OK;
  return rv == AHTTP_ENOTFOUND ? AHTTP_OK : rv;
}

static int digest_on_request(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                             void *user_data)
{
  digest_auth *self = user_data;
  digest_flow *state = ahttp_auth_flow_state(flow);
  state->has_answer = false;
  state->round = state->next;
  state->next = ROUND_FIRST; /* redirects lead to hops nobody has asked for */
  if (ah_auth_flow_has_own(flow)) {
    return AHTTP_OK;
  }
  if (state->round == ROUND_FIRST) {
    state->stales = 0;
  }
  int rv = flow_take_ticket(flow, self);
  if (rv != AHTTP_OK || !state->has_answer) {
    return rv;
  }
  ahttp_str value = self->basic;
  if (!state->ticket.is_basic) {
    rv = digest_value(flow, self, &value);
  }
  return rv == AHTTP_OK ? ahttp_outgoing_set_field(
                              outgoing, AH_STR("authorization"), value)
                        : rv;
}

/* --- A response that asks for more. ----------------------------------------
 */

static bool offers_basic(const ahttp_fields *fields)
{
  for (const ah_field *field =
           ah_fields_find(fields, AH_FIELD_WWW_AUTHENTICATE);
       field != NULL; field = ah_fields_find_next(fields, field)) {
    ahttp_str value = field->value;
    ah_challenge challenge;
    while (ah_challenge_next(&value, &challenge)) {
      if (ah_str_ieq(challenge.scheme, AH_STR("Basic"))) {
        return true;
      }
    }
  }
  return false;
}

/* Whether |challenge| (NULL: one for Basic) is worth an answer. */
static bool flow_may_answer(digest_flow *state,
                            const ah_digest_challenge *challenge)
{
  if (state->round == ROUND_FIRST) {
    return true; /* a guess is no attempt */
  }
  if (challenge == NULL || state->round != ROUND_DIGEST ||
      !challenge->is_stale || state->stales == STALES_MAX ||
      ah_str_eq(challenge->nonce, state->ticket.challenge.nonce)) {
    return false;
  }
  state->stales++;
  return true;
}

/* Remembers |challenge| (NULL: one for Basic) and has it answered. */
static int flow_answer(ahttp_auth_flow *flow, const digest_auth *self,
                       const ah_digest_challenge *challenge)
{
  digest_flow *state = ahttp_auth_flow_state(flow);
  const ahttp_url *url = ahttp_auth_flow_call(flow)->exchange.request.url;
  if (!flow_may_answer(state, challenge)) {
    return AHTTP_OK;
  }
  int rv = ah_auth_spaces_put(self->spaces, url, challenge);
  if (rv == AHTTP_ESTATE) {
    return say(flow, rv, AHTTP_PHASE_RECEIVE,
               "there are no random numbers to be had from OpenSSL");
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  state->next = challenge == NULL ? ROUND_BASIC : ROUND_DIGEST;
  if (challenge != NULL) {
    rv = ah_arena_copy(&ahttp_auth_flow_call(flow)->arena, challenge->realm,
                       &state->realm);
  }
  return rv == AHTTP_OK ? AHTTP_AGAIN : rv;
}

static int flow_on_challenge(ahttp_auth_flow *flow, const digest_auth *self,
                             const ahttp_fields *fields)
{
  ahttp_call *call = ahttp_auth_flow_call(flow);
  ah_digest_challenge challenge;
  const char *why = "";
  int rv = ah_digest_choose(&challenge, fields, AH_FIELD_WWW_AUTHENTICATE,
                            &call->arena, &why);
  if (rv == AHTTP_OK) {
    return flow_answer(flow, self, &challenge);
  }
  if (rv == AHTTP_ENOMEM) {
    return rv;
  }
  if (may_use_basic(self, call->exchange.request.url) && offers_basic(fields)) {
    return flow_answer(flow, self, NULL);
  }
  if (rv == AHTTP_EPROTO) {
    ah_error_say(ah_auth_flow_error(flow), rv, AHTTP_PHASE_RECEIVE,
                 "the server's Digest challenge cannot be answered: %s", why);
    return rv;
  }
  return AHTTP_OK;
}

/* --- A response that does not. ---------------------------------------------
 */

/* RFC 7616, section 3.5: not by auth-int, which covers content that has not
 * arrived yet; nor if it is about another request than this. */
static int flow_check_server(ahttp_auth_flow *flow, const digest_auth *self,
                             const ah_challenge *info)
{
  ahttp_call *call = ahttp_auth_flow_call(flow);
  const digest_flow *state = ahttp_auth_flow_state(flow);
  const ah_digest_challenge *challenge = &state->ticket.challenge;
  ahttp_str rspauth;
  ahttp_str cnonce;
  ahttp_str qop;
  if (ah_challenge_find(info, AH_STR("rspauth"), &call->arena, &rspauth) !=
          AHTTP_OK ||
      ah_challenge_find(info, AH_STR("cnonce"), &call->arena, &cnonce) !=
          AHTTP_OK ||
      ah_challenge_find(info, AH_STR("qop"), &call->arena, &qop) != AHTTP_OK) {
    return AHTTP_ENOMEM;
  }
  ah_digest_answer answer =
      answer_of(self, &state->ticket, &call->exchange.request);
  if (rspauth.ptr == NULL || (challenge->qop & AH_DIGEST_AUTH) == 0 ||
      !ah_str_ieq(qop, AH_STR("auth")) || !ah_str_eq(cnonce, answer.cnonce)) {
    return AHTTP_OK;
  }
  char want[AH_DIGEST_HEX_MAX];
  int rv = ah_digest_rspauth(challenge, &answer, want);
  if (rv == AHTTP_OK && !ah_str_ieq(rspauth, ah_str_from_c(want))) {
    return say(flow, AHTTP_EPROTO, AHTTP_PHASE_RECEIVE,
               "the server does not know the password: rspauth in its "
               "Authentication-Info is wrong");
  }
  return rv;
}

static int flow_use_nextnonce(ahttp_auth_flow *flow, const digest_auth *self,
                              const ah_challenge *info)
{
  ahttp_call *call = ahttp_auth_flow_call(flow);
  const digest_flow *state = ahttp_auth_flow_state(flow);
  ah_digest_challenge next = state->ticket.challenge;
  ahttp_str nonce;
  int rv = ah_challenge_find(info, AH_STR("nextnonce"), &call->arena, &nonce);
  if (rv != AHTTP_OK || nonce.len == 0 || next.is_session) {
    return rv;
  }
  next.nonce = nonce;
  rv = ah_auth_spaces_put(self->spaces, call->exchange.request.url, &next);
  /* Without randomness the old nonce is as good as it was. */
  return rv == AHTTP_ESTATE ? AHTTP_OK : rv;
}

static int flow_on_info(ahttp_auth_flow *flow, const digest_auth *self,
                        const ahttp_fields *fields)
{
  const ah_field *field =
      ah_fields_find_name(fields, AH_STR("authentication-info"));
  ah_challenge info;
  if (field == NULL) {
    return AHTTP_OK;
  }
  ah_challenge_read_params(&info, field->value);
  int rv = flow_check_server(flow, self, &info);
  return rv == AHTTP_OK ? flow_use_nextnonce(flow, self, &info) : rv;
}

static int digest_on_response(ahttp_auth_flow *flow,
                              const ahttp_response *response, void *user_data)
{
  const digest_auth *self = user_data;
  const digest_flow *state = ahttp_auth_flow_state(flow);
  const ahttp_fields *fields = ahttp_response_fields(response);
  if (ah_auth_flow_has_own(flow)) {
    return AHTTP_OK;
  }
  if (ahttp_response_status(response) == 401) {
    return flow_on_challenge(flow, self, fields);
  }
  return state->has_answer && !state->ticket.is_basic
             ? flow_on_info(flow, self, fields)
             : AHTTP_OK;
}

/* --- Lifecycle. ------------------------------------------------------------
 */

static void digest_free(void *user_data)
{
  digest_auth *self = user_data;
  ah_auth_spaces_free(self->spaces);
  ah_arena_clear(&self->arena);
  ah_free(self);
}

static int digest_new(digest_auth **out, ahttp_str username, ahttp_str password)
{
  *out = NULL;
  if (ah_auth_has_control(username) || ah_auth_has_control(password)) {
    return AHTTP_EINVAL;
  }
  digest_auth *self = ah_calloc(1, sizeof(*self));
  if (self == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_arena_init(&self->arena, NULL, 0);
  self->spaces = ah_auth_spaces_new();
  if (self->spaces == NULL ||
      ah_arena_copy(&self->arena, username, &self->username) != AHTTP_OK ||
      ah_arena_copy(&self->arena, password, &self->password) != AHTTP_OK) {
    digest_free(self);
    return AHTTP_ENOMEM;
  }
  *out = self;
  return AHTTP_OK;
}

/* Makes an authentication of |self|, which it owns from here on; |rv| is what
 * has happened so far. */
static int digest_finish(ahttp_auth **out, digest_auth *self, int rv)
{
  ahttp_auth_opts opts = AHTTP_AUTH_OPTS_INIT;
  opts.on_request = digest_on_request;
  opts.on_response = digest_on_response;
  opts.flow_bytes = sizeof(digest_flow);
  opts.free = digest_free;
  opts.user_data = self;
  if (rv == AHTTP_OK) {
    rv = ahttp_auth_new(out, &opts);
  }
  if (rv != AHTTP_OK && self != NULL) {
    digest_free(self);
  }
  return rv;
}

int ahttp_auth_new_digest(ahttp_auth **out, ahttp_str username,
                          ahttp_str password)
{
  digest_auth *self;
  *out = NULL;
  int rv = digest_new(&self, username, password);
  return digest_finish(out, self, rv);
}

int ahttp_auth_new_any(ahttp_auth **out, ahttp_str username, ahttp_str password,
                       bool basic_in_clear)
{
  digest_auth *self;
  *out = NULL;
  int rv = digest_new(&self, username, password);
  if (rv == AHTTP_OK) {
    rv = ah_auth_value_of_pair(&self->basic, &self->arena, username, password);
    self->basic_in_clear = basic_in_clear;
  }
  return digest_finish(out, self, rv);
}

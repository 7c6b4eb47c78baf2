/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_DIGEST_H
#define AH_HTTP_DIGEST_H

#include "base/arena.h"
#include "http/challenge.h"
#include "http/fields.h"

/*
 * Digest access authentication: RFC 7616, and what is older (RFC 2617 and RFC
 * 2069), as pure functions.  Who counts nonces and keeps challenges is above.
 */

/* In the order of strength. */
typedef enum ah_digest_algorithm {
  AH_DIGEST_MD5,
  AH_DIGEST_SHA1, /* "SHA": in no RFC, but on some servers */
  AH_DIGEST_SHA256,
  AH_DIGEST_SHA512_256,
  AH_DIGEST_SHA512 /* "SHA-512": the same */
} ah_digest_algorithm;

enum {
  AH_DIGEST_HEX_MAX = 129, /* SHA-512 in hexadecimal, and a NUL */
  AH_DIGEST_CNONCE_LEN = 32
};

/* Qualities of protection (RFC 7616, section 3.3); a set. */
enum {
  AH_DIGEST_AUTH = 1,
  AH_DIGEST_AUTH_INT = 2
};

/* A challenge, read; the bytes are in an arena or in the field. */
typedef struct ah_digest_challenge {
  ahttp_str realm;
  ahttp_str nonce;
  ahttp_str opaque;         /* ptr NULL: none */
  ahttp_str domain;         /* ptr NULL: none */
  ahttp_str algorithm_name; /* as sent; ptr NULL: none, which means MD5 */
  ah_digest_algorithm algorithm;
  bool is_session; /* ...-sess */
  unsigned qop;    /* AH_DIGEST_AUTH...; 0: none, as in RFC 2069 */
  bool is_stale;   /* the nonce was too old, not the password wrong */
  bool wants_userhash;
} ah_digest_challenge;

/*
 * Reads a challenge of the scheme Digest.  AHTTP_OK; AHTTP_EPROTO and the
 * reason in |*why| (static) if a mandatory parameter is missing or nothing that
 * it offers is known here; AHTTP_ENOMEM.
 */
int ah_digest_read(ah_digest_challenge *out, const ah_challenge *challenge,
                   ah_arena *arena, const char **why);

/*
 * Reads the strongest Digest challenge of all field lines |id| in |fields| (RFC
 * 7616, section 3.7).  AHTTP_OK; AHTTP_ENOTFOUND if there is none;
 * AHTTP_EPROTO and |*why| if none of them is any good; AHTTP_ENOMEM.
 */
int ah_digest_choose(ah_digest_challenge *out, const ahttp_fields *fields,
                     ah_field_id id, ah_arena *arena, const char **why);

/* What an answer is made of. */
typedef struct ah_digest_answer {
  ahttp_str username;
  ahttp_str password;
  ahttp_str method;
  ahttp_str target; /* as in the request line: RFC 7616, section 3.4.6 */
  ahttp_str cnonce; /* fresh for every challenge, from ah_digest_cnonce() */
  uint32_t count;   /* of requests with this nonce, this one included */
  /* The hash of the content by ah_digest_hash...(), in hexadecimal: auth-int is
   * used if it is offered.  ptr NULL: auth is, which must be offered then, or
   * nothing. */
  ahttp_str content_hash;
} ah_digest_answer;

/*
 * Writes the value of Authorization or Proxy-Authorization to |arena|.
 *
 * AHTTP_OK, AHTTP_ENOMEM, or AHTTP_ESTATE: the algorithm is not to be had from
 * OpenSSL here (MD5 where the administrator forbids it).
 */
int ah_digest_authorize(const ah_digest_challenge *challenge,
                        const ah_digest_answer *answer, ah_arena *arena,
                        ahttp_str *out);

/*
 * Computes what rspauth in Authentication-Info must be after |answer|, which
 * was not by auth-int: proof that the server knows the password too (RFC 7616,
 * section 3.5).  Errors as above.
 */
int ah_digest_rspauth(const ah_digest_challenge *challenge,
                      const ah_digest_answer *answer,
                      char out[AH_DIGEST_HEX_MAX]);

/* Fills |out| with random hexadecimal digits; false if there is no randomness.
 */
bool ah_digest_cnonce(char out[AH_DIGEST_CNONCE_LEN]);

/* The hash of content that comes in pieces, for auth-int. */
typedef struct ah_digest_hash ah_digest_hash;

/* AHTTP_OK, AHTTP_ENOMEM or AHTTP_ESTATE, as above. */
int ah_digest_hash_new(ah_digest_hash **out, ah_digest_algorithm algorithm);
/* AHTTP_OK or AHTTP_ENOMEM. */
int ah_digest_hash_add(ah_digest_hash *hash, const void *data, size_t len);
/* Writes the hexadecimal digits and a NUL; nothing can be added after that. */
int ah_digest_hash_end(ah_digest_hash *hash, char out[AH_DIGEST_HEX_MAX]);
/* NULL is allowed. */
void ah_digest_hash_free(ah_digest_hash *hash);

#endif

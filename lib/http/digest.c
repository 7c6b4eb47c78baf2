/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/digest.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

/* --- Hashes. ----------------------------------------------------------------
 */

typedef struct algorithm_row {
  ahttp_str name; /* without -sess */
  const EVP_MD *(*md)(void);
} algorithm_row;

static const algorithm_row algorithms[] = {
    [AH_DIGEST_MD5] = {{"MD5", 3}, EVP_md5},
    [AH_DIGEST_SHA1] = {{"SHA", 3}, EVP_sha1},
    [AH_DIGEST_SHA256] = {{"SHA-256", 7}, EVP_sha256},
    [AH_DIGEST_SHA512_256] = {{"SHA-512-256", 11}, EVP_sha512_256},
    [AH_DIGEST_SHA512] = {{"SHA-512", 7}, EVP_sha512},
};
enum {
  ALGORITHM_COUNT = sizeof(algorithms) / sizeof(algorithms[0])
};

struct ah_digest_hash {
  EVP_MD_CTX *context;
};

static int hash_init(ah_digest_hash *hash, ah_digest_algorithm algorithm)
{
  hash->context = EVP_MD_CTX_new();
  if (hash->context == NULL) {
    return AHTTP_ENOMEM;
  }
  if (EVP_DigestInit_ex(hash->context, algorithms[algorithm].md(), NULL) != 1) {
    EVP_MD_CTX_free(hash->context);
    hash->context = NULL;
    return AHTTP_ESTATE;
  }
  return AHTTP_OK;
}

int ah_digest_hash_new(ah_digest_hash **out, ah_digest_algorithm algorithm)
{
  *out = NULL;
  ah_digest_hash *hash = ah_calloc(1, sizeof(*hash));
  if (hash == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = hash_init(hash, algorithm);
  if (rv != AHTTP_OK) {
    ah_free(hash);
    return rv;
  }
  *out = hash;
  return AHTTP_OK;
}

int ah_digest_hash_add(ah_digest_hash *hash, const void *data, size_t len)
{
  return EVP_DigestUpdate(hash->context, data, len) == 1 ? AHTTP_OK
                                                         : AHTTP_ENOMEM;
}

int ah_digest_hash_end(ah_digest_hash *hash, char out[AH_DIGEST_HEX_MAX])
{
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  out[0] = '\0';
  if (EVP_DigestFinal_ex(hash->context, bytes, &len) != 1) {
    return AHTTP_ENOMEM;
  }
  ah_assert(2 * len < AH_DIGEST_HEX_MAX);
  ah_hex_put(out, bytes, len);
  out[2 * len] = '\0';
  return AHTTP_OK;
}

void ah_digest_hash_free(ah_digest_hash *hash)
{
  if (hash != NULL) {
    EVP_MD_CTX_free(hash->context);
    ah_free(hash);
  }
}

/* H(a ":" b ":" ...) of |count| parts, in hexadecimal. */
static int hash_parts(ah_digest_algorithm algorithm, const ahttp_str *parts,
                      size_t count, char out[AH_DIGEST_HEX_MAX])
{
  ah_digest_hash hash;
  int rv = hash_init(&hash, algorithm);
  for (size_t i = 0; rv == AHTTP_OK && i < count; i++) {
    if (i > 0) {
      rv = ah_digest_hash_add(&hash, ":", 1);
    }
    if (rv == AHTTP_OK && parts[i].len > 0) {
      rv = ah_digest_hash_add(&hash, parts[i].ptr, parts[i].len);
    }
  }
  if (rv == AHTTP_OK) {
    rv = ah_digest_hash_end(&hash, out);
  }
  EVP_MD_CTX_free(hash.context);
  return rv;
}

bool ah_digest_cnonce(char out[AH_DIGEST_CNONCE_LEN])
{
  unsigned char bytes[AH_DIGEST_CNONCE_LEN / 2];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
    return false;
  }
  ah_hex_put(out, bytes, sizeof(bytes));
  return true;
}

/* --- Challenges. ------------------------------------------------------------
 */

/* RFC 7616, section 3.3: "MD5" if there is none; "-sess" in any case. */
static bool read_algorithm(ah_digest_challenge *out)
{
  const ahttp_str session = AH_STR("-sess");
  ahttp_str name = out->algorithm_name;
  if (name.ptr == NULL) {
    out->algorithm = AH_DIGEST_MD5;
    return true;
  }
  if (name.len > session.len &&
      ah_str_ieq(ah_str(name.ptr + name.len - session.len, session.len),
                 session)) {
    out->is_session = true;
    name.len -= session.len;
  }
  for (int i = 0; i < ALGORITHM_COUNT; i++) {
    if (ah_str_ieq(name, algorithms[i].name)) {
      out->algorithm = (ah_digest_algorithm)i;
      return true;
    }
  }
  return false;
}

/* True if there is something in |qop| that we know, or no |qop| at all. */
static bool read_qop(ah_digest_challenge *out, ahttp_str qop)
{
  if (qop.ptr == NULL || qop.len == 0) {
    return true; /* RFC 2069 */
  }
  if (ah_str_list_has(qop, AH_STR("auth"))) {
    out->qop |= AH_DIGEST_AUTH;
  }
  if (ah_str_list_has(qop, AH_STR("auth-int"))) {
    out->qop |= AH_DIGEST_AUTH_INT;
  }
  return out->qop != 0;
}

static int find_text(const ah_challenge *challenge, const char *name,
                     ah_arena *arena, ahttp_str *out)
{
  return ah_challenge_find(challenge, ah_str_from_c(name), arena, out);
}

static int find_flag(const ah_challenge *challenge, const char *name,
                     ah_arena *arena, bool *out)
{
  ahttp_str value;
  int rv = find_text(challenge, name, arena, &value);
  *out = ah_str_ieq(value, AH_STR("true"));
  return rv;
}

static int read_params(ah_digest_challenge *out, const ah_challenge *challenge,
                       ah_arena *arena, ahttp_str *qop)
{
  const struct {
    const char *name;
    ahttp_str *value;
  } texts[] = {{"realm", &out->realm},
               {"nonce", &out->nonce},
               {"opaque", &out->opaque},
               {"domain", &out->domain},
               {"algorithm", &out->algorithm_name},
               {"qop", qop}};
  int rv = AHTTP_OK;
  for (size_t i = 0; rv == AHTTP_OK && i < sizeof(texts) / sizeof(texts[0]);
       i++) {
    rv = find_text(challenge, texts[i].name, arena, texts[i].value);
  }
  if (rv == AHTTP_OK) {
    rv = find_flag(challenge, "stale", arena, &out->is_stale);
  }
  if (rv == AHTTP_OK) {
    rv = find_flag(challenge, "userhash", arena, &out->wants_userhash);
  }
  return rv;
}

int ah_digest_read(ah_digest_challenge *out, const ah_challenge *challenge,
                   ah_arena *arena, const char **why)
{
  ahttp_str qop;
  *out = (ah_digest_challenge){.qop = 0};
  int rv = read_params(out, challenge, arena, &qop);
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (out->realm.ptr == NULL) {
    *why = "it has no realm";
  } else if (out->nonce.ptr == NULL) {
    *why = "it has no nonce";
  } else if (!read_algorithm(out)) {
    *why = "its algorithm is not known";
  } else if (!read_qop(out, qop)) {
    *why = "its qop is neither auth nor auth-int";
  } else {
    return AHTTP_OK;
  }
  return AHTTP_EPROTO;
}

/* Reads every challenge of one field line; the strongest so far stays in
 * |*best|.  |*rv| is AHTTP_OK once there is one. */
static int choose_from(ahttp_str value, ah_digest_challenge *best, int *rv,
                       ah_arena *arena, const char **why)
{
  ah_challenge challenge;
  while (ah_challenge_next(&value, &challenge)) {
    if (!ah_str_ieq(challenge.scheme, AH_STR("Digest"))) {
      continue;
    }
    ah_digest_challenge read;
    int read_rv = ah_digest_read(&read, &challenge, arena, why);
    if (read_rv == AHTTP_ENOMEM) {
      return read_rv;
    }
    if (read_rv == AHTTP_OK &&
        (*rv != AHTTP_OK || read.algorithm > best->algorithm)) {
      *best = read;
    }
    if (*rv != AHTTP_OK) {
      *rv = read_rv;
    }
  }
  return AHTTP_OK;
}

int ah_digest_choose(ah_digest_challenge *out, const ahttp_fields *fields,
                     ah_field_id id, ah_arena *arena, const char **why)
{
  int rv = AHTTP_ENOTFOUND;
  *out = (ah_digest_challenge){.qop = 0};
  for (const ah_field *field = ah_fields_find(fields, id); field != NULL;
       field = ah_fields_find_next(fields, field)) {
    if (choose_from(field->value, out, &rv, arena, why) != AHTTP_OK) {
      return AHTTP_ENOMEM;
    }
  }
  return rv;
}

/* --- Answers. ---------------------------------------------------------------
 */

/* What goes into the response (RFC 7616, section 3.4.1). */
typedef struct digest_sum {
  ahttp_str qop; /* empty: none */
  char count[9];
  char hash[AH_DIGEST_HEX_MAX];
} digest_sum;

static ahttp_str hex_str(const char *hex)
{
  return ah_str_from_c(hex);
}

/* H(A1): section 3.4.2. */
static int hash_secret(const ah_digest_challenge *challenge,
                       const ah_digest_answer *answer,
                       char out[AH_DIGEST_HEX_MAX])
{
  const ahttp_str parts[] = {answer->username, challenge->realm,
                             answer->password};
  int rv = hash_parts(challenge->algorithm, parts, 3, out);
  if (rv != AHTTP_OK || !challenge->is_session) {
    return rv;
  }
  char inner[AH_DIGEST_HEX_MAX];
  memcpy(inner, out, sizeof(inner));
  const ahttp_str session[] = {hex_str(inner), challenge->nonce,
                               answer->cnonce};
  return hash_parts(challenge->algorithm, session, 3, out);
}

/* H(A2): section 3.4.3. */
static int hash_message(const ah_digest_challenge *challenge,
                        const ah_digest_answer *answer, bool with_content,
                        char out[AH_DIGEST_HEX_MAX])
{
  const ahttp_str parts[] = {answer->method, answer->target,
                             answer->content_hash};
  return hash_parts(challenge->algorithm, parts, with_content ? 3 : 2, out);
}

static int sum_make(digest_sum *sum, const ah_digest_challenge *challenge,
                    const ah_digest_answer *answer)
{
  bool has_content = answer->content_hash.ptr != NULL;
  bool with_content = has_content && (challenge->qop & AH_DIGEST_AUTH_INT) != 0;
  ah_assert(with_content || challenge->qop != AH_DIGEST_AUTH_INT);
  sum->qop = challenge->qop == 0 ? AH_STR("")
             : with_content      ? AH_STR("auth-int")
                                 : AH_STR("auth");
  (void)snprintf(sum->count, sizeof(sum->count), "%08x",
                 (unsigned)answer->count);
  char secret[AH_DIGEST_HEX_MAX];
  char message[AH_DIGEST_HEX_MAX];
  int rv = hash_secret(challenge, answer, secret);
  if (rv == AHTTP_OK) {
    rv = hash_message(challenge, answer, with_content, message);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (challenge->qop == 0) { /* RFC 2069, section 2.1.2 */
    const ahttp_str parts[] = {hex_str(secret), challenge->nonce,
                               hex_str(message)};
    return hash_parts(challenge->algorithm, parts, 3, sum->hash);
  }
  const ahttp_str parts[] = {
      hex_str(secret), challenge->nonce, hex_str(sum->count),
      answer->cnonce,  sum->qop,         hex_str(message)};
  return hash_parts(challenge->algorithm, parts, 6, sum->hash);
}

/* A value that is being put together; with |text| NULL it is only measured. */
typedef struct digest_text {
  char *text;
  size_t len;
} digest_text;

static void text_add_byte(digest_text *out, char c)
{
  if (out->text != NULL) {
    out->text[out->len] = c;
  }
  out->len++;
}

static void text_add(digest_text *out, ahttp_str part)
{
  for (size_t i = 0; i < part.len; i++) {
    text_add_byte(out, part.ptr[i]);
  }
}

/* , name=value */
static void text_add_plain(digest_text *out, const char *name, ahttp_str value)
{
  text_add(out, AH_STR(", "));
  text_add(out, ah_str_from_c(name));
  text_add_byte(out, '=');
  text_add(out, value);
}

/* name="value" with quoted-pairs. */
static void text_add_quoted(digest_text *out, const char *name, ahttp_str value)
{
  text_add(out, ah_str_from_c(name));
  text_add(out, AH_STR("=\""));
  for (size_t i = 0; i < value.len; i++) {
    if (value.ptr[i] == '"' || value.ptr[i] == '\\') {
      text_add_byte(out, '\\');
    }
    text_add_byte(out, value.ptr[i]);
  }
  text_add_byte(out, '"');
}

static void text_add_more(digest_text *out, const char *name, ahttp_str value)
{
  text_add(out, AH_STR(", "));
  text_add_quoted(out, name, value);
}

/* RFC 8187: what a quoted string cannot hold. */
static void text_add_extended(digest_text *out, ahttp_str value)
{
  text_add(out, AH_STR("username*=UTF-8''"));
  for (size_t i = 0; i < value.len; i++) {
    uint8_t c = (uint8_t)value.ptr[i];
    if (ah_char_is(c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      text_add_byte(out, (char)c);
    } else {
      text_add_byte(out, '%');
      text_add_byte(out, "0123456789ABCDEF"[c >> 4]);
      text_add_byte(out, "0123456789ABCDEF"[c & 15]);
    }
  }
}

/* RFC 7616, sections 3.4 and 3.4.4. */
static int text_add_username(digest_text *out,
                             const ah_digest_challenge *challenge,
                             const ah_digest_answer *answer)
{
  if (challenge->wants_userhash) {
    const ahttp_str parts[] = {answer->username, challenge->realm};
    char hash[AH_DIGEST_HEX_MAX];
    int rv = hash_parts(challenge->algorithm, parts, 2, hash);
    if (rv == AHTTP_OK) {
      text_add_quoted(out, "username", hex_str(hash));
    }
    return rv;
  }
  if (answer->username.len == 0 ||
      ah_str_all(answer->username, AH_CHAR_FIELD)) {
    text_add_quoted(out, "username", answer->username);
  } else {
    text_add_extended(out, answer->username);
  }
  return AHTTP_OK;
}

static int text_make(digest_text *out, const ah_digest_challenge *challenge,
                     const ah_digest_answer *answer, const digest_sum *sum)
{
  text_add(out, AH_STR("Digest "));
  int rv = text_add_username(out, challenge, answer);
  text_add_more(out, "realm", challenge->realm);
  text_add_more(out, "nonce", challenge->nonce);
  text_add_more(out, "uri", answer->target);
  text_add_more(out, "response", hex_str(sum->hash));
  if (challenge->algorithm_name.ptr != NULL) {
    text_add_plain(out, "algorithm", challenge->algorithm_name);
  }
  if (challenge->opaque.ptr != NULL) {
    text_add_more(out, "opaque", challenge->opaque);
  }
  if (sum->qop.len > 0) {
    text_add_plain(out, "qop", sum->qop);
    text_add_plain(out, "nc", hex_str(sum->count));
  }
  if (sum->qop.len > 0 || challenge->is_session) {
    text_add_more(out, "cnonce", answer->cnonce);
  }
  if (challenge->wants_userhash) {
    text_add_plain(out, "userhash", AH_STR("true"));
  }
  return rv;
}

int ah_digest_authorize(const ah_digest_challenge *challenge,
                        const ah_digest_answer *answer, ah_arena *arena,
                        ahttp_str *out)
{
  digest_sum sum;
  digest_text text = {.text = NULL};
  *out = ah_str(NULL, 0);
  int rv = sum_make(&sum, challenge, answer);
  if (rv == AHTTP_OK) {
    rv = text_make(&text, challenge, answer, &sum);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  size_t len = text.len;
  text = (digest_text){.text = ah_arena_bytes(arena, len)};
  if (text.text == NULL) {
    return AHTTP_ENOMEM;
  }
  rv = text_make(&text, challenge, answer, &sum);
  if (rv == AHTTP_OK) {
    *out = ah_str(text.text, len);
  }
  return rv;
}

int ah_digest_rspauth(const ah_digest_challenge *challenge,
                      const ah_digest_answer *answer,
                      char out[AH_DIGEST_HEX_MAX])
{
  digest_sum sum;
  ah_digest_answer servers = *answer;
  servers.method = AH_STR(""); /* A2 = ":" request-uri */
  out[0] = '\0';
  int rv = sum_make(&sum, challenge, &servers);
  if (rv == AHTTP_OK) {
    memcpy(out, sum.hash, sizeof(sum.hash));
  }
  return rv;
}

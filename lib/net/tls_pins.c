/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_pins.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/str.h"

static const char pin_scheme[] = "sha256//";

enum {
  SCHEME_BYTES = sizeof(pin_scheme) - 1,
  BASE64_BYTES = 44, /* of 32 bytes, the last of them "=" */
  PIN_BYTES = SCHEME_BYTES + BASE64_BYTES
};
static_assert(PIN_BYTES + 1 == AH_TLS_PIN_BYTES, "a pin and its NUL");

/* Cuts the next pin off |*rest|; false at the end. */
static bool pins_next(ahttp_str *rest, ahttp_str *pin)
{
  if (rest->ptr == NULL) {
    return false;
  }
  const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, ';', rest->len);
  if (end == NULL) {
    *pin = *rest;
    *rest = ah_str(NULL, 0);
    return true;
  }
  *pin = ah_str(rest->ptr, (size_t)(end - rest->ptr));
  *rest = ah_str(end + 1, rest->len - pin->len - 1);
  return true;
}

/* Decoded and encoded again it must be the same: a pin that is written in
 * another way than ah_tls_pin_print()'s would never match. */
static bool pin_is_valid(ahttp_str pin)
{
  if (pin.len != PIN_BYTES || memcmp(pin.ptr, pin_scheme, SCHEME_BYTES) != 0) {
    return false;
  }
  const unsigned char *text = (const unsigned char *)pin.ptr + SCHEME_BYTES;
  unsigned char digest[BASE64_BYTES];
  unsigned char again[BASE64_BYTES + 1];
  return EVP_DecodeBlock(digest, text, BASE64_BYTES) ==
             SHA256_DIGEST_LENGTH + 1 &&
         EVP_EncodeBlock(again, digest, SHA256_DIGEST_LENGTH) == BASE64_BYTES &&
         memcmp(text, again, BASE64_BYTES) == 0;
}

bool ah_tls_pins_are_valid(const char *pins)
{
  ahttp_str rest = ah_str_from_c(pins);
  ahttp_str pin;
  while (pins_next(&rest, &pin)) {
    if (!pin_is_valid(pin)) {
      return false;
    }
  }
  return true;
}

bool ah_tls_pin_print(X509 *cert, char out[AH_TLS_PIN_BYTES])
{
  unsigned char *der = NULL;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  if (len <= 0) {
    return false;
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  bool is_hashed = SHA256(der, (size_t)len, digest) != NULL;
  OPENSSL_free(der);
  memcpy(out, pin_scheme, SCHEME_BYTES);
  (void)EVP_EncodeBlock((unsigned char *)out + SCHEME_BYTES, digest,
                        SHA256_DIGEST_LENGTH);
  return is_hashed;
}

bool ah_tls_pins_have(const char *pins, const char *pin)
{
  ahttp_str rest = ah_str_from_c(pins);
  ahttp_str one;
  while (pins_next(&rest, &one)) {
    if (ah_str_eq(one, ah_str_from_c(pin))) {
      return true;
    }
  }
  return false;
}

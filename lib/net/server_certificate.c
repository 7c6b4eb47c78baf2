/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/server_certificate.h"

#include <string.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "net/tls_pins.h"

enum {
  SECONDS_A_DAY = 24 * 60 * 60,
  /* Names that are listed; the certificates of large hosting companies have
   * hundreds, and a message of TLS has room for thousands. */
  NAMES_MAX = 1000
};

/* Certificates may hold anything; terminals must not. */
static int text_copy(ah_arena *arena, const void *data, size_t len,
                     ahttp_str *out)
{
  const unsigned char *bytes = data;
  char *text = ah_arena_bytes(arena, len + 1);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < len; i++) {
    bool is_control = bytes[i] < 0x20 || bytes[i] == 0x7f;
    text[i] = is_control ? '?' : (char)bytes[i];
  }
  text[len] = '\0';
  *out = ah_str(text, len);
  return AHTTP_OK;
}

/* RFC 4514: the last part of |name| first.  UTF-8 stays as it is. */
static int name_print(ah_arena *arena, const X509_NAME *name, const char **out)
{
  BIO *bio = BIO_new(BIO_s_mem());
  unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
  if (bio == NULL || X509_NAME_print_ex(bio, name, 0, flags) < 0) {
    BIO_free(bio);
    return AHTTP_ENOMEM;
  }
  char *text = NULL;
  long len = BIO_get_mem_data(bio, &text);
  ahttp_str copy;
  int rv = text_copy(arena, text, (size_t)len, &copy);
  BIO_free(bio);
  if (rv == AHTTP_OK) {
    *out = copy.ptr;
  }
  return rv;
}

static int serial_print(ah_arena *arena, const X509 *cert, const char **out)
{
  const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
  const unsigned char *bytes = ASN1_STRING_get0_data(serial);
  size_t len = (size_t)ASN1_STRING_length(serial);
  char *text = ah_arena_bytes(arena, 2 * len + 1);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_hex_put(text, bytes, len);
  text[2 * len] = '\0';
  *out = text;
  return AHTTP_OK;
}

/* A host name or an address; an empty view for any other kind. */
static int general_name_print(ah_arena *arena, const GENERAL_NAME *name,
                              ahttp_str *out)
{
  int type = 0;
  const ASN1_STRING *string = GENERAL_NAME_get0_value(name, &type);
  *out = ah_str(NULL, 0);
  if (type != GEN_DNS && type != GEN_IPADD) {
    return AHTTP_OK;
  }
  const unsigned char *data = ASN1_STRING_get0_data(string);
  size_t len = (size_t)ASN1_STRING_length(string);
  if (type == GEN_DNS) {
    return text_copy(arena, data, len, out);
  }
  char text[INET6_ADDRSTRLEN];
  if ((len != 4 && len != 16) || inet_ntop(len == 4 ? AF_INET : AF_INET6, data,
                                           text, sizeof(text)) == NULL) {
    return AHTTP_OK;
  }
  return text_copy(arena, text, strlen(text), out);
}

static int names_fill(ahttp_certificate *out, ah_arena *arena,
                      const GENERAL_NAMES *names)
{
  int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
  count = count > NAMES_MAX ? NAMES_MAX : count;
  if (count <= 0) {
    return AHTTP_OK;
  }
  ahttp_str *items = ah_arena_alloc(arena, (size_t)count * sizeof(*items));
  if (items == NULL) {
    return AHTTP_ENOMEM;
  }
  for (int i = 0; i < count; i++) {
    ahttp_str *item = &items[out->name_count];
    int rv = general_name_print(arena, sk_GENERAL_NAME_value(names, i), item);
    if (rv != AHTTP_OK) {
      return rv;
    }
    out->name_count += item->len > 0 ? 1 : 0;
  }
  out->names = items;
  return AHTTP_OK;
}

static int certificate_fill_names(ahttp_certificate *out, ah_arena *arena,
                                  const X509 *cert)
{
  GENERAL_NAMES *names =
      X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  int rv = names_fill(out, arena, names);
  GENERAL_NAMES_free(names);
  return rv;
}

/* Seconds since 1970; 0 if |time| cannot be read. */
static int64_t time_seconds(const ASN1_TIME *time)
{
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  int days = 0;
  int seconds = 0;
  int64_t out = 0;
  if (epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1) {
    out = (int64_t)days * SECONDS_A_DAY + seconds;
  }
  ASN1_TIME_free(epoch);
  return out;
}

static int certificate_fill_pin(ahttp_certificate *out, ah_arena *arena,
                                X509 *cert)
{
  char *pin = ah_arena_bytes(arena, AH_TLS_PIN_BYTES);
  if (pin == NULL || !ah_tls_pin_print(cert, pin)) {
    return AHTTP_ENOMEM;
  }
  out->public_key = pin;
  return AHTTP_OK;
}

static int der_copy(ah_arena *arena, const X509 *cert, ahttp_str *out)
{
  int len = i2d_X509(cert, NULL);
  char *der = len <= 0 ? NULL : ah_arena_bytes(arena, (size_t)len);
  if (der == NULL) {
    return AHTTP_ENOMEM;
  }
  unsigned char *at = (unsigned char *)der;
  (void)i2d_X509(cert, &at);
  *out = ah_str(der, (size_t)len);
  return AHTTP_OK;
}

static int certificate_fill_chain(ahttp_certificate *out, ah_arena *arena,
                                  const X509 *cert,
                                  const STACK_OF(X509) * chain)
{
  int count = chain == NULL ? 0 : sk_X509_num(chain);
  size_t total = count < 1 ? 1 : (size_t)count;
  ahttp_str *items = ah_arena_alloc(arena, total * sizeof(*items));
  if (items == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < total; i++) {
    int rv = der_copy(arena, count < 1 ? cert : sk_X509_value(chain, (int)i),
                      &items[i]);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  out->chain = items;
  out->chain_count = total;
  return AHTTP_OK;
}

static void certificate_fill_verdict(ahttp_certificate *out, const SSL *ssl)
{
  out->verify_result = SSL_get_verify_result(ssl);
  out->verify_phrase = X509_verify_cert_error_string(out->verify_result);
  out->is_verified = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE &&
                     out->verify_result == X509_V_OK;
}

static int certificate_fill(ahttp_certificate *out, ah_arena *arena, X509 *cert,
                            const SSL *ssl)
{
  unsigned len = sizeof(out->sha256);
  out->not_before_s = time_seconds(X509_get0_notBefore(cert));
  out->not_after_s = time_seconds(X509_get0_notAfter(cert));
  certificate_fill_verdict(out, ssl);
  int rv = X509_digest(cert, EVP_sha256(), out->sha256, &len) == 1
               ? AHTTP_OK
               : AHTTP_ENOMEM;
  if (rv == AHTTP_OK) {
    rv = name_print(arena, X509_get_subject_name(cert), &out->subject);
  }
  if (rv == AHTTP_OK) {
    rv = name_print(arena, X509_get_issuer_name(cert), &out->issuer);
  }
  if (rv == AHTTP_OK) {
    rv = serial_print(arena, cert, &out->serial);
  }
  if (rv == AHTTP_OK) {
    rv = certificate_fill_names(out, arena, cert);
  }
  if (rv == AHTTP_OK) {
    rv = certificate_fill_pin(out, arena, cert);
  }
  if (rv == AHTTP_OK) {
    rv = certificate_fill_chain(out, arena, cert, SSL_get_peer_cert_chain(ssl));
  }
  return rv;
}

int ah_server_certificate_read(ahttp_certificate **out, ah_arena *arena,
                               const SSL *ssl)
{
  *out = NULL;
  X509 *cert = SSL_get0_peer_certificate(ssl);
  if (cert == NULL) {
    return AHTTP_ESTATE;
  }
  ahttp_certificate *made = ah_arena_alloc(arena, sizeof(*made));
  if (made == NULL) {
    return AHTTP_ENOMEM;
  }
  memset(made, 0, sizeof(*made));
  int rv = certificate_fill(made, arena, cert, ssl);
  ERR_clear_error();
  if (rv == AHTTP_OK) {
    *out = made;
  }
  return rv;
}

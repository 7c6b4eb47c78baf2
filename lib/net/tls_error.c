/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"

/* Names of a certificate that an error text lists: enough to see whose it is,
 * and some have hundreds. */
enum {
  REFUSAL_NAMES_MAX = 5
};

/* A text being put together, cut at the end of the room. */
typedef struct text_room {
  char *text; /* |cap| bytes, text[len] is NUL */
  size_t len;
  size_t cap;
} text_room;

static void text_add(text_room *room, const char *text, size_t len)
{
  size_t left = room->cap - 1 - room->len;
  size_t count = len < left ? len : left;
  for (size_t i = 0; i < count; i++) {
    char c = text[i];
    /* Certificates may hold anything; terminals must not. */
    room->text[room->len + i] = c >= 0x20 && c <= 0x7e ? c : '?';
  }
  room->len += count;
  room->text[room->len] = '\0';
}

static void text_add_c(text_room *room, const char *text)
{
  text_add(room, text, strlen(text));
}

static void text_add_string(text_room *room, const ASN1_STRING *string)
{
  text_add(room, (const char *)ASN1_STRING_get0_data(string),
           (size_t)ASN1_STRING_length(string));
}

/* The common name, or whatever part of |name| comes last. */
static void text_add_common_name(text_room *room, const X509_NAME *name)
{
  int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) {
    index = X509_NAME_entry_count(name) - 1;
  }
  const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, index);
  if (entry == NULL) {
    text_add_c(room, "nobody");
    return;
  }
  text_add_string(room, X509_NAME_ENTRY_get_data(entry));
}

static void text_add_time(text_room *room, const ASN1_TIME *time)
{
  struct tm utc;
  char text[sizeof("2147483647-00-00 00:00:00 UTC")];
  if (ASN1_TIME_to_tm(time, &utc) != 1 ||
      strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc) == 0) {
    text_add_c(room, "an unreadable date");
    return;
  }
  text_add_c(room, text);
}

/* Adds |name| if it is a host name or an address; true if it was. */
static bool text_add_general_name(text_room *room, const GENERAL_NAME *name)
{
  int type = 0;
  const ASN1_STRING *string = GENERAL_NAME_get0_value(name, &type);
  if (type == GEN_DNS) {
    text_add_string(room, string);
    return true;
  }
  int len = type == GEN_IPADD ? ASN1_STRING_length(string) : 0;
  if (len != 4 && len != 16) {
    return false;
  }
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(string), text,
            sizeof(text));
  text_add_c(room, text);
  return true;
}

/* "it is for a.example, b.example and 12 more" */
static void text_add_names(text_room *room, X509 *cert)
{
  GENERAL_NAMES *names =
      X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
  int listed = 0;
  for (int i = 0; i < count; i++) {
    if (listed == REFUSAL_NAMES_MAX) {
      text_add_c(room, ", ...");
      break;
    }
    size_t before = room->len;
    text_add_c(room, listed == 0 ? "it is for " : ", ");
    if (text_add_general_name(room, sk_GENERAL_NAME_value(names, i))) {
      listed++;
    } else {
      room->len = before;
      room->text[before] = '\0';
    }
  }
  if (listed == 0) {
    text_add_c(room, "it names no host");
  }
  GENERAL_NAMES_free(names);
}

/* What the certificate says about the reason, in parentheses. */
static void text_add_evidence(text_room *room, int result, X509 *cert)
{
  switch (result) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    text_add_c(room, " (expired on ");
    text_add_time(room, X509_get0_notAfter(cert));
    break;
  case X509_V_ERR_CERT_NOT_YET_VALID:
    text_add_c(room, " (valid from ");
    text_add_time(room, X509_get0_notBefore(cert));
    break;
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    text_add_c(room, " (");
    text_add_names(room, cert);
    break;
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    text_add_c(room, " (it was issued by ");
    text_add_common_name(room, X509_get_issuer_name(cert));
    break;
  default:
    text_add_c(room, " (");
    text_add_common_name(room, X509_get_subject_name(cert));
    break;
  }
  text_add_c(room, ")");
}

void ah_tls_refusal_note(ah_tls_refusal *refusal, X509_STORE_CTX *chain)
{
  refusal->result = X509_STORE_CTX_get_error(chain);
  refusal->reason[0] = '\0';
  text_room room = {.text = refusal->reason, .cap = sizeof(refusal->reason)};
  text_add_c(&room, X509_verify_cert_error_string(refusal->result));
  X509 *cert = X509_STORE_CTX_get_current_cert(chain);
  if (cert != NULL) {
    text_add_evidence(&room, refusal->result, cert);
  }
}

int ah_tls_error_refused(ahttp_error *err, const ah_tls_refusal *refusal,
                         const char *host)
{
  ERR_clear_error();
  ah_error_set(
      err, AHTTP_ECERT, AHTTP_PHASE_TLS, AHTTP_DOMAIN_X509, refusal->result,
      "the certificate of %s could not be verified: %s", host, refusal->reason);
  return AHTTP_ECERT;
}

/* What a server usually means by an alert (RFC 8446, section 6.2); "" if its
 * name says enough. */
static const char *alert_meaning(int alert)
{
  switch (alert) {
  case SSL_AD_HANDSHAKE_FAILURE:
    return "nothing in common to negotiate, or it wants a client certificate";
  case SSL_AD_PROTOCOL_VERSION:
    return "no TLS version in common";
  case SSL_AD_INSUFFICIENT_SECURITY:
    return "it wants stronger ciphers";
  case SSL_AD_UNRECOGNIZED_NAME:
    return "it does not know this host";
  case SSL_AD_NO_APPLICATION_PROTOCOL:
    return "no protocol in common";
  case TLS13_AD_CERTIFICATE_REQUIRED:
    return "it wants a client certificate";
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_REVOKED:
  case SSL_AD_CERTIFICATE_EXPIRED:
  case SSL_AD_CERTIFICATE_UNKNOWN:
  case SSL_AD_UNKNOWN_CA:
  case SSL_AD_ACCESS_DENIED:
    return "it does not accept the client certificate";
  default:
    return "";
  }
}

/* What an error on our side usually means; "" if its name says enough. */
static const char *reason_meaning(int reason)
{
  switch (reason) {
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
    /* What the first bytes of any other protocol are taken for. */
    return "the server does not speak TLS on this port";
  case SSL_R_UNSUPPORTED_PROTOCOL:
    return "no TLS version in common";
  case SSL_R_NO_SHARED_CIPHER:
  case SSL_R_WRONG_CIPHER_RETURNED:
    return "nothing in common to negotiate";
  case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
    return "the server cannot renegotiate safely (RFC 5746)";
  default:
    return "";
  }
}

static void text_add_alert(text_room *room, int alert)
{
  const char *meaning = alert_meaning(alert);
  text_add_c(room, "the server sent the alert \"");
  /* OpenSSL does not know this one by name. */
  text_add_c(room, alert == TLS13_AD_CERTIFICATE_REQUIRED
                       ? "certificate required"
                       : SSL_alert_desc_string_long(alert));
  text_add_c(room, meaning[0] == '\0' ? "\"" : "\": ");
  text_add_c(room, meaning);
}

/* The reason in OpenSSL's |code|, in words people can use. */
static void text_add_reason(text_room *room, unsigned long code)
{
  int reason = ERR_GET_REASON(code);
  bool ours = !ERR_SYSTEM_ERROR(code) && ERR_GET_LIB(code) == ERR_LIB_SSL;
  if (ours && reason >= SSL_AD_REASON_OFFSET) {
    text_add_alert(room, reason - SSL_AD_REASON_OFFSET);
    return;
  }
  const char *meaning = ours ? reason_meaning(reason) : "";
  const char *name =
      ERR_SYSTEM_ERROR(code) ? strerror(reason) : ERR_reason_error_string(code);
  text_add_c(room, meaning);
  text_add_c(room, meaning[0] == '\0' ? "" : " (");
  text_add_c(room, name == NULL ? "unknown reason" : name);
  text_add_c(room, meaning[0] == '\0' ? "" : ")");
}

void ah_tls_error_clear(void)
{
  if (ERR_peek_error() != 0) {
    ERR_clear_error();
  }
}

int ah_tls_error_take(ahttp_error *err, ahttp_phase phase, const char *format,
                      ...)
{
  char text[sizeof(err->text)];
  text_room room = {.text = text, .cap = sizeof(text)};
  va_list args;
  va_start(args, format);
  int len = vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  room.len = len < 0 ? 0 : (size_t)len;
  if (room.len >= sizeof(text)) {
    room.len = sizeof(text) - 1;
  }
  unsigned long code = ERR_peek_last_error();
  text_add_c(&room, ": ");
  text_add_reason(&room, code);
  ERR_clear_error();
  if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
    ah_error_plain(err, AHTTP_ENOMEM, phase);
    return AHTTP_ENOMEM;
  }
  ah_error_set(err, AHTTP_ETLS, phase, AHTTP_DOMAIN_TLS, (long)code, "%s",
               text);
  return AHTTP_ETLS;
}

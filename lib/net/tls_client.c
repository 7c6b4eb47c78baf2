/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_client.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "net/address.h"
#include "net/tls_pins.h"

/* By ALPN, in the order we like best. */
static const ahttp_str tls_protocols[AH_TLS_PROTOCOLS] = {
    {"h2", 2},
    {"http/1.1", 8},
};

/* Decides by whose name the server goes: what the send asks for comes first,
 * then the profile, then the URL. */
static ahttp_str client_choose_host(ah_tls_client *client,
                                    const ah_tls_stream_opts *opts)
{
  ahttp_str sni =
      opts->sni.len > 0 ? opts->sni : ah_str_from_c(client->opts->sni);
  ah_address address;
  if (sni.len == 0) {
    client->host_is_ip = opts->host_is_ip;
    return opts->host;
  }
  client->host_is_ip = ah_address_parse(&address, sni, 0);
  return sni;
}

/* The host as TLS wants it: no final dot (RFC 6066, section 3), no zone.  False
 * if it cannot be a host's name. */
static bool client_set_host(ah_tls_client *client,
                            const ah_tls_stream_opts *opts)
{
  ahttp_str host = client_choose_host(client, opts);
  if (host.len > 0 && host.ptr[host.len - 1] == '.') {
    host.len--;
  }
  const char *zone = NULL;
  if (client->host_is_ip && host.len > 0) {
    zone = memchr(host.ptr, '%', host.len);
  }
  if (zone != NULL) {
    host.len = (size_t)(zone - host.ptr);
  }
  if (host.len == 0 || host.len > AH_TLS_HOST_BYTES_MAX ||
      memchr(host.ptr, '\0', host.len) != NULL) {
    return false;
  }
  memcpy(client->host, host.ptr, host.len);
  client->host[host.len] = '\0';
  return true;
}

static void client_set_slot(ah_tls_client *client, ah_tls_profile *profile,
                            uint16_t port)
{
  int len = snprintf(client->key, sizeof(client->key), "%s:%u", client->host,
                     (unsigned)port);
  ah_assert(len > 0 && (size_t)len < sizeof(client->key));
  client->slot = (ah_tls_session_slot){
      .cache = ah_tls_profile_sessions(profile),
      .key = ah_str(client->key, (size_t)len),
  };
}

/* Notes why the chain was refused and leaves the decision to OpenSSL. */
static int client_on_verify(int ok, X509_STORE_CTX *chain)
{
  if (ok != 1) {
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    ah_tls_session_slot *slot = SSL_get_app_data(ssl);
    ah_tls_client *client = AH_CONTAINER(slot, ah_tls_client, slot);
    ah_tls_refusal_note(&client->refusal, chain);
  }
  return ok;
}

/* Which names a certificate may have is for OpenSSL to decide, never for us:
 * matchers made at home are where clients fail. */
static bool client_set_verification(ah_tls_client *client)
{
  if (client->opts->verify_off) {
    return true;
  }
  X509_VERIFY_PARAM *param = SSL_get0_param(client->ssl);
  SSL_set_verify(client->ssl, SSL_VERIFY_PEER, client_on_verify);
  if (client->opts->verify_host_off) {
    return true;
  }
  /* RFC 9110, section 4.3.4: a common name is not a host name. */
  X509_VERIFY_PARAM_set_hostflags(param,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (client->host_is_ip) {
    return X509_VERIFY_PARAM_set1_ip_asc(param, client->host) == 1;
  }
  return X509_VERIFY_PARAM_set1_host(param, client->host,
                                     strlen(client->host)) == 1;
}

static bool client_set_alpn(ah_tls_client *client,
                            const ah_tls_stream_opts *opts)
{
  uint8_t list[16];
  unsigned len = 0;
  client->offered[0] = opts->offer_h2;
  client->offered[1] = opts->offer_http1_1;
  for (size_t i = 0; i < AH_TLS_PROTOCOLS; i++) {
    if (client->offered[i]) {
      list[len] = (uint8_t)tls_protocols[i].len;
      memcpy(list + len + 1, tls_protocols[i].ptr, tls_protocols[i].len);
      len += 1 + (unsigned)tls_protocols[i].len;
    }
  }
  /* Unlike the others this one returns 0 if it went well. */
  return len == 0 || SSL_set_alpn_protos(client->ssl, list, len) == 0;
}

int ah_tls_client_open(ah_tls_client *client, ah_tls_profile *profile,
                       const ah_tls_stream_opts *opts, ah_stream *below,
                       ahttp_error *err)
{
  SSL_CTX *context = NULL;
  int rv = ah_tls_profile_context(profile, &context, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  client->opts = ah_tls_profile_opts(profile);
  if (!client_set_host(client, opts)) {
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "the host name is not one TLS could verify");
    return AHTTP_ETLS;
  }
  client_set_slot(client, profile, opts->port);
  client->bio.below = below;

  ERR_clear_error();
  client->ssl = SSL_new(context);
  BIO *bio = client->ssl == NULL ? NULL : ah_tls_bio_new(&client->bio);
  if (bio == NULL) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS, "TLS cannot be set up");
  }
  SSL_set_bio(client->ssl, bio, bio);
  SSL_set_connect_state(client->ssl);
  /* RFC 6066, section 3: literal addresses are not sent as names. */
  bool named = client->host_is_ip ||
               SSL_set_tlsext_host_name(client->ssl, client->host) == 1;
  if (!named || !client_set_verification(client) ||
      !client_set_alpn(client, opts)) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS, "TLS cannot be set up");
  }
  ah_tls_session_slot_attach(&client->slot, client->ssl);
  return AHTTP_OK;
}

void ah_tls_client_clear(ah_tls_client *client)
{
  if (client->ssl == NULL) {
    return;
  }
  /* OpenSSL takes a session for broken, and never resumes it, if its connection
   * was freed without a close_notify in both directions. */
  SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(client->ssl);
  client->ssl = NULL;
}

/* Why the handshake failed. */
static int client_error(ah_tls_client *client, ahttp_error *err)
{
  if (client->bio.out_failed) {
    ERR_clear_error();
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_TLS);
    return AHTTP_ENOMEM;
  }
  if (client->refusal.result != X509_V_OK) {
    return ah_tls_error_refused(err, &client->refusal, client->host);
  }
  return ah_tls_error_take(err, AHTTP_PHASE_TLS, "the TLS handshake failed");
}

/* The server's key is to be one of those pinned, whoever vouches for it; of a
 * resumed session too, which keeps the certificate. */
static int client_check_pins(const ah_tls_client *client, ahttp_error *err)
{
  const char *pins = client->opts->pinned_keys;
  X509 *cert = pins == NULL ? NULL : SSL_get0_peer_certificate(client->ssl);
  char pin[AH_TLS_PIN_BYTES] = "unknown";
  if (pins == NULL || (cert != NULL && ah_tls_pin_print(cert, pin) &&
                       ah_tls_pins_have(pins, pin))) {
    return AHTTP_OK;
  }
  ERR_clear_error();
  ah_error_say(err, AHTTP_EPIN, AHTTP_PHASE_TLS,
               "the public key of %s is not a pinned one: it is %s",
               client->host, pin);
  return AHTTP_EPIN;
}

int ah_tls_client_handshake(ah_tls_client *client, ahttp_error *err)
{
  ERR_clear_error();
  int rv = SSL_do_handshake(client->ssl);
  if (rv != 1) {
    bool starved = SSL_get_error(client->ssl, rv) == SSL_ERROR_WANT_READ;
    return starved ? AH_MORE : client_error(client, err);
  }
  const unsigned char *name = NULL;
  unsigned len = 0;
  SSL_get0_alpn_selected(client->ssl, &name, &len);
  if (len > 0 && ah_tls_client_alpn(client).len == 0) {
    /* RFC 7301, section 3.2: the server selects from what was offered.  Early
     * OpenSSL 3.0 leaves that to us. */
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "the server chose a protocol that was not offered");
    return AHTTP_ETLS;
  }
  return client_check_pins(client, err);
}

ahttp_str ah_tls_client_alpn(const ah_tls_client *client)
{
  const unsigned char *name = NULL;
  unsigned len = 0;
  SSL_get0_alpn_selected(client->ssl, &name, &len);
  ahttp_str chosen = ah_str((const char *)name, len);
  for (size_t i = 0; i < AH_TLS_PROTOCOLS; i++) {
    if (client->offered[i] && ah_str_eq(tls_protocols[i], chosen)) {
      return tls_protocols[i];
    }
  }
  return AH_STR("");
}

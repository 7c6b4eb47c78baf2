/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_session_cache.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

/* What is kept for one server. */
typedef struct server_sessions {
  ah_hash_entry entry;
  ah_list_node node; /* in cache->recent */
  size_t count;      /* sessions[0, count) are held, the newest last */
  SSL_SESSION *sessions[AH_TLS_SESSIONS_PER_SERVER_MAX];
  char key[];
} server_sessions;

static server_sessions *server_find(const ah_tls_session_cache *cache,
                                    ahttp_str key)
{
  ah_hash_entry *entry = ah_hash_find(&cache->servers, key);
  return entry == NULL ? NULL : AH_CONTAINER(entry, server_sessions, entry);
}

static void server_free(ah_tls_session_cache *cache, server_sessions *server)
{
  ah_hash_remove(&cache->servers, &server->entry);
  ah_list_remove(&server->node);
  for (size_t i = 0; i < server->count; i++) {
    SSL_SESSION_free(server->sessions[i]);
  }
  ah_free(server);
}

static server_sessions *server_new(ah_tls_session_cache *cache, ahttp_str key)
{
  server_sessions *server = ah_calloc(1, sizeof(*server) + key.len);
  if (server == NULL) {
    return NULL;
  }
  memcpy(server->key, key.ptr, key.len);
  if (ah_hash_insert(&cache->servers, &server->entry,
                     ah_str(server->key, key.len)) != AHTTP_OK) {
    ah_free(server);
    return NULL;
  }
  ah_list_push_front(&cache->recent, &server->node);
  if (cache->servers.count > AH_TLS_SERVERS_MAX) {
    server_free(cache, AH_CONTAINER(ah_list_last(&cache->recent),
                                    server_sessions, node));
  }
  return server;
}

static void server_set_recent(ah_tls_session_cache *cache,
                              server_sessions *server)
{
  ah_list_remove(&server->node);
  ah_list_push_front(&cache->recent, &server->node);
}

/* Takes the session at |index| out; its reference is the caller's. */
static SSL_SESSION *server_take(server_sessions *server, size_t index)
{
  ah_assert(index < server->count);
  SSL_SESSION *session = server->sessions[index];
  server->count--;
  memmove(&server->sessions[index], &server->sessions[index + 1],
          (server->count - index) * sizeof(server->sessions[0]));
  return session;
}

static bool server_has(const server_sessions *server,
                       const SSL_SESSION *session)
{
  for (size_t i = 0; i < server->count; i++) {
    if (server->sessions[i] == session) {
      return true;
    }
  }
  return false;
}

static bool session_is_single_use(const SSL_SESSION *session)
{
  return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
}

void ah_tls_session_cache_init(ah_tls_session_cache *cache)
{
  ah_hash_init(&cache->servers);
  ah_list_init(&cache->recent);
}

void ah_tls_session_cache_clear(ah_tls_session_cache *cache)
{
  ah_list_node *node = ah_list_first(&cache->recent);
  while (node != NULL) {
    server_free(cache, AH_CONTAINER(node, server_sessions, node));
    node = ah_list_first(&cache->recent);
  }
  ah_hash_clear(&cache->servers);
}

void ah_tls_session_cache_put(ah_tls_session_cache *cache, ahttp_str key,
                              SSL_SESSION *session)
{
  if (SSL_SESSION_is_resumable(session) != 1) {
    return;
  }
  server_sessions *server = server_find(cache, key);
  if (server == NULL) {
    server = server_new(cache, key);
  }
  if (server == NULL || server_has(server, session)) {
    return;
  }
  if (server->count == AH_TLS_SESSIONS_PER_SERVER_MAX) {
    SSL_SESSION_free(server_take(server, 0));
  }
  SSL_SESSION_up_ref(session);
  server->sessions[server->count] = session;
  server->count++;
  server_set_recent(cache, server);
}

SSL_SESSION *ah_tls_session_cache_take(ah_tls_session_cache *cache,
                                       ahttp_str key)
{
  server_sessions *server = server_find(cache, key);
  if (server == NULL) {
    return NULL;
  }
  server_set_recent(cache, server);
  while (server->count > 0) {
    size_t newest = server->count - 1;
    SSL_SESSION *session = server->sessions[newest];
    /* A fatal alert on a connection ends its session as well. */
    if (SSL_SESSION_is_resumable(session) != 1) {
      SSL_SESSION_free(server_take(server, newest));
      continue;
    }
    if (session_is_single_use(session)) {
      return server_take(server, newest);
    }
    SSL_SESSION_up_ref(session);
    return session;
  }
  return NULL;
}

void ah_tls_session_slot_attach(ah_tls_session_slot *slot, SSL *ssl)
{
  SSL_set_app_data(ssl, slot);
  SSL_SESSION *session = ah_tls_session_cache_take(slot->cache, slot->key);
  if (session != NULL) {
    /* If it cannot be offered the handshake is a full one. */
    (void)SSL_set_session(ssl, session);
    SSL_SESSION_free(session);
  }
}

int ah_tls_session_on_new(SSL *ssl, SSL_SESSION *session)
{
  ah_tls_session_slot *slot = SSL_get_app_data(ssl);
  ah_assert(slot != NULL);
  /* A session stands for the server's identity from then on, so one whose
   * certificate was not accepted is not kept.  Where the profile accepts any,
   * there is nothing to verify, now or later. */
  bool verified = SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ||
                  SSL_get_verify_result(ssl) == X509_V_OK;
  if (verified) {
    ah_tls_session_cache_put(slot->cache, slot->key, session);
  }
  return 0; /* the caller's reference stays its own */
}

/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/digest_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/digest.h"

enum {
  /* Enough for every header, so that the server needs no memory of the
   * library's. */
  BLOCK_BYTES = 8 * 1024
};

/* --- The server. -----------------------------------------------------------
 */

digest_server digest_server_with(const char *challenge)
{
  digest_server server = {.challenge = challenge,
                          .username = "ann",
                          .password = "secret",
                          .nonce = 1};
  assert_int_equal(uv_mutex_init(&server.lock), 0);
  return server;
}

static ahttp_str param(const ah_challenge *from, const char *name,
                       ah_arena *arena)
{
  ahttp_str value;
  assert_int_equal(ah_challenge_find(from, ah_str_from_c(name), arena, &value),
                   AHTTP_OK);
  return value;
}

static ahttp_str print(ahttp_mock_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static ahttp_str print(ahttp_mock_request *request, const char *format, ...)
{
  char text[1000];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  char *copy = ahttp_mock_alloc(request, (size_t)len + 1);
  if (copy == NULL) {
    return (ahttp_str){NULL, 0};
  }
  memcpy(copy, text, (size_t)len + 1);
  return ah_str(copy, (size_t)len);
}

/* What there is in |server|'s formats, all of which have one "%u" at most. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* Reads the server's own challenge and |sent|, and computes the answer anew. */
static bool is_right(digest_server *server, ahttp_mock_request *request,
                     const ah_challenge *sent, ahttp_str value,
                     char rspauth[AH_DIGEST_HEX_MAX])
{
  char line[1000];
  char hex[AH_DIGEST_HEX_MAX];
  uint8_t block[BLOCK_BYTES];
  ah_arena arena;
  ah_challenge challenge;
  ah_digest_challenge read;
  const char *why;
  ahttp_str want = {NULL, 0};
  (void)snprintf(line, sizeof(line), server->challenge, server->nonce);
  ahttp_str rest = ah_str_from_c(line);
  ah_arena_init(&arena, block, sizeof(block));
  do {
    assert_true(ah_challenge_next(&rest, &challenge));
  } while (!ah_str_ieq(challenge.scheme, AH_STR("Digest")));
  bool is_read = ah_digest_read(&read, &challenge, &arena, &why) == AHTTP_OK;
  ah_digest_answer answer = {
      .username = ah_str_from_c(server->username),
      .password = ah_str_from_c(server->password),
      .method = ahttp_mock_request_method(request),
      .target = param(sent, "uri", &arena),
      .cnonce = param(sent, "cnonce", &arena),
  };
  ahttp_str count = param(sent, "nc", &arena);
  if (count.ptr != NULL) {
    answer.count = (uint32_t)strtoul(count.ptr, NULL, 16);
  }
  if (is_read && read.qop == AH_DIGEST_AUTH_INT) {
    ah_digest_hash *hash;
    ahttp_str content = ahttp_mock_request_content(request);
    if (ah_digest_hash_new(&hash, read.algorithm) != AHTTP_OK) {
      server->has_no_memory = true;
      return false;
    }
    (void)ah_digest_hash_add(hash, content.ptr, content.len);
    (void)ah_digest_hash_end(hash, hex);
    ah_digest_hash_free(hash);
    answer.content_hash = ah_str_from_c(hex);
  }
  bool is_same =
      is_read &&
      ah_digest_authorize(&read, &answer, &arena, &want) == AHTTP_OK &&
      ah_str_eq(want, value);
  if (is_same && read.qop != AH_DIGEST_AUTH_INT) {
    (void)ah_digest_rspauth(&read, &answer, rspauth);
  }
  ah_arena_clear(&arena);
  return is_same;
}

static void add_field(digest_server *server, ahttp_mock_request *request,
                      ahttp_mock_reply *reply, const char *name,
                      ahttp_str value)
{
  ahttp_field *fields =
      ahttp_mock_alloc(request, (reply->field_count + 1) * sizeof(*fields));
  if (fields == NULL || value.ptr == NULL) {
    server->has_no_memory = true;
    return;
  }
  for (size_t i = 0; i < reply->field_count; i++) {
    fields[i] = reply->fields[i];
  }
  fields[reply->field_count] = (ahttp_field){ah_str_from_c(name), value};
  reply->fields = fields;
  reply->field_count++;
}

static void refuse(digest_server *server, ahttp_mock_request *request,
                   ahttp_mock_reply *reply, bool is_stale)
{
  reply->status = 401;
  ahttp_str line = print(request, server->challenge, server->nonce);
  if (is_stale && line.ptr != NULL) {
    line = print(request, "%s, stale=true", line.ptr);
  }
  add_field(server, request, reply, "WWW-Authenticate", line);
  if (server->second != NULL) {
    add_field(server, request, reply, "WWW-Authenticate",
              ah_str_from_c(server->second));
  }
  if (server->sets_cookie) {
    add_field(server, request, reply, "Set-Cookie", AH_STR("seen=yes"));
  }
}

/* What is wrong with |value|, or a 200. */
static void check_answer(digest_server *server, ahttp_mock_request *request,
                         ahttp_mock_reply *reply, ahttp_str value)
{
  uint8_t block[BLOCK_BYTES];
  ah_arena arena;
  ah_challenge sent;
  ahttp_str rest = value;
  char nonce[20];
  char rspauth[AH_DIGEST_HEX_MAX] = "";
  ah_arena_init(&arena, block, sizeof(block));
  assert_true(ah_challenge_next(&rest, &sent));
  (void)snprintf(nonce, sizeof(nonce), "n%u", server->nonce);
  bool is_old = !ah_str_eq(param(&sent, "nonce", &arena), ah_str_from_c(nonce));
  bool is_used_up = server->uses_max > 0 && server->uses == server->uses_max;
  if (is_old || is_used_up || server->is_never_happy) {
    server->nonce += is_old ? 0 : 1;
    server->uses = 0;
    refuse(server, request, reply, true);
  } else if (!is_right(server, request, &sent, value, rspauth)) {
    refuse(server, request, reply, false);
  } else {
    server->uses++;
    if (server->renews) {
      server->nonce++;
    }
    if (server->info != NULL) {
      ahttp_str cnonce = param(&sent, "cnonce", &arena);
      add_field(server, request, reply, "Authentication-Info",
                print(request, server->info, server->nonce, (int)cnonce.len,
                      cnonce.ptr, rspauth));
    }
  }
  ah_arena_clear(&arena);
}

static int redirect(digest_server *server, ahttp_mock_request *request,
                    ahttp_mock_reply *reply, const char *to)
{
  reply->status = 307;
  add_field(server, request, reply, "Location", ah_str_from_c(to));
  return AHTTP_OK;
}

int digest_server_serve(ahttp_mock_request *request, ahttp_mock_reply *reply,
                        void *user_data)
{
  digest_server *server = user_data;
  const char *to = strstr(ahttp_mock_request_url(request).ptr, "/to?");
  ahttp_str value = {"", 0};
  if (to != NULL) {
    return redirect(server, request, reply, to + 4);
  }
  bool has_value = ahttp_fields_get(ahttp_mock_request_fields(request),
                                    "authorization", &value);
  uv_mutex_lock(&server->lock);
  server->has_no_memory = false;
  if (server->is_open) {
    refuse(server, request, reply, false);
    reply->status = 200;
  } else if (has_value && strncmp(value.ptr, "Digest ", 7) == 0) {
    check_answer(server, request, reply, value);
  } else if (!has_value || strcmp(value.ptr, "Basic YW5uOnNlY3JldA==") != 0) {
    refuse(server, request, reply, false);
  }
  bool has_no_memory = server->has_no_memory;
  uv_mutex_unlock(&server->lock);
  return has_no_memory ? AHTTP_ENOMEM : AHTTP_OK;
}

/* --- Clients. --------------------------------------------------------------
 */

ahttp_auth *digest_auth_for(const char *username, const char *password)
{
  ahttp_auth *auth;
  assert_int_equal(ahttp_auth_new_digest(&auth, ah_str_from_c(username),
                                         ah_str_from_c(password)),
                   AHTTP_OK);
  return auth;
}

void digest_scene_open(digest_scene *self, const char *challenge,
                       ahttp_auth *auth)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  self->server = digest_server_with(challenge);
  mock_opts.handler = digest_server_serve;
  mock_opts.user_data = &self->server;
  assert_int_equal(ahttp_mock_new(&self->transport, &mock_opts), AHTTP_OK);
  opts.transport = self->transport;
  opts.auth = auth == NULL ? digest_auth_for("ann", "secret") : auth;
  opts.redirects_max = 5;
  assert_int_equal(ahttp_cookie_jar_new(&opts.cookies), AHTTP_OK);
  assert_int_equal(ahttp_client_new(&self->client, &opts), AHTTP_OK);
  ahttp_cookie_jar_free(opts.cookies);
  ahttp_auth_free(opts.auth); /* the client has its own reference */
}

void digest_scene_close(digest_scene *self)
{
  ahttp_client_free(self->client);
  ahttp_transport_free(self->transport);
  uv_mutex_destroy(&self->server.lock);
}

/* The status, or the error code. */
int digest_scene_get(digest_scene *self, const char *url, ahttp_error *err)
{
  ahttp_response *response;
  int rv = ahttp_get(self->client, url, &response, err);
  int status = rv == AHTTP_OK ? ahttp_response_status(response) : rv;
  ahttp_response_free(response);
  return status;
}

const char *digest_scene_sent(const digest_scene *self, size_t index)
{
  ahttp_str value;
  const ahttp_mock_request *request = ahttp_mock_at(self->transport, index);
  assert_non_null(request);
  return ahttp_fields_get(ahttp_mock_request_fields(request), "authorization",
                          &value)
             ? value.ptr
             : "";
}

void digest_scene_check_count(const digest_scene *self, size_t want)
{
  assert_int_equal(ahttp_mock_count(self->transport), want);
}

void digest_scene_check_sent(const digest_scene *self, size_t index,
                             const char *part)
{
  const char *value = digest_scene_sent(self, index);
  if (part == NULL ? value[0] != '\0' : strstr(value, part) == NULL) {
    fail_msg("request %zu: \"%s\" is not in \"%s\"", index,
             part == NULL ? "" : part, value);
  }
}

/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_DIGEST_SCENE_H
#define AH_TESTS_DIGEST_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <ahttp/ahttp.h>

/* A server that asks for Digest and checks the answers, behind a mock. */

/* Answers 200 to who knows the password, else 401. */
typedef struct digest_server {
  const char *challenge; /* the value of WWW-Authenticate, "%u" for |nonce| */
  const char *second;    /* another line of it; or NULL */
  const char *info;      /* of Authentication-Info, the same with "%s" for
                            cnonce and rspauth; or NULL */
  const char *username;
  const char *password;
  unsigned uses_max;   /* of a nonce; 0: any number */
  bool is_never_happy; /* calls every nonce stale */
  bool is_open;        /* answers 200 whatever was sent */
  bool sets_cookie;
  bool renews; /* the next nonce is used from the first answer on */

  uv_mutex_t lock;
  unsigned nonce;
  unsigned uses;      /* of the nonce */
  bool has_no_memory; /* to answer the request at hand */
} digest_server;

#define CHALLENGE "Digest realm=\"r\", nonce=\"n%u\", qop=\"auth\""

/* A server whose password is "secret", for "ann".  Destroy its lock. */
digest_server digest_server_with(const char *challenge);

/* An ahttp_mock_cb of a digest_server.  "/to?URL" redirects there, without
 * being asked for a password. */
int digest_server_serve(ahttp_mock_request *request, ahttp_mock_reply *reply,
                        void *user_data);

/* A client with a cookie jar, whose transport is such a server. */
typedef struct digest_scene {
  digest_server server;
  ahttp_transport *transport;
  ahttp_client *client;
} digest_scene;

/* With |auth|, which is consumed; NULL: Digest for "ann" and "secret". */
void digest_scene_open(digest_scene *self, const char *challenge,
                       ahttp_auth *auth);
void digest_scene_close(digest_scene *self);

ahttp_auth *digest_auth_for(const char *username, const char *password);

/* Sends a GET; the status, or the error code with |*err|, which may be NULL. */
int digest_scene_get(digest_scene *self, const char *url, ahttp_error *err);

/* Checks how many requests there were. */
void digest_scene_check_count(const digest_scene *self, size_t want);

/* Checks that the Authorization of the request at |index| has |part|; NULL:
 * that there is none. */
void digest_scene_check_sent(const digest_scene *self, size_t index,
                             const char *part);

/* That Authorization; "" if there is none. */
const char *digest_scene_sent(const digest_scene *self, size_t index);

#endif

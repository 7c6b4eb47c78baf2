/* SPDX-License-Identifier: MIT */
#ifndef H1_SCENE_H
#define H1_SCENE_H

#include "support/fake_exchange.h"
#include "support/fake_stream.h"

/* What the tests of HTTP/1.1 connections have in common. */

#define H1_SCENE_URL "http://example.org/x"
#define H1_SCENE_GET "GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n"

/* A connection on a fake stream, and what is around it. */
typedef struct h1_scene {
  ah_loop *loop;
  fake_stream *stream;
  fake_owner owner; /* owner.conn is the connection, NULL once closed */
  fake_transport transport;
} h1_scene;

void h1_scene_begin(h1_scene *s);
/* Closes the connection if it is still open; it must be unused. */
void h1_scene_end(h1_scene *s);

/* One turn of the loop. */
void h1_scene_turn(h1_scene *s);

/* Starts a request without content. */
fake_exchange *h1_scene_start(h1_scene *s, const char *method);
/* Starts a GET request and has it written. */
fake_exchange *h1_scene_get(h1_scene *s);

/* The server sends |text|. */
void h1_scene_feed(h1_scene *s, const char *text);

/* The events of |e| so far are |want|; see fake_exchange.log. */
void h1_check_log(const fake_exchange *e, const char *want);
/* The connection waits for the next request. */
void h1_check_idle(const h1_scene *s);
/* The connection has told that it is closed, and has closed its stream. */
void h1_check_closed(const h1_scene *s);

/* What an exchange's hook does, by its |user_data|. */
typedef struct h1_hook {
  fake_event at; /* acts at this event; FAKE_DONE: at any other */
  bool was_run;
} h1_hook;

void h1_pause_at(fake_exchange *e, fake_event event);
void h1_cancel_at(fake_exchange *e, fake_event event);

#endif

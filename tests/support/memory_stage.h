/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_MEMORY_STAGE_H
#define AH_TESTS_MEMORY_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <ahttp/ahttp.h>

#include "support/dns_peer.h"
#include "support/event_server.h"

/*
 * A client that is made, and a request that is sent, while memory runs out at
 * the nth allocation.  What must be true then is checked here: an outcome of
 * AHTTP_OK or AHTTP_ENOMEM, on_done once, nothing lost, and the same request
 * goes through on the same client when there is memory again.
 */
typedef struct memory_stage memory_stage;

enum {
  MEMORY_CROWD_MAX = 8
};

/* When memory is short. */
typedef enum memory_shortage {
  MEMORY_FOR_ONE,      /* one allocation fails */
  MEMORY_TILL_DONE,    /* all do, until the call is done */
  MEMORY_TILL_THE_END, /* all do, until the client is gone */
  MEMORY_WARM_FOR_ONE, /* as the first two, but a request was sent before */
  MEMORY_WARM_TILL_DONE,
  MEMORY_SHORTAGES
} memory_shortage;

typedef enum memory_content {
  MEMORY_NO_CONTENT,
  MEMORY_BYTES,
  MEMORY_SOURCE /* of unknown length */
} memory_content;

/* Where requests go. */
typedef struct memory_servers {
  const event_server *clear;
  const event_server *secure;
  const char *ca_file;
} memory_servers;

/* What is sent, and what must come back. */
typedef struct memory_scene {
  const char *name;
  const char *method;
  const char *host;
  const char *path;
  bool is_tls;
  ahttp_http_policy http;
  memory_content content;
  size_t len;
  int (*block)(const memory_stage *it,
               const char *url); /* NULL: by callbacks */
  bool is_slow; /* paused within the content, with manual credit */
  size_t crowd; /* so many calls at once; 0: 1 */
} memory_scene;

typedef struct memory_stage_call {
  memory_stage *of;
  ahttp_call *call; /* NULL: none under way */
  bool is_paused;
  unsigned dones;
  int code;
  size_t len;
  size_t uncredited;
} memory_stage_call;

/* A client, its loop and one request after the other. */
struct memory_stage {
  const memory_servers *servers;
  const memory_scene *at;
  int nth;
  memory_shortage lack;
  uv_loop_t loop;
  uv_timer_t tick;
  unsigned ticks;
  dns_peer *names;
  ahttp_client *client;
  bool is_closed;
  memory_stage_call calls[MEMORY_CROWD_MAX];
  size_t pending;
};

/* Fails the test, naming |it|, unless |condition|. */
void memory_stage_check(const memory_stage *it, bool condition,
                        const char *what);

/*
 * Sends what |at| says with the first allocation failing, then the second, and
 * so on, until none fails any more.  Returns how many did.
 */
int memory_stage_run(const memory_scene *at, memory_shortage lack,
                     const memory_servers *servers);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CLIENT_HOME_H
#define AH_TESTS_CLIENT_HOME_H

#include <stdbool.h>

#include <uv.h>

#include <ahttp/ahttp.h>

/* A client for several threads, and whoever runs its loop. */
typedef enum client_home_kind {
  HOME_WAITERS,    /* a private loop, run by the threads that wait */
  HOME_BACKGROUND, /* one with a thread of the library's */
  HOME_CALLER,     /* the test's loop, run by a thread of the test's */
  HOME_KINDS       /* how many there are */
} client_home_kind;

typedef struct client_home {
  client_home_kind kind;
  ahttp_client *client;

  /* HOME_CALLER's. */
  uv_thread_t thread;
  uv_loop_t loop;
  uv_async_t keeper; /* keeps the loop going until the client is closed */
  uv_sem_t is_open;
  const ahttp_client_opts *opts;
  bool is_closed;
} client_home;

/* Makes a client; |opts| may be NULL.  The test fails if it cannot be made. */
void client_home_open(client_home *home, client_home_kind kind,
                      const ahttp_client_opts *opts);

ahttp_client_stats client_home_stats(const client_home *home);

/* Waits, for ten seconds at most, until no call is active. */
void client_home_settle(const client_home *home);

/* Closes the client, whatever is under way, and waits until it is gone. */
void client_home_close(client_home *home);

/* client_home_settle(), checks the other counters, client_home_close(). */
void client_home_close_settled(client_home *home);

#endif

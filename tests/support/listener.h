/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_LISTENER_H
#define AH_TESTS_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A listening socket on loopback, and a thread for every connection it
 * accepts.  Trouble ends the test program with a message.
 */
typedef struct listener listener;

typedef struct listener_opts {
  const char *address;   /* numeric; NULL: 127.0.0.1 */
  const char *unix_path; /* instead of an address */
  /* Serves the |index|th connection (from 0) on a thread of its own; |fd| is
   * closed when it returns. */
  void (*serve)(listener *from, int fd, unsigned index, void *user_data);
  void *user_data;
} listener_opts;

listener *listener_start(const listener_opts *opts);

/* 0 for a unix socket. */
uint16_t listener_port(const listener *from);

/* Connections accepted so far. */
unsigned listener_accepted(const listener *from);

/* Ends what serve() is waiting for, waits for all threads, frees; NULL is
 * allowed. */
void listener_stop(listener *from);

/* --- For serve(). -------------------------------------------------------- */

/* Waits until |fd| is ready for |events|; false if the listener is to stop. */
bool listener_wait(const listener *from, int fd, short events);

/* Waits until |a| or |b|, which may be -1, can be read; that one, or -1 if the
 * listener is to stop. */
int listener_wait_either(const listener *from, int a, int b);

/* Reads up to |cap| bytes; 0 at the end of the connection or the listener. */
size_t listener_read(const listener *from, int fd, void *dst, size_t cap);

/* Sends all of it; false if that cannot be done. */
bool listener_send(const listener *from, int fd, const void *data, size_t len);

void listener_finish_sending(int fd);

/* Finishes sending and reads until the client has closed as well, so that
 * nothing unread turns the end into a reset. */
void listener_finish(const listener *from, int fd);

/* The close() of |fd| sends a RST. */
void listener_arm_reset(int fd);

/* Waits until the listener is to stop. */
void listener_hold(const listener *from);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_NET_H
#define AHTTP_NET_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How a client's sockets are made: which of this machine's addresses and
 * interfaces they use, and what is set on them before they connect.
 */

/* Which kind of IP addresses is used. */
typedef enum ahttp_family {
  AHTTP_FAMILY_ANY = 0, /* both, IPv6 first (RFC 8305) */
  AHTTP_FAMILY_V4 = 4,  /* IPv4 only; nothing else is asked for */
  AHTTP_FAMILY_V6 = 6   /* IPv6 only; the same */
} ahttp_family;

/* One setsockopt(), as in HTTPX's socket_options. */
typedef struct ahttp_socket_option {
  int level;         /* such as SOL_SOCKET */
  int name;          /* such as SO_PRIORITY */
  const void *value; /* |value_len| bytes; not NULL */
  size_t value_len;
} ahttp_socket_option;

/* What a socket is for; borrowed, NUL-terminated. */
typedef struct ahttp_socket_target {
  size_t size;         /* sizeof(*this) of the library */
  const char *host;    /* being connected to; "" for a unix socket */
  const char *address; /* numeric; the path of a unix socket */
  uint16_t port;       /* 0 for a unix socket */
} ahttp_socket_target;

/*
 * A socket was made and set up and is about to be connected to |target|.  |fd|
 * is non-blocking and the library's: it may be given options, marked or bound,
 * but not closed or kept.  Returns 0 to go on; anything else refuses: the
 * address counts as one that failed, the next one of the host is tried, and a
 * call that is left without any ends with AHTTP_ECALLBACK.
 *
 * Runs on the loop's thread, once for every address tried; any function of the
 * library may be called from it.
 */
typedef int (*ahttp_socket_cb)(int fd, const ahttp_socket_target *target,
                               void *user_data);

/*
 * Network options of a client; all zero is the default.  Everything is copied.
 * An option that the system refuses fails the address being tried with a
 * sentence that names the option.  Only |options| and |on_socket| are for unix
 * sockets too.
 */
typedef struct ahttp_net_opts {
  size_t size; /* set by AHTTP_NET_OPTS_INIT */

  /* This machine's address that connections come from, numeric; or one of each
   * family, separated by a comma.  A family that it does not name is not used;
   * "0.0.0.0" and "::" stand for whatever address the system takes.  NULL: no
   * choice. */
  const char *local_address;
  /* Local ports to choose from, tried in turn; 0 and 0: the system's choice.
   * |local_port_max| 0 means |local_port_min|. */
  uint16_t local_port_min;
  uint16_t local_port_max;
  const char *interface_name; /* such as "eth0" (SO_BINDTODEVICE); or NULL */
  ahttp_family family;        /* AHTTP_FAMILY_ANY */

  bool nagle;           /* false: segments leave at once (TCP_NODELAY) */
  uint32_t keepalive_s; /* seconds of silence after which TCP asks whether the
                           peer is there, and again between such questions; at
                           most 32767; 0: it does not */
  uint32_t send_buffer_bytes;    /* SO_SNDBUF; 0: the system's */
  uint32_t receive_buffer_bytes; /* SO_RCVBUF; 0: the system's */
  uint8_t tos; /* IP_TOS and IPV6_TCLASS: DSCP in the upper six bits; 0: the
                  system's */

  const ahttp_socket_option *options; /* |option_count|, set in their order */
  size_t option_count;

  ahttp_socket_cb on_socket; /* or NULL */
  void *user_data;           /* its last argument */
} ahttp_net_opts;

#define AHTTP_NET_OPTS_INIT AHTTP_SIZED(ahttp_net_opts)

#ifdef __cplusplus
}
#endif

#endif

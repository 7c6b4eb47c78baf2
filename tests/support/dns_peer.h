/* SPDX-License-Identifier: MIT */
#ifndef DNS_PEER_H
#define DNS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

/*
 * A name server that says what the test wants, over UDP and TCP on one free
 * port of 127.0.0.1, on the test's own loop, which it does not keep alive.
 * Names it was told nothing about do not exist (NXDOMAIN).
 */
typedef struct dns_peer dns_peer;

enum {
  DNS_SERVFAIL = 2,
  DNS_NXDOMAIN = 3,
  DNS_REFUSED = 5
};

/* What to say to one question.  All zero: the name has no such address. */
typedef struct dns_answer {
  const char *addresses; /* numeric, separated by commas; borrowed */
  unsigned many;         /* instead: so many made-up ones */
  const char *cname;     /* the name is an alias of this, whose addresses these
                            are; borrowed */
  int rcode;
  uint32_t ttl;
  unsigned delay_ms;
  unsigned drops; /* so many questions are not answered, then they are */
  bool drop;      /* none is */
  bool truncate;  /* UDP gets an empty answer with TC set */
} dns_answer;

/* Starts serving on |uv|.  Aborts the test program if there is no socket. */
dns_peer *dns_peer_start(uv_loop_t *uv);

/* Closes the sockets; the memory goes when |uv| has turned. */
void dns_peer_stop(dns_peer *peer);

uint16_t dns_peer_port(const dns_peer *peer);

/* "127.0.0.1:PORT", for ah_resolver_opts. */
const char *dns_peer_server(const dns_peer *peer);

/* Sets, or replaces, the answer to questions for |name| (lower case, without a
 * final dot, borrowed) and |family|, AF_INET or AF_INET6. */
void dns_peer_set(dns_peer *peer, const char *name, int family,
                  const dns_answer *answer);

/* How often |name| was asked for with |family|. */
unsigned dns_peer_asked(const dns_peer *peer, const char *name, int family);

/* How many questions came over TCP. */
unsigned dns_peer_asked_by_tcp(const dns_peer *peer);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_PACKED_PEER_H
#define AH_TESTS_PACKED_PEER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * A server of zeros, in a process of its own so that what packing them costs is
 * not the test's.  GET /CODINGS/BYTES answers with so many zeros, packed with
 * each of the codings of packer.h (separated by commas, the first one applied
 * first), and made while they are sent: 10 GB take no room and, if the client
 * hangs up, no time.  The end of the connection ends the content.
 */
typedef struct packed_peer {
  pid_t pid;
  uint16_t port;
} packed_peer;

void packed_peer_open(packed_peer *peer);
void packed_peer_close(packed_peer *peer);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_ADDRESS_H
#define AH_NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <ahttp/types.h>

/* An IP address with a port. */
typedef union ah_address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} ah_address;

/* Families as bits. */
enum {
  AH_USE_V6 = 1 << 0,
  AH_USE_V4 = 1 << 1,
  AH_USE_ANY = AH_USE_V6 | AH_USE_V4
};

/* Reads a numeric IPv4 or IPv6 address without brackets, a zone allowed.
 * False if it is none. */
bool ah_address_parse(ah_address *out, ahttp_str text, uint16_t port);

/*
 * Reads such an address with a port behind it or without: "192.0.2.1:53",
 * "[2001:db8::1]:53", "[2001:db8::1]" or "2001:db8::1".  |port| is for those
 * that name none.  False if it is neither.
 */
bool ah_address_parse_port(ah_address *out, ahttp_str text, uint16_t port);

void ah_address_set_port(ah_address *address, uint16_t port);
uint16_t ah_address_port(const ah_address *address);
socklen_t ah_address_len(const ah_address *address);

/* Room for the longest address with its zone, brackets, port and NUL. */
enum {
  AH_ADDRESS_TEXT_BYTES = 80
};

/* "192.0.2.1", "2001:db8::1" or "fe80::1%2"; returns |dst|. */
char *ah_address_print(const ah_address *address, char *dst, size_t cap);

/* "192.0.2.1:80" or "[2001:db8::1]:80"; returns |dst|. */
char *ah_address_print_port(const ah_address *address, char *dst, size_t cap);

/* True for 127.0.0.0/8 and ::1. */
bool ah_address_is_loopback(const ah_address *address);

#endif

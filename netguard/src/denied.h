/* The destinations that are refused whatever the host's routing says. */
#ifndef NETGUARD_DENIED_H
#define NETGUARD_DENIED_H

#include <stdint.h>

#include "reason.h"

/* PASS, or why this IPv4 address (host byte order) is refused. */
enum reason denied4(uint32_t address);

/* PASS, or why this IPv6 address (16 bytes as on the wire) is refused. An address with an IPv4 address inside is
   refused, except NAT64's well-known prefix, whose inner address must pass by itself. */
enum reason denied6(const uint8_t *address);

/* The IPv4 address inside an address of NAT64's well-known prefix 64:ff9b::/96 (RFC 6052); 0 when it is none. */
uint32_t nat64_inner(const uint8_t *address);

/* Whether the first `bits` bits of two 16-byte addresses are equal. */
int same_prefix6(const uint8_t *a, const uint8_t *b, unsigned bits);

#endif

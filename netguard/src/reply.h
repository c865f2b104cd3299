/* Frames that netguard itself sends to the guest, in the gateway's name, and those that ask passt whether it serves. */
#ifndef NETGUARD_REPLY_H
#define NETGUARD_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "guard.h"

/* Room any frame built here needs: IPv6's minimum MTU, which an ICMPv6 error may fill, and the Ethernet header. */
#define REPLY_MAX (1280 + 14)

/* Answers an ARP request judged ANSWER_ARP. Returns the length written to `out`. */
size_t reply_arp(const uint8_t *frame, const struct guard *guard, uint8_t *out);

/* Answers a neighbour solicitation judged ANSWER_NDP. */
size_t reply_ndp(const uint8_t *frame, const struct guard *guard, uint8_t *out);

/* "Administratively prohibited" for a refused IPv4 or IPv6 packet (RFC 1812, 5.2.7.1; RFC 4443, 3.1). Returns 0 when no
   such answer may be given: to anything but TCP, UDP and an echo request. */
size_t reply_prohibited(const uint8_t *frame, size_t length, const struct guard *guard, uint8_t *out);

/* An ARP request, or a neighbour solicitation, from the guest's address for the gateway's: passt answers it as soon as
   it serves that IP version. */
size_t ask_arp(const struct guard *guard, uint8_t *out);
size_t ask_ndp(const struct guard *guard, uint8_t *out);

#endif

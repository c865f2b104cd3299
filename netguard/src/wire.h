/* Byte access and the few protocol numbers netguard reads. Nothing here assumes alignment. */
#ifndef NETGUARD_WIRE_H
#define NETGUARD_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    ETHER_HEADER = 14,
    ETHER_IPV4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_IPV6 = 0x86dd,
    ARP_BODY = 28,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    ICMP_HEADER = 8,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ICMPV6 = 58,
    ICMP_UNREACHABLE = 3,
    ICMP_ECHO_REQUEST = 8,
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_ECHO_REQUEST = 128,
    NDP_SOLICITATION = 135,
    NDP_ADVERTISEMENT = 136,
    PORT_DNS = 53,
};

/* Largest MTU the guest is given. A frame of it, with its length prefix, fits one 48 KiB socket buffer of a unix
   stream socket, so that passt, which reads a frame in at most two receives, never sees a piece of one. */
#define GUEST_MTU 32000u

/* Largest frame of the guest that goes on to passt. */
#define GUEST_FRAME_MAX (GUEST_MTU + ETHER_HEADER)

/* Largest frame either side may announce: what QEMU's network layer can carry (its NET_BUFSIZE). A longer one means that
   the stream is not what it should be. */
#define STREAM_FRAME_MAX (4096u + 65536u)

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void put32(uint8_t *p, uint32_t value)
{
    put16(p, (uint16_t)(value >> 16));
    put16(p + 2, (uint16_t)value);
}

#endif

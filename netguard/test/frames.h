/* Frames and a network to test with. */
#ifndef NETGUARD_FRAMES_H
#define NETGUARD_FRAMES_H

#include <arpa/inet.h>
#include <string.h>

#include "guard.h"
#include "wire.h"

/* A frame under construction; the buffer is as long as the longest frame a guest may send, and one more. */
struct frame {
    size_t length;
    uint8_t bytes[STREAM_FRAME_MAX];
};

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t gateway_mac[6] = {0x52, 0x54, 0, 0x62, 0x6e, 0x67};

static inline uint32_t ip4(const char *text)
{
    uint8_t bytes[4];

    return inet_pton(AF_INET, text, bytes) == 1 ? be32(bytes) : 0;
}

static inline struct guard test_guard(void)
{
    struct guard guard = {
        .v4 = {.on = true,
               .address = ip4("10.0.2.15"),
               .gateway = ip4("10.0.2.2"),
               .dns = ip4("10.0.2.3"),
               .prefix = 24},
        .v6 = {.on = true, .has_dns = true, .prefix = 64},
        .udp_port_low = 32768,
        .udp_port_high = 60999,
        .outbound = true,
    };

    memcpy(guard.mac, guest_mac, 6);
    memcpy(guard.gateway_mac, gateway_mac, 6);
    inet_pton(AF_INET6, "fd62::f", guard.v6.address);
    inet_pton(AF_INET6, "fd62::2", guard.v6.gateway);
    inet_pton(AF_INET6, "fd62::3", guard.v6.dns);
    return guard;
}

static inline void ether(struct frame *frame, uint16_t type)
{
    memset(frame, 0, sizeof *frame);
    memcpy(frame->bytes, gateway_mac, 6);
    memcpy(frame->bytes + 6, guest_mac, 6);
    put16(frame->bytes + 12, type);
    frame->length = ETHER_HEADER;
}

/* An ARP request of the guest's. */
static inline void arp_request(struct frame *frame, const char *sender, const char *target)
{
    static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};
    uint8_t *arp = frame->bytes + ETHER_HEADER;

    ether(frame, ETHER_ARP);
    memcpy(arp, head, sizeof head);
    memcpy(arp + 8, guest_mac, 6);
    put32(arp + 14, ip4(sender));
    put32(arp + 24, ip4(target));
    frame->length += ARP_BODY;
}

/* Puts a transport part with a sound header of its own at the frame's end. */
static inline void transport(struct frame *frame, uint8_t protocol, uint16_t source, uint16_t destination, size_t data)
{
    uint8_t *part = frame->bytes + frame->length;
    size_t header = protocol == PROTO_TCP ? TCP_HEADER : UDP_HEADER;

    put16(part, source);
    put16(part + 2, destination);
    if (protocol == PROTO_TCP) {
        part[12] = 5 << 4;
        part[13] = 2; /* SYN */
    } else if (protocol == PROTO_UDP) {
        put16(part + 4, (uint16_t)(UDP_HEADER + data));
    } else {
        memset(part, 0, UDP_HEADER);
        part[0] = protocol == PROTO_ICMP ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST;
    }
    frame->length += header + data;
}

static inline void packet4_from(struct frame *frame, const char *source, const char *destination, uint8_t protocol,
                                uint16_t source_port, uint16_t port)
{
    uint8_t *ip = frame->bytes + ETHER_HEADER;

    ether(frame, ETHER_IPV4);
    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = protocol;
    put32(ip + 12, ip4(source));
    put32(ip + 16, ip4(destination));
    frame->length += IPV4_HEADER;
    transport(frame, protocol, source_port, port, 4);
    put16(ip + 2, (uint16_t)(frame->length - ETHER_HEADER));
}

static inline void packet4(struct frame *frame, const char *destination, uint8_t protocol, uint16_t port)
{
    packet4_from(frame, "10.0.2.15", destination, protocol, 40000, port);
}

static inline void packet6_from(struct frame *frame, const char *source, const char *destination, uint8_t protocol,
                                uint16_t source_port, uint16_t port)
{
    uint8_t *ip = frame->bytes + ETHER_HEADER;

    ether(frame, ETHER_IPV6);
    ip[0] = 0x60;
    ip[6] = protocol;
    ip[7] = 64;
    inet_pton(AF_INET6, source, ip + 8);
    inet_pton(AF_INET6, destination, ip + 24);
    frame->length += IPV6_HEADER;
    transport(frame, protocol, source_port, port, 4);
    put16(ip + 4, (uint16_t)(frame->length - ETHER_HEADER - IPV6_HEADER));
}

static inline void packet6(struct frame *frame, const char *destination, uint8_t protocol, uint16_t port)
{
    packet6_from(frame, "fd62::f", destination, protocol, 40000, port);
}

/* A neighbour solicitation; hop limit and sizes as they must be. */
static inline void solicitation(struct frame *frame, const char *source, const char *target)
{
    uint8_t *ip = frame->bytes + ETHER_HEADER;

    packet6_from(frame, source, target, PROTO_ICMPV6, 0, 0);
    ip[7] = 255;
    memset(ip + IPV6_HEADER, 0, 32);
    ip[IPV6_HEADER] = NDP_SOLICITATION;
    inet_pton(AF_INET6, target, ip + IPV6_HEADER + 8);
    ip[IPV6_HEADER + 24] = 1;
    ip[IPV6_HEADER + 25] = 1;
    memcpy(ip + IPV6_HEADER + 26, guest_mac, 6);
    put16(ip + 4, 32);
    frame->length = ETHER_HEADER + IPV6_HEADER + 32;
}

/* A host with the addresses 192.0.2.2, 203.0.113.9, 2001:db8::2 and no route to 198.51.100.0/24 and 3fff::/16. */
static inline enum route test_route(void *context, int family, const uint8_t *address)
{
    uint8_t own[16];

    (void)context;
    if (family == AF_INET) {
        if (be32(address) == ip4("192.0.2.2") || be32(address) == ip4("203.0.113.9"))
            return ROUTE_HERE;
        return be32(address) >> 8 == ip4("198.51.100.0") >> 8 ? ROUTE_NOWHERE : ROUTE_AWAY;
    }
    inet_pton(AF_INET6, "2001:db8::2", own);
    if (memcmp(address, own, 16) == 0)
        return ROUTE_HERE;
    return be16(address) == 0x3fff ? ROUTE_NOWHERE : ROUTE_AWAY;
}

#endif

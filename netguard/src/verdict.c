#include "verdict.h"

#include <sys/socket.h>

#include "denied.h"
#include "wire.h"

/* A datagram's transport part, once its IP header has been found sound. */
struct payload {
    const uint8_t *bytes;
    size_t length;
    uint8_t protocol;
};

/* ARP (RFC 826): only requests of the VM's own address for the gateway or the resolver are answered. The rest
   (probes and announcements of RFC 5227, replies, other targets) has nobody to reach. */
static enum reason arp_verdict(const uint8_t *arp, size_t length, const struct guard *guard)
{
    static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};
    uint32_t sender, target;

    if (!guard->v4.on)
        return FAMILY_OFF;
    if (length < ARP_BODY || memcmp(arp, ethernet_ipv4, sizeof ethernet_ipv4) != 0)
        return MALFORMED;
    if (memcmp(arp + 8, guard->mac, 6) != 0)
        return SOURCE_MAC;
    sender = be32(arp + 14);
    target = be32(arp + 24);
    if (sender == 0)
        return NEIGHBOUR;
    if (sender != guard->v4.address)
        return SOURCE_ADDRESS;
    if (be16(arp + 6) != 1)
        return NEIGHBOUR;
    return target == guard->v4.gateway || (guard->v4.dns != 0 && target == guard->v4.dns) ? ANSWER_ARP : NEIGHBOUR;
}

/* What may be inside IPv4 or IPv6. passt reads the same header at the same offset: without options, extension headers
   and fragments there is only one. It treats a fragment as if its first bytes were ports. */
static enum reason transport_verdict(struct payload payload, const struct guard *guard)
{
    const uint8_t *bytes = payload.bytes;
    size_t header;

    switch (payload.protocol) {
    case PROTO_TCP:
        if (payload.length < TCP_HEADER)
            return MALFORMED;
        header = (size_t)(bytes[12] >> 4) * 4;
        return header < TCP_HEADER || header > payload.length ? MALFORMED : PASS;
    case PROTO_UDP:
        if (payload.length < UDP_HEADER || be16(bytes + 4) != payload.length)
            return MALFORMED;
        return be16(bytes) < guard->udp_port_low || be16(bytes) > guard->udp_port_high ? SOURCE_PORT : PASS;
    case PROTO_ICMP:
    case PROTO_ICMPV6:
        if (payload.length < ICMP_HEADER)
            return MALFORMED;
        /* passt would relay echo replies as well; the guest is never asked, so it has none to give. */
        return bytes[0] == (payload.protocol == PROTO_ICMP ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST) ? PASS : PROTOCOL;
    default:
        return PROTOCOL;
    }
}

static enum reason route_verdict(enum route route)
{
    switch (route) {
    case ROUTE_AWAY:
        return PASS;
    case ROUTE_HERE:
        return HOST_ADDRESS;
    default:
        return NO_ROUTE;
    }
}

static int is_dns(struct payload payload)
{
    return payload.protocol == PROTO_UDP && be16(payload.bytes + 2) == PORT_DNS;
}

static enum reason ipv4_verdict(const uint8_t *ip, size_t length, const struct guard *guard, route_lookup lookup,
                                void *context)
{
    struct payload payload;
    uint32_t source, destination;
    enum reason reason;

    if (!guard->v4.on)
        return FAMILY_OFF;
    if (length < IPV4_HEADER || ip[0] >> 4 != 4 || (ip[0] & 15) < 5 || be16(ip + 2) != length)
        return MALFORMED;
    source = be32(ip + 12);
    destination = be32(ip + 16);
    reason = denied4(destination);
    /* First, so that IGMP (which has an option) and DHCP (whose source is 0.0.0.0) count as the noise they are. */
    if (reason == MULTICAST)
        return MULTICAST;
    if (source != guard->v4.address)
        return SOURCE_ADDRESS;
    if ((ip[0] & 15) != 5)
        return OPTIONS;
    if ((be16(ip + 6) & 0x3fff) != 0)
        return FRAGMENT;
    if (reason != PASS)
        return reason;
    if (!guard->outbound)
        return NO_OUTBOUND;
    payload = (struct payload){ip + IPV4_HEADER, length - IPV4_HEADER, ip[9]};
    if (payload.protocol == PROTO_ICMPV6)
        return PROTOCOL;
    reason = transport_verdict(payload, guard);
    if (reason != PASS)
        return reason;
    if ((destination ^ guard->v4.gateway) >> (32 - guard->v4.prefix) == 0)
        return guard->v4.dns != 0 && destination == guard->v4.dns && is_dns(payload) ? PASS : OWN_SUBNET;
    return route_verdict(lookup(context, AF_INET, ip + 16));
}

/* Neighbour solicitation (RFC 4861, 4.3): answered for the gateway and the resolver. The sender may be the interface's
   link-local address, which the kernel uses to re-check a neighbour; it goes no further than this answer. */
static enum reason solicitation_verdict(const uint8_t *ip, size_t length, const struct guard *guard)
{
    static const uint8_t link_local[16] = {0xfe, 0x80};
    static const uint8_t unspecified[16];
    const uint8_t *icmp = ip + IPV6_HEADER;
    const uint8_t *target = icmp + 8;

    if (length < IPV6_HEADER + 24 || ip[7] != 255 || icmp[1] != 0)
        return MALFORMED;
    if (memcmp(ip + 8, unspecified, 16) == 0)
        return NEIGHBOUR; /* duplicate address detection: silence is the right answer */
    if (memcmp(ip + 8, guard->v6.address, 16) != 0 && !same_prefix6(ip + 8, link_local, 64))
        return SOURCE_ADDRESS;
    if (memcmp(target, guard->v6.gateway, 16) == 0)
        return ANSWER_NDP;
    return guard->v6.has_dns && memcmp(target, guard->v6.dns, 16) == 0 ? ANSWER_NDP : NEIGHBOUR;
}

static enum reason ipv6_verdict(const uint8_t *ip, size_t length, const struct guard *guard, route_lookup lookup,
                                void *context)
{
    const uint8_t *destination = ip + 24;
    struct payload payload;
    enum reason reason;
    uint32_t inner;
    uint8_t inner_bytes[4];

    if (!guard->v6.on)
        return FAMILY_OFF;
    if (length < IPV6_HEADER || ip[0] >> 4 != 6 || be16(ip + 4) != length - IPV6_HEADER)
        return MALFORMED;
    payload = (struct payload){ip + IPV6_HEADER, length - IPV6_HEADER, ip[6]};
    if (payload.protocol == PROTO_ICMPV6 && payload.length > 0 && payload.bytes[0] == NDP_SOLICITATION)
        return solicitation_verdict(ip, length, guard);
    reason = denied6(destination);
    if (reason == MULTICAST)
        return MULTICAST;
    if (payload.protocol == PROTO_ICMPV6 && payload.length > 0 && payload.bytes[0] == NDP_ADVERTISEMENT)
        return NEIGHBOUR;
    if (memcmp(ip + 8, guard->v6.address, 16) != 0)
        return SOURCE_ADDRESS;
    switch (payload.protocol) {
    case 0:   /* hop-by-hop options */
    case 43:  /* routing */
    case 44:  /* fragment */
    case 50:  /* ESP */
    case 51:  /* AH */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* HIP */
    case 140: /* shim6 */
        return OPTIONS;
    }
    if (reason != PASS)
        return reason;
    if (!guard->outbound)
        return NO_OUTBOUND;
    if (payload.protocol == PROTO_ICMP)
        return PROTOCOL;
    reason = transport_verdict(payload, guard);
    if (reason != PASS)
        return reason;
    if (same_prefix6(destination, guard->v6.gateway, guard->v6.prefix))
        return guard->v6.has_dns && memcmp(destination, guard->v6.dns, 16) == 0 && is_dns(payload) ? PASS : OWN_SUBNET;
    inner = nat64_inner(destination);
    if (inner != 0) {
        put32(inner_bytes, inner);
        /* Translation may happen on this very host, so its own IPv4 addresses are refused behind the prefix, too. */
        if (lookup(context, AF_INET, inner_bytes) == ROUTE_HERE)
            return TRANSITION;
    }
    return route_verdict(lookup(context, AF_INET6, destination));
}

enum reason verdict(const uint8_t *frame, size_t length, const struct guard *guard, route_lookup lookup, void *context)
{
    const uint8_t *packet = frame + ETHER_HEADER;
    size_t packet_length;

    if (length < ETHER_HEADER)
        return SHORT_FRAME;
    if (length > GUEST_FRAME_MAX)
        return LONG_FRAME;
    if (memcmp(frame + 6, guard->mac, 6) != 0)
        return SOURCE_MAC;
    packet_length = length - ETHER_HEADER;
    switch (be16(frame + 12)) {
    case ETHER_ARP:
        return arp_verdict(packet, packet_length, guard);
    case ETHER_IPV4:
        return ipv4_verdict(packet, packet_length, guard, lookup, context);
    case ETHER_IPV6:
        return ipv6_verdict(packet, packet_length, guard, lookup, context);
    default:
        return ETHERTYPE;
    }
}

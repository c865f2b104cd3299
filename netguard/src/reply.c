#include "reply.h"

#include "wire.h"

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += be16(bytes + i);
    return length % 2 == 1 ? sum + (uint32_t)(bytes[length - 1] << 8) : sum;
}

/* The Internet checksum (RFC 1071) of what has been summed. */
static uint16_t checksum(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void ethernet(uint8_t *out, const uint8_t *to, const uint8_t *from, uint16_t type)
{
    memcpy(out, to, 6);
    memcpy(out + 6, from, 6);
    put16(out + 12, type);
}

/* Writes the IPv6 header and the checksum of the ICMPv6 message that already stands behind it. */
static size_t icmpv6(uint8_t *out, const uint8_t *source, const uint8_t *destination, size_t length)
{
    uint8_t *ip = out + ETHER_HEADER;
    uint8_t *icmp = ip + IPV6_HEADER;

    memset(ip, 0, 8);
    ip[0] = 6 << 4;
    put16(ip + 4, (uint16_t)length);
    ip[6] = PROTO_ICMPV6;
    ip[7] = 255;
    memcpy(ip + 8, source, 16);
    memcpy(ip + 24, destination, 16);
    put16(icmp + 2, 0);
    put16(icmp + 2, checksum(sum16(sum16((uint32_t)length + PROTO_ICMPV6, ip + 8, 32), icmp, length)));
    return ETHER_HEADER + IPV6_HEADER + length;
}

static size_t arp(uint8_t *out, uint16_t operation, const uint8_t *sender_mac, uint32_t sender, const uint8_t *target_mac,
                  uint32_t target)
{
    static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};
    uint8_t *body = out + ETHER_HEADER;

    ethernet(out, target_mac, sender_mac, ETHER_ARP);
    memcpy(body, ethernet_ipv4, sizeof ethernet_ipv4);
    put16(body + 6, operation);
    memcpy(body + 8, sender_mac, 6);
    put32(body + 14, sender);
    memcpy(body + 18, target_mac, 6);
    put32(body + 24, target);
    return ETHER_HEADER + ARP_BODY;
}

size_t reply_arp(const uint8_t *frame, const struct guard *guard, uint8_t *out)
{
    return arp(out, 2, guard->gateway_mac, be32(frame + ETHER_HEADER + 24), guard->mac, guard->v4.address);
}

size_t ask_arp(const struct guard *guard, uint8_t *out)
{
    return arp(out, 1, guard->mac, guard->v4.address, guard->gateway_mac, guard->v4.gateway);
}

/* A solicitation or advertisement with its one option, the sender's link-layer address (RFC 4861, 4.3, 4.4, 4.6.1). */
static size_t neighbour(uint8_t *icmp, uint8_t type, uint8_t flags, const uint8_t *target, uint8_t option,
                        const uint8_t *mac)
{
    memset(icmp, 0, 8);
    icmp[0] = type;
    icmp[4] = flags;
    memcpy(icmp + 8, target, 16);
    icmp[24] = option;
    icmp[25] = 1;
    memcpy(icmp + 26, mac, 6);
    return 32;
}

size_t reply_ndp(const uint8_t *frame, const struct guard *guard, uint8_t *out)
{
    const uint8_t *ip = frame + ETHER_HEADER;
    const uint8_t *target = ip + IPV6_HEADER + 8;
    size_t length;

    ethernet(out, guard->mac, guard->gateway_mac, ETHER_IPV6);
    length = neighbour(out + ETHER_HEADER + IPV6_HEADER, NDP_ADVERTISEMENT, 0xe0 /* router, solicited, override */, target,
                       2, guard->gateway_mac);
    return icmpv6(out, target, ip + 8, length);
}

size_t ask_ndp(const struct guard *guard, uint8_t *out)
{
    size_t length;

    ethernet(out, guard->gateway_mac, guard->mac, ETHER_IPV6);
    length = neighbour(out + ETHER_HEADER + IPV6_HEADER, NDP_SOLICITATION, 0, guard->v6.gateway, 1, guard->mac);
    return icmpv6(out, guard->v6.address, guard->v6.gateway, length);
}

static size_t prohibited4(const uint8_t *ip, size_t length, const struct guard *guard, uint8_t *out)
{
    size_t header = (size_t)(ip[0] & 15) * 4;
    size_t quoted = length < header + 8 ? length : header + 8;
    uint8_t *answer = out + ETHER_HEADER;
    uint8_t *icmp = answer + IPV4_HEADER;

    if (ip[9] != PROTO_TCP && ip[9] != PROTO_UDP &&
        !(ip[9] == PROTO_ICMP && length > header && ip[header] == ICMP_ECHO_REQUEST))
        return 0;
    ethernet(out, guard->mac, guard->gateway_mac, ETHER_IPV4);
    memset(answer, 0, IPV4_HEADER + ICMP_HEADER);
    answer[0] = 0x45;
    put16(answer + 2, (uint16_t)(IPV4_HEADER + ICMP_HEADER + quoted));
    answer[8] = 64;
    answer[9] = PROTO_ICMP;
    put32(answer + 12, guard->v4.gateway);
    memcpy(answer + 16, ip + 12, 4);
    put16(answer + 10, checksum(sum16(0, answer, IPV4_HEADER)));
    icmp[0] = ICMP_UNREACHABLE;
    icmp[1] = 13; /* communication administratively prohibited */
    memcpy(icmp + ICMP_HEADER, ip, quoted);
    put16(icmp + 2, checksum(sum16(0, icmp, ICMP_HEADER + quoted)));
    return ETHER_HEADER + IPV4_HEADER + ICMP_HEADER + quoted;
}

static size_t prohibited6(const uint8_t *ip, size_t length, const struct guard *guard, uint8_t *out)
{
    size_t room = REPLY_MAX - ETHER_HEADER - IPV6_HEADER - ICMP_HEADER;
    size_t quoted = length < room ? length : room;
    uint8_t *icmp = out + ETHER_HEADER + IPV6_HEADER;

    if (ip[6] != PROTO_TCP && ip[6] != PROTO_UDP &&
        !(ip[6] == PROTO_ICMPV6 && length > IPV6_HEADER && ip[IPV6_HEADER] == ICMPV6_ECHO_REQUEST))
        return 0;
    ethernet(out, guard->mac, guard->gateway_mac, ETHER_IPV6);
    memset(icmp, 0, ICMP_HEADER);
    icmp[0] = ICMPV6_UNREACHABLE;
    icmp[1] = 1; /* communication with destination administratively prohibited */
    memcpy(icmp + ICMP_HEADER, ip, quoted);
    return icmpv6(out, guard->v6.gateway, ip + 8, ICMP_HEADER + quoted);
}

size_t reply_prohibited(const uint8_t *frame, size_t length, const struct guard *guard, uint8_t *out)
{
    const uint8_t *ip = frame + ETHER_HEADER;

    if (be16(frame + 12) == ETHER_IPV4)
        return prohibited4(ip, length - ETHER_HEADER, guard, out);
    return prohibited6(ip, length - ETHER_HEADER, guard, out);
}

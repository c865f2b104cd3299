#include "reply.h"

#include "check.h"
#include "frames.h"

static struct frame frame;
static uint8_t out[REPLY_MAX];

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint32_t add(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    return sum;
}

/* A correct header or message sums to all ones with its checksum in place (RFC 1071). */
static int sound6(const uint8_t *ip, size_t length)
{
    return fold(add(ip + 8, 32) + (uint32_t)(length - IPV6_HEADER) + PROTO_ICMPV6 +
                add(ip + IPV6_HEADER, length - IPV6_HEADER)) == 0xffff;
}

static void check_arp(const struct guard *guard)
{
    arp_request(&frame, "10.0.2.15", "10.0.2.3");
    CHECK(reply_arp(frame.bytes, guard, out) == ETHER_HEADER + ARP_BODY);
    CHECK(memcmp(out, guest_mac, 6) == 0 && memcmp(out + 6, gateway_mac, 6) == 0 && be16(out + 12) == ETHER_ARP);
    CHECK(be16(out + 20) == 2 && memcmp(out + 22, gateway_mac, 6) == 0 && be32(out + 28) == ip4("10.0.2.3"));
    CHECK(memcmp(out + 32, guest_mac, 6) == 0 && be32(out + 38) == ip4("10.0.2.15"));
    CHECK(ask_arp(guard, out) == ETHER_HEADER + ARP_BODY);
    CHECK(be16(out + 20) == 1 && be32(out + 28) == ip4("10.0.2.15") && be32(out + 38) == ip4("10.0.2.2"));
}

static void check_ndp(const struct guard *guard)
{
    size_t length;

    solicitation(&frame, "fd62::f", "fd62::2");
    length = reply_ndp(frame.bytes, guard, out);
    CHECK(length == ETHER_HEADER + IPV6_HEADER + 32 && sound6(out + ETHER_HEADER, length - ETHER_HEADER));
    CHECK(out[ETHER_HEADER + 7] == 255 && out[54] == NDP_ADVERTISEMENT && out[58] == 0xe0);
    CHECK(memcmp(out + 22, guard->v6.gateway, 16) == 0 && memcmp(out + 38, guard->v6.address, 16) == 0);
    CHECK(memcmp(out + 62, guard->v6.gateway, 16) == 0 && out[78] == 2 && memcmp(out + 80, gateway_mac, 6) == 0);
    length = ask_ndp(guard, out);
    CHECK(out[54] == NDP_SOLICITATION && sound6(out + ETHER_HEADER, length - ETHER_HEADER));
}

static void check_prohibited(const struct guard *guard)
{
    size_t length;

    packet4(&frame, "192.0.2.2", PROTO_TCP, 22);
    length = reply_prohibited(frame.bytes, frame.length, guard, out);
    CHECK(length == ETHER_HEADER + IPV4_HEADER + ICMP_HEADER + IPV4_HEADER + 8);
    CHECK(be32(out + 26) == ip4("10.0.2.2") && be32(out + 30) == ip4("10.0.2.15"));
    CHECK(out[34] == ICMP_UNREACHABLE && out[35] == 13);
    CHECK(fold(add(out + ETHER_HEADER, IPV4_HEADER)) == 0xffff);
    CHECK(fold(add(out + 34, length - 34)) == 0xffff);
    CHECK(memcmp(out + 42, frame.bytes + ETHER_HEADER, IPV4_HEADER + 8) == 0);
    /* No error about an error, nor about anything but an echo request. */
    packet4(&frame, "192.0.2.2", PROTO_ICMP, 0);
    CHECK(reply_prohibited(frame.bytes, frame.length, guard, out) > 0);
    frame.bytes[ETHER_HEADER + IPV4_HEADER] = ICMP_UNREACHABLE;
    CHECK(reply_prohibited(frame.bytes, frame.length, guard, out) == 0);
    frame.bytes[ETHER_HEADER + 9] = 47;
    CHECK(reply_prohibited(frame.bytes, frame.length, guard, out) == 0);

    packet6(&frame, "2001:db8::2", PROTO_UDP, 22);
    length = reply_prohibited(frame.bytes, frame.length, guard, out);
    CHECK(length == frame.length + IPV6_HEADER + ICMP_HEADER && sound6(out + ETHER_HEADER, length - ETHER_HEADER));
    CHECK(out[54] == ICMPV6_UNREACHABLE && out[55] == 1);
    packet6(&frame, "2001:db8::2", PROTO_ICMPV6, 0);
    frame.bytes[ETHER_HEADER + IPV6_HEADER] = 1;
    CHECK(reply_prohibited(frame.bytes, frame.length, guard, out) == 0);
    /* A long packet is quoted up to IPv6's minimum MTU. */
    packet6(&frame, "2001:db8::2", PROTO_UDP, 22);
    frame.length = 20000;
    length = reply_prohibited(frame.bytes, frame.length, guard, out);
    CHECK(length == REPLY_MAX && sound6(out + ETHER_HEADER, length - ETHER_HEADER));
}

int main(void)
{
    struct guard guard = test_guard();

    check_arp(&guard);
    check_ndp(&guard);
    check_prohibited(&guard);
    return finish("reply");
}

#include "verdict.h"

#include "check.h"
#include "frames.h"

static struct frame frame;
static struct guard guard;

static enum reason judge(void)
{
    return verdict(frame.bytes, frame.length, &guard, test_route, NULL);
}

#define EXPECT(wanted)                                                                                               \
    do {                                                                                                             \
        enum reason got_reason = judge();                                                                            \
        CHECK(got_reason == (wanted));                                                                               \
        if (got_reason != (wanted))                                                                                  \
            fprintf(stderr, "  got %s\n", reasons[got_reason].name);                                                 \
    } while (0)

static uint8_t *ip(void)
{
    return frame.bytes + ETHER_HEADER;
}

static void check_ethernet(void)
{
    packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
    EXPECT(PASS);
    for (size_t length = 0; length < ETHER_HEADER; length++) {
        frame.length = length;
        EXPECT(SHORT_FRAME);
    }
    packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
    frame.length = GUEST_FRAME_MAX + 1;
    EXPECT(LONG_FRAME);
    packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
    frame.bytes[11] ^= 1;
    EXPECT(SOURCE_MAC);
    /* 802.1Q, 802.1ad, LLDP, an 802.3 length. */
    for (size_t i = 0; i < 4; i++) {
        packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
        put16(frame.bytes + 12, (uint16_t[]){0x8100, 0x88a8, 0x88cc, 46}[i]);
        EXPECT(ETHERTYPE);
    }
}

static void check_arp(void)
{
    arp_request(&frame, "10.0.2.15", "10.0.2.2");
    EXPECT(ANSWER_ARP);
    frame.length += 18; /* padded to Ethernet's minimum */
    EXPECT(ANSWER_ARP);
    frame.length = ETHER_HEADER + ARP_BODY - 1;
    EXPECT(MALFORMED);
    arp_request(&frame, "10.0.2.15", "10.0.2.3");
    EXPECT(ANSWER_ARP);
    arp_request(&frame, "10.0.2.15", "10.0.2.9");
    EXPECT(NEIGHBOUR);
    arp_request(&frame, "10.0.2.15", "10.0.2.15");
    EXPECT(NEIGHBOUR);
    arp_request(&frame, "0.0.0.0", "10.0.2.2");
    EXPECT(NEIGHBOUR);
    arp_request(&frame, "10.0.2.99", "10.0.2.2");
    EXPECT(SOURCE_ADDRESS);
    arp_request(&frame, "10.0.2.15", "10.0.2.2");
    ip()[13] ^= 1;
    EXPECT(SOURCE_MAC);
    arp_request(&frame, "10.0.2.15", "10.0.2.2");
    ip()[7] = 2; /* a reply nobody asked for */
    EXPECT(NEIGHBOUR);
    arp_request(&frame, "10.0.2.15", "10.0.2.2");
    ip()[5] = 16;
    EXPECT(MALFORMED);
    guard.v4.dns = 0;
    arp_request(&frame, "10.0.2.15", "0.0.0.0");
    EXPECT(NEIGHBOUR);
    guard = test_guard();
}

static void check_ipv4_form(void)
{
    packet4(&frame, "192.0.2.1", PROTO_UDP, 53);
    EXPECT(PASS);
    frame.length++; /* longer than it says */
    EXPECT(MALFORMED);
    frame.length -= 2;
    EXPECT(MALFORMED);
    frame.length = ETHER_HEADER + IPV4_HEADER - 1;
    EXPECT(MALFORMED);
    packet4(&frame, "192.0.2.1", PROTO_UDP, 53);
    ip()[0] = 0x65;
    EXPECT(MALFORMED);
    ip()[0] = 0x44;
    EXPECT(MALFORMED);
    ip()[0] = 0x46; /* options, loose source routing among them */
    EXPECT(OPTIONS);
    ip()[0] = 0x4f;
    EXPECT(OPTIONS);
    packet4(&frame, "192.0.2.1", PROTO_UDP, 53);
    put16(ip() + 6, 0x4000); /* don't fragment */
    EXPECT(PASS);
    put16(ip() + 6, 0x2000); /* first fragment */
    EXPECT(FRAGMENT);
    put16(ip() + 6, 0x0001); /* later fragment */
    EXPECT(FRAGMENT);
    packet4_from(&frame, "10.0.2.16", "192.0.2.1", PROTO_UDP, 40000, 53);
    EXPECT(SOURCE_ADDRESS);
    packet4_from(&frame, "192.0.2.2", "192.0.2.1", PROTO_UDP, 40000, 53);
    EXPECT(SOURCE_ADDRESS);
    packet4_from(&frame, "0.0.0.0", "255.255.255.255", PROTO_UDP, 68, 67); /* DHCP */
    EXPECT(MULTICAST);
}

static void check_ipv4_destinations(void)
{
    static const struct {
        const char *address;
        enum reason reason;
    } cases[] = {
        {"192.0.2.1", PASS},           {"192.0.2.2", HOST_ADDRESS},    {"203.0.113.9", HOST_ADDRESS},
        {"198.51.100.1", NO_ROUTE},    {"127.0.0.1", LOOPBACK},        {"0.0.0.0", LOOPBACK},
        {"169.254.169.254", LINK_LOCAL}, {"100.100.100.200", METADATA}, {"10.0.2.2", OWN_SUBNET},
        {"10.0.2.15", OWN_SUBNET},     {"10.0.2.3", OWN_SUBNET},       {"10.0.2.255", OWN_SUBNET},
        {"10.0.3.1", PASS},            {"224.0.0.251", MULTICAST},     {"240.0.0.1", RESERVED},
    };
    static const uint8_t protocols[] = {PROTO_TCP, PROTO_UDP, PROTO_ICMP};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t j = 0; j < sizeof protocols; j++) {
            packet4(&frame, cases[i].address, protocols[j], 80);
            EXPECT(cases[i].reason);
        }
    packet4(&frame, "10.0.2.3", PROTO_UDP, 53);
    EXPECT(PASS);
    packet4(&frame, "10.0.2.3", PROTO_TCP, 53); /* passt forwards UDP alone: this would go to a real 10.0.2.3 */
    EXPECT(OWN_SUBNET);
    packet4(&frame, "10.0.2.2", PROTO_UDP, 53);
    EXPECT(OWN_SUBNET);
    guard.v4.dns = 0;
    packet4(&frame, "10.0.2.3", PROTO_UDP, 53);
    EXPECT(OWN_SUBNET);
    guard = test_guard();
}

static void check_transport(void)
{
    packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
    ip()[IPV4_HEADER + 12] = 4 << 4;
    EXPECT(MALFORMED);
    ip()[IPV4_HEADER + 12] = 15 << 4;
    EXPECT(MALFORMED);
    ip()[IPV4_HEADER + 12] = 6 << 4;
    EXPECT(PASS);
    packet4(&frame, "192.0.2.1", PROTO_UDP, 53);
    put16(ip() + IPV4_HEADER + 4, 11);
    EXPECT(MALFORMED);
    packet4_from(&frame, "10.0.2.15", "192.0.2.1", PROTO_UDP, 32767, 53);
    EXPECT(SOURCE_PORT);
    packet4_from(&frame, "10.0.2.15", "192.0.2.1", PROTO_UDP, 61000, 53);
    EXPECT(SOURCE_PORT);
    packet4_from(&frame, "10.0.2.15", "192.0.2.1", PROTO_UDP, 32768, 53);
    EXPECT(PASS);
    packet4(&frame, "192.0.2.1", PROTO_ICMP, 0);
    EXPECT(PASS);
    for (unsigned type = 0; type < 256; type++)
        if (type != ICMP_ECHO_REQUEST) {
            ip()[IPV4_HEADER] = (uint8_t)type;
            EXPECT(PROTOCOL);
        }
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        if (protocol == PROTO_TCP || protocol == PROTO_UDP || protocol == PROTO_ICMP)
            continue;
        packet4(&frame, "192.0.2.1", PROTO_UDP, 53);
        ip()[9] = (uint8_t)protocol;
        EXPECT(PROTOCOL);
    }
    /* Too short for any header. */
    for (size_t i = 0; i < 3; i++) {
        packet4(&frame, "192.0.2.1", (uint8_t[]){PROTO_TCP, PROTO_UDP, PROTO_ICMP}[i], 80);
        frame.length = ETHER_HEADER + IPV4_HEADER + 7;
        put16(ip() + 2, IPV4_HEADER + 7);
        EXPECT(MALFORMED);
        frame.length = ETHER_HEADER + IPV4_HEADER;
        put16(ip() + 2, IPV4_HEADER);
        EXPECT(MALFORMED);
    }
}

static void check_ipv6_form(void)
{
    static const uint8_t extensions[] = {0, 43, 44, 50, 51, 60, 135, 139, 140};

    packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
    EXPECT(PASS);
    frame.length++;
    EXPECT(MALFORMED);
    frame.length = ETHER_HEADER + IPV6_HEADER - 1;
    EXPECT(MALFORMED);
    packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
    ip()[0] = 0x40;
    EXPECT(MALFORMED);
    packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
    put16(ip() + 4, 0); /* a jumbogram says 0 */
    EXPECT(MALFORMED);
    for (size_t i = 0; i < sizeof extensions; i++) {
        packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
        ip()[6] = extensions[i];
        EXPECT(OPTIONS);
    }
    packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
    ip()[6] = PROTO_ICMP;
    EXPECT(PROTOCOL);
    ip()[6] = 59; /* no next header */
    EXPECT(PROTOCOL);
    packet6_from(&frame, "fd62::10", "2001:db8::1", PROTO_TCP, 40000, 80);
    EXPECT(SOURCE_ADDRESS);
    packet6_from(&frame, "fe80::1", "2001:db8::1", PROTO_TCP, 40000, 80);
    EXPECT(SOURCE_ADDRESS);
    packet6_from(&frame, "::", "2001:db8::1", PROTO_TCP, 40000, 80);
    EXPECT(SOURCE_ADDRESS);
    packet6_from(&frame, "fe80::1", "ff02::16", 0, 0, 0); /* multicast listener report, behind hop-by-hop options */
    EXPECT(MULTICAST);
}

static void check_ipv6_destinations(void)
{
    static const struct {
        const char *address;
        enum reason reason;
    } cases[] = {
        {"2001:db8::1", PASS},
        {"2001:db8::2", HOST_ADDRESS},
        {"3fff::1", NO_ROUTE},
        {"::1", LOOPBACK},
        {"::ffff:192.0.2.1", TRANSITION},
        {"64:ff9b::8.8.8.8", PASS},
        {"64:ff9b::192.0.2.2", TRANSITION},
        {"64:ff9b::198.51.100.1", PASS}, /* no IPv4 route is needed where NAT64 has one */
        {"2002:c000:202::1", TRANSITION},
        {"fe80::1", LINK_LOCAL},
        {"fd00:ec2::254", METADATA},
        {"fd62::2", OWN_SUBNET},
        {"fd62::3", OWN_SUBNET},
        {"fd62::f", OWN_SUBNET},
        {"fd62:0:0:1::1", PASS},
        {"ff02::fb", MULTICAST},
    };
    static const uint8_t protocols[] = {PROTO_TCP, PROTO_UDP, PROTO_ICMPV6};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t j = 0; j < sizeof protocols; j++) {
            packet6(&frame, cases[i].address, protocols[j], 80);
            EXPECT(cases[i].reason);
        }
    packet6(&frame, "fd62::3", PROTO_UDP, 53);
    EXPECT(PASS);
    packet6(&frame, "fd62::3", PROTO_TCP, 53);
    EXPECT(OWN_SUBNET);
    guard.v6.has_dns = false;
    packet6(&frame, "fd62::3", PROTO_UDP, 53);
    EXPECT(OWN_SUBNET);
    guard = test_guard();
}

static void check_ndp(void)
{
    solicitation(&frame, "fd62::f", "fd62::2");
    EXPECT(ANSWER_NDP);
    solicitation(&frame, "fe80::5054:ff:fe12:3456", "fd62::2");
    EXPECT(ANSWER_NDP);
    solicitation(&frame, "fd62::f", "fd62::3");
    EXPECT(ANSWER_NDP);
    solicitation(&frame, "fd62::f", "fd62::9");
    EXPECT(NEIGHBOUR);
    solicitation(&frame, "::", "fd62::2");
    EXPECT(NEIGHBOUR);
    solicitation(&frame, "fd62::10", "fd62::2");
    EXPECT(SOURCE_ADDRESS);
    solicitation(&frame, "2001:db8::2", "fd62::2");
    EXPECT(SOURCE_ADDRESS);
    solicitation(&frame, "fd62::f", "fd62::2");
    ip()[7] = 64; /* came through a router */
    EXPECT(MALFORMED);
    solicitation(&frame, "fd62::f", "fd62::2");
    frame.length = ETHER_HEADER + IPV6_HEADER + 23;
    put16(ip() + 4, 23);
    EXPECT(MALFORMED);
    /* Advertisements, router messages and redirects go nowhere. */
    for (uint8_t type = 133; type <= 137; type++) {
        if (type == NDP_SOLICITATION)
            continue;
        solicitation(&frame, "fd62::f", "fd62::2");
        ip()[IPV6_HEADER] = type;
        EXPECT(type == NDP_ADVERTISEMENT ? NEIGHBOUR : PROTOCOL);
    }
}

static void check_switches(void)
{
    guard.outbound = false;
    packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
    EXPECT(NO_OUTBOUND);
    packet4(&frame, "10.0.2.3", PROTO_UDP, 53);
    EXPECT(NO_OUTBOUND);
    packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
    EXPECT(NO_OUTBOUND);
    packet6(&frame, "fd62::3", PROTO_UDP, 53);
    EXPECT(NO_OUTBOUND);
    arp_request(&frame, "10.0.2.15", "10.0.2.2");
    EXPECT(ANSWER_ARP);
    guard = test_guard();
    guard.v6.on = false;
    packet6(&frame, "2001:db8::1", PROTO_TCP, 80);
    EXPECT(FAMILY_OFF);
    solicitation(&frame, "fd62::f", "fd62::2");
    EXPECT(FAMILY_OFF);
    guard = test_guard();
    guard.v4.on = false;
    packet4(&frame, "192.0.2.1", PROTO_TCP, 80);
    EXPECT(FAMILY_OFF);
    arp_request(&frame, "10.0.2.15", "10.0.2.2");
    EXPECT(FAMILY_OFF);
    guard = test_guard();
}

int main(void)
{
    guard = test_guard();
    check_ethernet();
    check_arp();
    check_ipv4_form();
    check_ipv4_destinations();
    check_transport();
    check_ipv6_form();
    check_ipv6_destinations();
    check_ndp();
    check_switches();
    return finish("verdict");
}

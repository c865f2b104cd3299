#include "denied.h"

#include "check.h"
#include "frames.h"

static enum reason of6(const char *text)
{
    uint8_t address[16];

    return inet_pton(AF_INET6, text, address) == 1 ? denied6(address) : REASON_COUNT;
}

static void check4(void)
{
    static const struct {
        const char *address;
        enum reason reason;
    } cases[] = {
        {"0.0.0.0", LOOPBACK},          {"0.1.2.3", LOOPBACK},          {"1.0.0.0", PASS},
        {"126.255.255.255", PASS},      {"127.0.0.1", LOOPBACK},        {"127.255.255.254", LOOPBACK},
        {"128.0.0.0", PASS},            {"169.253.255.255", PASS},      {"169.254.0.0", LINK_LOCAL},
        {"169.254.169.254", LINK_LOCAL}, {"169.254.170.2", LINK_LOCAL}, {"169.255.0.0", PASS},
        {"100.100.100.199", PASS},      {"100.100.100.200", METADATA},  {"100.100.100.201", PASS},
        {"100.100.100.100", METADATA},  {"168.63.129.16", METADATA},    {"168.63.129.17", PASS},
        {"192.0.0.192", METADATA},      {"192.0.0.0", METADATA},        {"192.0.1.0", PASS},
        {"223.255.255.255", PASS},      {"224.0.0.1", MULTICAST},       {"239.255.255.255", MULTICAST},
        {"240.0.0.1", RESERVED},        {"255.255.255.254", RESERVED},  {"255.255.255.255", MULTICAST},
        {"10.0.0.1", PASS},             {"192.168.1.1", PASS},          {"8.8.8.8", PASS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(denied4(ip4(cases[i].address)) == cases[i].reason);
        if (denied4(ip4(cases[i].address)) != cases[i].reason)
            fprintf(stderr, "  %s\n", cases[i].address);
    }
}

static void check6(void)
{
    static const struct {
        const char *address;
        enum reason reason;
    } cases[] = {
        {"::", LOOPBACK},
        {"::1", LOOPBACK},
        {"::2", TRANSITION},
        {"::7f00:1", TRANSITION},
        {"::ffff:127.0.0.1", TRANSITION},
        {"::ffff:8.8.8.8", TRANSITION},
        {"::ffff:0:8.8.8.8", TRANSITION},
        {"0:0:0:1::", RESERVED},
        {"64:ff9b::8.8.8.8", PASS},
        {"64:ff9b::127.0.0.1", TRANSITION},
        {"64:ff9b::169.254.169.254", TRANSITION},
        {"64:ff9b::100.100.100.200", TRANSITION},
        {"64:ff9b::0.0.0.0", TRANSITION},
        {"64:ff9b:0:0:0:1:808:808", RESERVED},
        {"64:ff9b:1::8.8.8.8", TRANSITION},
        {"100::1", RESERVED},
        {"2001::1", TRANSITION},
        {"2001:1::1", PASS},
        {"2001:db8::1", PASS},
        {"2002:7f00:1::1", TRANSITION},
        {"2002:808:808::1", TRANSITION},
        {"2003::1", PASS},
        {"2606:4700::1111", PASS},
        {"3fff:ffff::1", PASS},
        {"4000::1", RESERVED},
        {"fbff::1", RESERVED},
        {"fc00::1", PASS},
        {"fd00:ec2::254", METADATA},
        {"fd00:ec2::253", METADATA},
        {"fd00:ec2:0:1::254", PASS},
        {"fd20:ce::254", METADATA},
        {"fd00:c1::a9fe:a9fe", METADATA},
        {"fd00:42::42", METADATA},
        {"fd00:42::43", PASS},
        {"fd7a:115c:a1e0::53", METADATA},
        {"fe00::1", RESERVED},
        {"fe80::1", LINK_LOCAL},
        {"fe80::a9fe:a9fe", LINK_LOCAL},
        {"febf::1", LINK_LOCAL},
        {"fec0::1", LINK_LOCAL},
        {"ff02::1", MULTICAST},
        {"ff05::2", MULTICAST},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(of6(cases[i].address) == cases[i].reason);
        if (of6(cases[i].address) != cases[i].reason)
            fprintf(stderr, "  %s\n", cases[i].address);
    }
}

static void check_prefixes(void)
{
    uint8_t a[16] = {0xff, 0xff}, b[16] = {0xff, 0xfe};

    CHECK(same_prefix6(a, b, 0));
    CHECK(same_prefix6(a, b, 8));
    CHECK(same_prefix6(a, b, 15));
    CHECK(!same_prefix6(a, b, 16));
    CHECK(!same_prefix6(a, b, 128));
    CHECK(same_prefix6(a, a, 128));
}

int main(void)
{
    check4();
    check6();
    check_prefixes();
    return finish("denied");
}

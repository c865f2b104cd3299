#include "denied.h"

#include <stddef.h>

#include "wire.h"

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define HEX(group) (uint8_t)((group) >> 8), (uint8_t)(group)
#define IP6(a, b, c, d, e, f, g, h) {HEX(a), HEX(b), HEX(c), HEX(d), HEX(e), HEX(f), HEX(g), HEX(h)}

/* IANA IPv4 Special-Purpose Address Registry (RFC 6890), and what clouds and overlays put elsewhere. Private networks
   are not here: the user's own network is outbound, too. */
static const struct {
    uint32_t network;
    uint8_t bits;
    enum reason reason;
} table4[] = {
    {IP4(0, 0, 0, 0), 8, LOOPBACK},            /* "this host": Linux connects 0.0.0.0 to itself */
    {IP4(127, 0, 0, 0), 8, LOOPBACK},          /* loopback */
    {IP4(169, 254, 0, 0), 16, LINK_LOCAL},     /* link-local (RFC 3927); metadata of nearly every cloud */
    {IP4(100, 100, 100, 200), 32, METADATA},   /* Alibaba Cloud */
    {IP4(168, 63, 129, 16), 32, METADATA},     /* Azure's WireServer */
    {IP4(192, 0, 0, 0), 24, METADATA},         /* IETF protocol assignments; 192.0.0.192 is Oracle Cloud's */
    {IP4(100, 100, 100, 100), 32, METADATA},   /* Tailscale's service on the host itself */
    {IP4(224, 0, 0, 0), 4, MULTICAST},         /* multicast */
    {IP4(255, 255, 255, 255), 32, MULTICAST},  /* limited broadcast */
    {IP4(240, 0, 0, 0), 4, RESERVED},          /* reserved (RFC 1112) */
};

/* Only global unicast and unique local addresses exist for the guest; everything else is refused below. */
static const struct {
    uint8_t network[16];
    uint8_t bits;
} usable6[] = {
    {IP6(0x2000, 0, 0, 0, 0, 0, 0, 0), 3},
    {IP6(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7},
};

/* IANA IPv6 Special-Purpose Address Registry, and metadata addresses; the first match counts. */
static const struct {
    uint8_t network[16];
    uint8_t bits;
    enum reason reason;
} table6[] = {
    {IP6(0, 0, 0, 0, 0, 0, 0, 0), 127, LOOPBACK},                    /* :: and ::1 */
    {IP6(0, 0, 0, 0, 0, 0, 0, 0), 96, TRANSITION},                   /* IPv4-compatible (RFC 4291) */
    {IP6(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, TRANSITION},              /* IPv4-mapped: an IPv4 socket in disguise */
    {IP6(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, TRANSITION},              /* IPv4-translated (RFC 2765) */
    {IP6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, TRANSITION},           /* a network's own NAT64 prefix (RFC 8215) */
    {IP6(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, TRANSITION},              /* Teredo */
    {IP6(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, TRANSITION},              /* 6to4 */
    {IP6(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, LINK_LOCAL},              /* link-local */
    {IP6(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, LINK_LOCAL},              /* site-local (deprecated) */
    {IP6(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, MULTICAST},                /* multicast */
    {IP6(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 64, METADATA},            /* AWS: ::254 metadata, ::253 DNS, ::123 time */
    {IP6(0xfd20, 0xce, 0, 0, 0, 0, 0, 0), 64, METADATA},             /* Google Cloud: fd20:ce::254 */
    {IP6(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128, METADATA},  /* Oracle Cloud */
    {IP6(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42), 128, METADATA},         /* Scaleway */
    {IP6(0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0x53), 128, METADATA},  /* Tailscale's service on the host itself */
};

static const uint8_t nat64[16] = IP6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int same_prefix6(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8;
    uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

    if (memcmp(a, b, bytes) != 0)
        return 0;
    return bits % 8 == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0;
}

enum reason denied4(uint32_t address)
{
    for (size_t i = 0; i < COUNT(table4); i++)
        if ((address ^ table4[i].network) >> (32 - table4[i].bits) == 0)
            return table4[i].reason;
    return PASS;
}

uint32_t nat64_inner(const uint8_t *address)
{
    return same_prefix6(address, nat64, 96) ? be32(address + 12) : 0;
}

enum reason denied6(const uint8_t *address)
{
    if (same_prefix6(address, nat64, 96))
        return denied4(be32(address + 12)) == PASS ? PASS : TRANSITION;
    for (size_t i = 0; i < COUNT(table6); i++)
        if (same_prefix6(address, table6[i].network, table6[i].bits))
            return table6[i].reason;
    for (size_t i = 0; i < COUNT(usable6); i++)
        if (same_prefix6(address, usable6[i].network, usable6[i].bits))
            return PASS;
    return RESERVED;
}

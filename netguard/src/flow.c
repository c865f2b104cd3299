#include "flow.h"

#include "wire.h"

/* Finds the UDP ports of a frame; what is behind the IP header must be there in full. NULL when it is not UDP. */
static const uint8_t *udp_of(const uint8_t *frame, size_t length, uint8_t *family)
{
    const uint8_t *ip = frame + ETHER_HEADER;
    size_t header;

    if (length < ETHER_HEADER + IPV4_HEADER)
        return NULL;
    if (be16(frame + 12) == ETHER_IPV4 && ip[9] == PROTO_UDP) {
        header = (size_t)(ip[0] & 15) * 4;
        *family = 4;
    } else if (be16(frame + 12) == ETHER_IPV6 && ip[6] == PROTO_UDP) {
        header = IPV6_HEADER;
        *family = 6;
    } else {
        return NULL;
    }
    return length < ETHER_HEADER + header + UDP_HEADER ? NULL : ip + header;
}

/* `outgoing`: the guest is the source, the peer the destination; otherwise the other way round. */
static struct flow flow_of(const uint8_t *frame, const uint8_t *udp, uint8_t family, bool outgoing)
{
    const uint8_t *ip = frame + ETHER_HEADER;
    struct flow flow = {.family = family};

    if (family == 4)
        memcpy(flow.peer, ip + (outgoing ? 16 : 12), 4);
    else
        memcpy(flow.peer, ip + (outgoing ? 24 : 8), 16);
    flow.guest_port = be16(udp + (outgoing ? 0 : 2));
    flow.peer_port = be16(udp + (outgoing ? 2 : 0));
    return flow;
}

static uint32_t set_of(const struct flow *flow)
{
    uint32_t hash = 2166136261u ^ flow->family; /* FNV-1a */

    for (size_t i = 0; i < sizeof flow->peer; i++)
        hash = (hash ^ flow->peer[i]) * 16777619u;
    hash = (hash ^ flow->peer_port) * 16777619u;
    hash = (hash ^ flow->guest_port) * 16777619u;
    return (hash ^ hash >> 16) % FLOW_SETS;
}

static bool same(const struct flow *a, const struct flow *b)
{
    return a->family == b->family && a->guest_port == b->guest_port && a->peer_port == b->peer_port &&
           memcmp(a->peer, b->peer, sizeof a->peer) == 0;
}

void flows_note(struct flows *flows, const uint8_t *frame, size_t length, int64_t now_ms)
{
    uint8_t family;
    const uint8_t *udp = udp_of(frame, length, &family);
    struct flow flow;
    struct flow *set, *place;

    if (udp == NULL)
        return;
    flow = flow_of(frame, udp, family, true);
    place = set = flows->sets[set_of(&flow)];
    for (unsigned i = 0; i < FLOW_WAYS; i++) {
        if (same(&set[i], &flow)) {
            place = &set[i];
            break;
        }
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    }
    *place = flow;
    place->until_ms = now_ms + FLOW_KEEP_MS;
}

bool flows_expect(const struct flows *flows, const uint8_t *frame, size_t length, int64_t now_ms)
{
    uint8_t family;
    const uint8_t *udp = udp_of(frame, length, &family);
    const struct flow *set;
    struct flow flow;

    if (udp == NULL)
        return true;
    flow = flow_of(frame, udp, family, false);
    set = flows->sets[set_of(&flow)];
    for (unsigned i = 0; i < FLOW_WAYS; i++)
        if (same(&set[i], &flow))
            return now_ms < set[i].until_ms;
    return false;
}

#include "flow.h"

#include "check.h"
#include "frames.h"

static struct flows flows;
static struct frame frame;

static bool answer4(const char *source, uint16_t source_port, uint16_t port, int64_t now)
{
    packet4_from(&frame, source, "10.0.2.15", PROTO_UDP, source_port, port);
    return flows_expect(&flows, frame.bytes, frame.length, now);
}

static void check_peers(void)
{
    CHECK(!answer4("192.0.2.1", 53, 40000, 0));
    packet4_from(&frame, "10.0.2.15", "192.0.2.1", PROTO_UDP, 40000, 53);
    flows_note(&flows, frame.bytes, frame.length, 1000);
    CHECK(answer4("192.0.2.1", 53, 40000, 1000));
    CHECK(!answer4("192.0.2.1", 54, 40000, 1000));
    CHECK(!answer4("192.0.2.1", 53, 40001, 1000));
    CHECK(!answer4("192.0.2.9", 53, 40000, 1000));
    CHECK(answer4("192.0.2.1", 53, 40000, 1000 + FLOW_KEEP_MS - 1));
    CHECK(!answer4("192.0.2.1", 53, 40000, 1000 + FLOW_KEEP_MS));
    packet6_from(&frame, "fd62::f", "2001:db8::1", PROTO_UDP, 40000, 53);
    flows_note(&flows, frame.bytes, frame.length, 1000);
    packet6_from(&frame, "2001:db8::1", "fd62::f", PROTO_UDP, 53, 40000);
    CHECK(flows_expect(&flows, frame.bytes, frame.length, 2000));
    packet6_from(&frame, "2001:db8::9", "fd62::f", PROTO_UDP, 53, 40000);
    CHECK(!flows_expect(&flows, frame.bytes, frame.length, 2000));
}

static void check_others(void)
{
    packet4_from(&frame, "192.0.2.7", "10.0.2.15", PROTO_TCP, 80, 40000);
    CHECK(flows_expect(&flows, frame.bytes, frame.length, 0));
    arp_request(&frame, "10.0.2.2", "10.0.2.15");
    CHECK(flows_expect(&flows, frame.bytes, frame.length, 0));
    CHECK(flows_expect(&flows, frame.bytes, 0, 0));
    packet4_from(&frame, "192.0.2.7", "10.0.2.15", PROTO_UDP, 80, 40000);
    frame.length = ETHER_HEADER + IPV4_HEADER + UDP_HEADER - 1;
    CHECK(flows_expect(&flows, frame.bytes, frame.length, 0));
}

/* A full set forgets the oldest, and nothing else. */
static void check_bound(void)
{
    unsigned known = 0;

    memset(&flows, 0, sizeof flows);
    for (unsigned port = 0; port < 20000; port++) {
        packet4_from(&frame, "10.0.2.15", "192.0.2.1", PROTO_UDP, (uint16_t)(32768 + port), 53);
        flows_note(&flows, frame.bytes, frame.length, 1000 + (int64_t)port);
    }
    CHECK(answer4("192.0.2.1", 53, 32768 + 19999, 21000));
    for (unsigned port = 0; port < 20000; port++)
        known += answer4("192.0.2.1", 53, (uint16_t)(32768 + port), 21000);
    CHECK(known <= FLOW_SETS * FLOW_WAYS && known > FLOW_SETS * FLOW_WAYS / 2);
}

int main(void)
{
    check_peers();
    check_others();
    check_bound();
    return finish("flow");
}

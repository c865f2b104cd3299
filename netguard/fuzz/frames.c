/* Seeded fuzzing of everything that reads a guest's bytes: stream, filter, flows, replies, descriptions.

   usage: fuzz SEED ROUNDS
   Frames are mutations of sound ones, so that they get past the first check. Besides the sanitizers, each round checks
   what must hold of every frame that passes, read again here in another way. */
#include <stdio.h>
#include <stdlib.h>

#include "denied.h"
#include "flow.h"
#include "frames.h"
#include "journal.h"
#include "reply.h"
#include "stream.h"
#include "verdict.h"

static uint64_t state;

/* xorshift64*: the same numbers on every machine. */
static uint32_t draw(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static const char *const destinations4[] = {"192.0.2.1", "192.0.2.2", "10.0.2.3", "127.0.0.1", "169.254.169.254",
                                            "224.0.0.1", "203.0.113.9"};
static const char *const destinations6[] = {"2001:db8::1", "2001:db8::2", "fd62::3",        "::1",
                                            "fe80::1",     "ff02::16",    "64:ff9b::c000:202", "::ffff:7f00:1"};
static const uint8_t protocols[] = {PROTO_TCP, PROTO_UDP, PROTO_ICMP, PROTO_ICMPV6, 0, 44};

static void make_frame(struct frame *frame)
{
    uint8_t protocol = protocols[draw(sizeof protocols)];
    uint16_t port = draw(2) == 0 ? PORT_DNS : (uint16_t)draw(65536);

    switch (draw(4)) {
    case 0:
        arp_request(frame, "10.0.2.15", draw(2) == 0 ? "10.0.2.2" : "10.0.2.9");
        break;
    case 1:
        packet4(frame, destinations4[draw(sizeof destinations4 / sizeof destinations4[0])], protocol, port);
        break;
    case 2:
        packet6(frame, destinations6[draw(sizeof destinations6 / sizeof destinations6[0])], protocol, port);
        break;
    default:
        solicitation(frame, draw(2) == 0 ? "fd62::f" : "fe80::1", "fd62::2");
    }
}

static void mutate(struct frame *frame)
{
    for (uint32_t changes = draw(4); changes > 0; changes--)
        frame->bytes[draw(draw(2) == 0 ? 64 : (uint32_t)frame->length)] = (uint8_t)draw(256);
    if (draw(4) == 0)
        frame->length = draw(128);
    if (draw(64) == 0)
        frame->length = draw(STREAM_FRAME_MAX);
}

/* What must be true of a frame that goes to passt, said once more and differently than the filter says it. */
static int may_pass(const uint8_t *frame, size_t length, const struct guard *guard)
{
    const uint8_t *ip = frame + 14;

    if (length > GUEST_FRAME_MAX || memcmp(frame + 6, guest_mac, 6) != 0)
        return 0;
    if (frame[12] == 0x08 && frame[13] == 0x00) {
        uint32_t to = be32(ip + 16);
        uint8_t first = ip[16];

        if (ip[0] != 0x45 || be32(ip + 12) != guard->v4.address || (ip[6] & 0x3f) != 0 || ip[7] != 0)
            return 0;
        if (first == 0 || first == 127 || first >= 224 || (first == 169 && ip[17] == 254))
            return 0;
        if (to == ip4("192.0.2.2") || to == ip4("203.0.113.9"))
            return 0;
        if (to >> 8 == guard->v4.address >> 8)
            return to == guard->v4.dns && ip[9] == 17 && be16(ip + 22) == 53;
        return ip[9] == 6 || ip[9] == 17 || (ip[9] == 1 && ip[20] == 8);
    }
    if (frame[12] == 0x86 && frame[13] == 0xdd) {
        if (memcmp(ip + 8, guard->v6.address, 16) != 0 || (ip[6] != 6 && ip[6] != 17 && ip[6] != 58))
            return 0;
        if (memcmp(ip + 24, guard->v6.address, 8) == 0)
            return memcmp(ip + 24, guard->v6.dns, 16) == 0 && ip[6] == 17 && be16(ip + 42) == 53;
        return (ip[24] & 0xe0) == 0x20 || (ip[24] & 0xfe) == 0xfc || (ip[24] == 0 && ip[25] == 0x64);
    }
    return 0;
}

static void fail(const char *what, const struct frame *frame, unsigned long round)
{
    fprintf(stderr, "fuzz: %s in round %lu, %zu bytes:", what, round, frame->length);
    for (size_t i = 0; i < frame->length && i < 128; i++)
        fprintf(stderr, " %02x", frame->bytes[i]);
    fputc('\n', stderr);
    exit(1);
}

/* The frame stands at the end of a block of exactly its length, so that a read behind it is seen. */
static void judge(const struct frame *frame, const struct guard *guard, struct flows *flows, unsigned long round,
                  unsigned long *passed)
{
    uint8_t *bytes = malloc(frame->length == 0 ? 1 : frame->length);
    uint8_t reply[REPLY_MAX];
    size_t length = frame->length, replied = 0;
    enum reason reason;
    char text[160];

    memcpy(bytes, frame->bytes, length);
    reason = verdict(bytes, length, guard, test_route, NULL);
    if (reason == PASS && !may_pass(bytes, length, guard))
        fail("a frame passed that must not", frame, round);
    if (reason == PASS) {
        (*passed)++;
        flows_note(flows, bytes, length, (int64_t)round);
    } else if (reason == ANSWER_ARP) {
        replied = reply_arp(bytes, guard, reply);
    } else if (reason == ANSWER_NDP) {
        replied = reply_ndp(bytes, guard, reply);
    } else if (reasons[reason].treatment == PROHIBIT) {
        replied = reply_prohibited(bytes, length, guard, reply);
    }
    if (replied > REPLY_MAX || (replied > 0 && memcmp(reply, guest_mac, 6) != 0))
        fail("a reply that cannot be", frame, round);
    flows_expect(flows, bytes, length, (int64_t)round);
    describe_frame(bytes, length, text, sizeof text);
    free(bytes);
}

/* A stream of frames and rubbish, cut anywhere: every byte is accounted for, or the stream is called broken. */
static void stream_round(struct inlet *inlet, unsigned long round)
{
    size_t total = 1 + draw(4096), taken = 0, length;
    const uint8_t *found;

    inlet->start = draw(16);
    inlet->end = inlet->start + total;
    for (size_t i = inlet->start; i < inlet->end; i++)
        inlet->bytes[i] = (uint8_t)(draw(3) == 0 ? draw(256) : 0);
    for (;;) {
        enum stream_state got = inlet_next(inlet, &found, &length);

        if (got != STREAM_OPEN || found == NULL)
            break;
        taken += PREFIX + length;
        if (found + length > inlet->bytes + inlet->end || taken > total) {
            fprintf(stderr, "fuzz: a frame beyond the stream in round %lu\n", round);
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    static struct frame frame;
    static struct flows flows;
    static struct inlet inlet;
    struct guard guard = test_guard();
    unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    unsigned long passed = 0;

    state = 0x9e3779b97f4a7c15ULL ^ seed;
    for (unsigned long round = 0; round < rounds; round++) {
        make_frame(&frame);
        mutate(&frame);
        judge(&frame, &guard, &flows, round, &passed);
        if (round % 16 == 0)
            stream_round(&inlet, round);
    }
    printf("fuzz: seed %lu, %lu frames, %lu passed the filter and its double\n", seed, rounds, passed);
    return passed > 0 ? 0 : 1;
}

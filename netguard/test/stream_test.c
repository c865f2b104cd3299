#include "stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "wire.h"

static struct inlet inlet;
static struct outlet outlet;
static uint8_t frame[STREAM_FRAME_MAX];
static uint8_t big[1024 * 1024];

static void pair(int *fds)
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    memset(&inlet, 0, sizeof inlet);
    memset(&outlet, 0, sizeof outlet);
    inlet.fd = fds[0];
    outlet.fd = fds[1];
}

static void part(int *fds)
{
    close(fds[0]);
    close(fds[1]);
}

static enum stream_state next(size_t *length)
{
    const uint8_t *found;
    enum stream_state state = inlet_next(&inlet, &found, length);

    if (found == NULL)
        *length = SIZE_MAX;
    return state;
}

/* Frames come out whole, however their bytes come in. */
static void check_pieces(void)
{
    static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 1, 'z'};
    size_t length;
    int fds[2];

    pair(fds);
    for (size_t i = 0; i < sizeof bytes; i++) {
        CHECK(write(fds[1], bytes + i, 1) == 1);
        CHECK(inlet_fill(&inlet) == STREAM_OPEN);
        CHECK(next(&length) == STREAM_OPEN);
        CHECK(length == (i == 6 ? 3 : i == 10 ? 0 : i == 15 ? 1 : SIZE_MAX));
    }
    CHECK(inlet_fill(&inlet) == STREAM_OPEN);
    close(fds[1]);
    CHECK(inlet_fill(&inlet) == STREAM_CLOSED);
    close(fds[0]);
}

static void check_lengths(void)
{
    uint8_t prefix[PREFIX];
    size_t length;
    int fds[2];

    for (unsigned i = 0; i < 3; i++) {
        pair(fds);
        put32(prefix, (uint32_t[]){STREAM_FRAME_MAX + 1, 0x80000000u, 0xffffffffu}[i]);
        CHECK(write(fds[1], prefix, sizeof prefix) == sizeof prefix);
        CHECK(inlet_fill(&inlet) == STREAM_OPEN);
        CHECK(next(&length) == STREAM_BROKEN);
        part(fds);
    }
    pair(fds);
    put32(prefix, STREAM_FRAME_MAX);
    CHECK(write(fds[1], prefix, sizeof prefix) == sizeof prefix);
    CHECK(write(fds[1], frame, sizeof frame) == sizeof frame);
    while (inlet_fill(&inlet) == STREAM_OPEN && next(&length) == STREAM_OPEN && length == SIZE_MAX)
        ;
    CHECK(length == STREAM_FRAME_MAX);
    part(fds);
}

/* A length without its frame is skipped; a sound stream is left alone. */
static void check_orphan(void)
{
    static const uint8_t source[6] = {2, 3, 5, 7, 11, 13};
    uint8_t bytes[2 * PREFIX + 42] = {0, 0, 0, 50, 0, 0, 0, 42};
    size_t length;
    int fds[2];

    memcpy(bytes + 2 * PREFIX + 6, source, 6);
    pair(fds);
    CHECK(write(fds[1], bytes, sizeof bytes) == sizeof bytes);
    CHECK(write(fds[1], bytes + PREFIX, sizeof bytes - PREFIX) == sizeof bytes - PREFIX);
    CHECK(inlet_fill(&inlet) == STREAM_OPEN);
    for (unsigned i = 0; i < 2; i++) {
        inlet_skip_orphan(&inlet, source);
        CHECK(next(&length) == STREAM_OPEN && length == 42);
    }
    inlet_skip_orphan(&inlet, source);
    CHECK(next(&length) == STREAM_OPEN && length == SIZE_MAX);
    part(fds);
}

/* Calls of a limited burst hold whole frames. */
static void check_burst(void)
{
    uint8_t got[40000];
    int fds[2];

    pair(fds);
    outlet.burst = 1000;
    CHECK(outlet_push(&outlet, frame, 596) && outlet_push(&outlet, frame, 396) && outlet_push(&outlet, frame, 5000));
    outlet.fd = fds[1];
    CHECK(outlet_flush(&outlet) == STREAM_OPEN && outlet_waiting(&outlet) == 0);
    CHECK(recv(fds[0], got, sizeof got, 0) > 0);
    part(fds);
}

/* A side that does not read fills the queue to its limit, loses nothing, and gets everything in order later. */
static void check_backpressure(void)
{
    size_t pushed = 0, received = 0, length;
    int fds[2];

    pair(fds);
    for (;;) {
        put32(frame, (uint32_t)pushed);
        if (!outlet_push(&outlet, frame, 1000))
            break;
        pushed++;
        CHECK(outlet_flush(&outlet) == STREAM_OPEN);
    }
    CHECK(pushed * 1004 >= OUTLET_BYTES && !outlet_has_room(&outlet, 1000));
    while (received < pushed) {
        const uint8_t *found;

        if (inlet_fill(&inlet) != STREAM_OPEN)
            break;
        while (inlet_next(&inlet, &found, &length) == STREAM_OPEN && found != NULL) {
            if (length != 1000 || be32(found) != received)
                break;
            received++;
        }
        if (outlet_flush(&outlet) != STREAM_OPEN)
            break;
    }
    CHECK(received == pushed && outlet_waiting(&outlet) == 0);
    part(fds);
}

static void check_gone(void)
{
    int fds[2];

    pair(fds);
    close(fds[0]);
    CHECK(outlet_push(&outlet, big, 100));
    CHECK(outlet_flush(&outlet) == STREAM_CLOSED);
    close(fds[1]);
}

int main(void)
{
    check_pieces();
    check_lengths();
    check_orphan();
    check_burst();
    check_backpressure();
    check_gone();
    return finish("stream");
}

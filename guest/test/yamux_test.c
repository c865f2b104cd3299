#include "../src/yamux.h"

#include <stdlib.h>
#include <string.h>

#include "../src/loop.h"
#include "../src/stream.h"
#include "check.h"

enum { DATA, WINDOW, PING, GO_AWAY };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };

static struct session y;
static int requests, gone, ended;
static size_t taken, appetite; /* what the service below has taken, and may still take */
static struct stream *last;

static size_t input(struct stream *s, const uint8_t *data, size_t size) {
    (void)s;
    (void)data;
    size_t n = size < appetite ? size : appetite;
    appetite -= n;
    taken += n;
    return n;
}
static void input_end(struct stream *s) {
    (void)s;
    ended++;
}
static void on_gone(struct stream *s) {
    (void)s;
    gone++;
}
static const struct service service = {
    .raw = MSG_STDIN, .input = input, .input_end = input_end, .gone = on_gone};

static void request(struct stream *s, uint16_t type, struct slice payload) {
    (void)payload;
    requests++;
    last = s;
    if (type == MSG_EXEC)
        s->service = &service;
    else
        stream_ok(s);
}

static void begin(void) {
    session_end(&y);
    y.request = request;
    session_begin(&y);
    requests = gone = ended = 0;
    taken = 0;
    appetite = SIZE_MAX;
    last = NULL;
    loop_bury();
}

static void frame(uint8_t type, uint16_t flags, uint32_t id, uint32_t length, const void *body) {
    uint8_t head[FRAME_HEAD] = {0, type};
    write_u16(head + 2, flags);
    write_u32(head + 4, id);
    write_u32(head + 8, length);
    session_receive(&y, head, sizeof head);
    if (body) session_receive(&y, body, length);
}

/* A message in one frame. */
static void message(uint16_t flags, uint32_t id, uint16_t type, size_t size) {
    static uint8_t bytes[MESSAGE_HEAD + 65536];
    write_u16(bytes, type);
    write_u32(bytes + 2, (uint32_t)size);
    frame(DATA, flags, id, (uint32_t)(MESSAGE_HEAD + size), bytes);
}

/* The n-th frame in the outbox; false when there is none. */
static bool sent(int n, uint8_t *type, uint16_t *flags, uint32_t *length) {
    const uint8_t *p = y.out.bytes + y.out.head, *end = y.out.bytes + y.out.tail;
    for (; p < end; p += FRAME_HEAD + (p[1] == DATA ? read_u32(p + 8) : 0)) {
        if (n-- > 0) continue;
        *type = p[1];
        *flags = read_u16(p + 2);
        *length = read_u32(p + 8);
        return true;
    }
    return false;
}

static bool failed(void) {
    uint8_t type = 0;
    uint16_t flags;
    uint32_t length = 0;
    for (int i = 0; sent(i, &type, &flags, &length); i++)
        if (type == GO_AWAY) return !y.live && length == 1;
    return false;
}

static void request_and_reply(void) {
    uint8_t type;
    uint16_t flags;
    uint32_t length;
    begin();
    message(SYN, 1, MSG_SYNC, 0);
    EXPECT(requests == 1 && y.count == 1);
    EXPECT(sent(0, &type, &flags, &length) && type == WINDOW && flags == ACK && length == 0);
    EXPECT(sent(1, &type, &flags, &length) && type == DATA && flags == 0 && length == MESSAGE_HEAD);
    EXPECT(sent(2, &type, &flags, &length) && type == DATA && flags == FIN && length == 0);
    frame(DATA, FIN, 1, 0, NULL);
    EXPECT(y.count == 0 && y.live);
    frame(DATA, 0, 1, 3, "old"); /* a stream closed a moment ago */
    EXPECT(y.live);
}

static void protocol_errors(void) {
    begin(), frame(DATA, SYN, 2, 0, NULL);
    EXPECT(failed());
    begin(), frame(DATA, SYN, 0, 0, NULL);
    EXPECT(failed());
    begin(), frame(DATA, 0, 1, 0, NULL);
    EXPECT(failed());
    begin(), frame(DATA, SYN, 3, 0, NULL), frame(DATA, SYN, 1, 0, NULL);
    EXPECT(failed());
    begin(), frame(DATA, SYN, 3, 0, NULL), frame(DATA, SYN, 3, 0, NULL);
    EXPECT(failed());
    begin(), frame(4, 0, 1, 0, NULL);
    EXPECT(failed());
    begin(), session_receive(&y, (const uint8_t *)"\1\0\0\0\0\0\0\0\0\0\0\0", 12);
    EXPECT(failed());
    begin(), frame(DATA, SYN, 1, FRAME_MAX + 1, NULL);
    EXPECT(failed());
    begin(), frame(WINDOW, SYN, 1, WINDOW_MAX - WINDOW_START + 1, NULL);
    EXPECT(failed());
    begin(), frame(WINDOW, SYN, 1, WINDOW_MAX - WINDOW_START, NULL);
    EXPECT(y.live);
    frame(WINDOW, 0, 1, UINT32_MAX, NULL);
    EXPECT(failed());
    begin(), frame(GO_AWAY, 0, 0, 0, NULL);
    EXPECT(!y.live && !failed());
}

static void window_is_enforced(void) {
    begin();
    appetite = 0;
    message(SYN, 1, MSG_EXEC, 0);
    size_t used = MESSAGE_HEAD;
    while (used + MESSAGE_HEAD + 60000 <= WINDOW_START) {
        message(0, 1, MSG_STDIN, 60000);
        used += MESSAGE_HEAD + 60000;
    }
    EXPECT(y.live && taken == 0);
    message(0, 1, MSG_STDIN, WINDOW_START - used - MESSAGE_HEAD + 1);
    EXPECT(failed() && gone == 1);
}

static void back_pressure_ends(void) {
    begin();
    appetite = 100;
    message(SYN, 1, MSG_EXEC, 0);
    message(0, 1, MSG_STDIN, 1000);
    message(0, 1, MSG_STDIN, 0);
    EXPECT(taken == 100 && ended == 0);
    appetite = SIZE_MAX;
    stream_resume(last);
    EXPECT(taken == 1000 && ended == 1);
}

static void sender_keeps_to_the_window(void) {
    begin();
    message(SYN, 1, MSG_EXEC, 0);
    size_t total = 0, room;
    while ((room = stream_room(last)) > 0) {
        memset(stream_reserve(last, room), 'x', room);
        stream_commit(last, MSG_STDOUT, room);
        total += MESSAGE_HEAD + room;
        outbox_clear(&y.out);
    }
    EXPECT(total <= WINDOW_START && total > WINDOW_START - MESSAGE_HEAD - 1);
    stream_send(last, MSG_EXIT, "12345678", 8);
    stream_finish(last);
    EXPECT(outbox_size(&y.out) == WINDOW_START - total + (WINDOW_START > total ? FRAME_HEAD : 0));
    frame(WINDOW, 0, 1, 1000, NULL);
    EXPECT(y.live && y.streams && y.streams->fin_sent);
}

static void reserve_is_kept(void) {
    begin();
    message(SYN, 1, MSG_EXEC, 0);
    frame(WINDOW, 0, 1, WINDOW_MAX - WINDOW_START, NULL);
    size_t room;
    while ((room = stream_room(last)) > 0) stream_commit(last, MSG_STDOUT, room);
    EXPECT(outbox_room(&y.out) >= OUTBOX_RESERVE && y.starved);
}

static void pings_without_end(void) {
    begin();
    for (int i = 0; i < 100000; i++) frame(PING, SYN, 0, (uint32_t)i, NULL);
    EXPECT(session_stalled(&y) && outbox_size(&y.out) <= OUTBOX_SIZE);
    while (session_stalled(&y)) {
        outbox_clear(&y.out);
        session_drained(&y);
    }
    EXPECT(y.live);
}

static void streams_without_end(void) {
    uint8_t type;
    uint16_t flags;
    uint32_t length;
    begin();
    for (uint32_t i = 0; i < STREAMS_MAX + 10; i++) frame(WINDOW, SYN, 2 * i + 1, 0, NULL);
    EXPECT(y.count == STREAMS_MAX && y.live);
    EXPECT(sent(STREAMS_MAX, &type, &flags, &length) && flags == RST);
    frame(WINDOW, RST, 1, 0, NULL);
    EXPECT(y.count == STREAMS_MAX - 1);
}

static void message_over_the_limit(void) {
    static const struct {
        uint16_t type;
        uint32_t max;
    } limits[] = {{MSG_DIAL, MESSAGE_MAX}, {MSG_CONFIGURE, CONFIGURE_MAX}, {MSG_EXEC, EXEC_MAX}};
    uint8_t head[MESSAGE_HEAD];
    begin();
    for (uint32_t i = 0; i < 6; i++) {
        write_u16(head, limits[i / 2].type);
        write_u32(head + 2, limits[i / 2].max + i % 2);
        frame(DATA, SYN, 1 + 2 * i, sizeof head, head);
        EXPECT(y.live && requests == 0 && y.streams->finished == (i % 2 == 1));
    }
}

static void closed_and_reset(void) {
    begin();
    message(SYN, 1, MSG_EXEC, 0);
    frame(WINDOW, RST, 1, 0, NULL);
    EXPECT(gone == 1 && y.count == 0);
    message(SYN, 3, MSG_EXEC, 0);
    message(0, 3, MSG_DIAL, 4); /* does not belong here */
    EXPECT(y.live && y.streams->finished && gone == 2);
    message(SYN, 5, MSG_EXEC, 0);
    session_begin(&y);
    EXPECT(gone == 3 && y.count == 0 && outbox_size(&y.out) == 0);
}

void yamux_tests(void) {
    test("a request and its reply", request_and_reply);
    test("frames that end the session", protocol_errors);
    test("data beyond the window ends the session", window_is_enforced);
    test("input that was refused comes again", back_pressure_ends);
    test("the sender keeps to the host's window", sender_keeps_to_the_window);
    test("data leaves room for control frames", reserve_is_kept);
    test("pings without end", pings_without_end);
    test("streams without end", streams_without_end);
    test("a message over the limit", message_over_the_limit);
    test("a stream is reset, misused, dropped", closed_and_reset);
    session_end(&y);
    loop_bury();
}

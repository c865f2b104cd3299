#include <string.h>

#include "../src/handshake.h"
#include "check.h"

/* A scanner with all that it passed on, and the last nonce. */
struct heard {
    struct hello_scanner scanner;
    uint8_t bytes[4096];
    size_t size;
    int hellos;
    uint8_t nonce[NONCE_SIZE];
};

static void on_bytes(void *self, const uint8_t *data, size_t size) {
    struct heard *h = self;
    memcpy(h->bytes + h->size, data, size);
    h->size += size;
}

static void on_hello(void *self, const uint8_t nonce[NONCE_SIZE]) {
    struct heard *h = self;
    h->hellos++;
    memcpy(h->nonce, nonce, NONCE_SIZE);
}

static void feed(struct heard *h, const void *data, size_t size, size_t piece) {
    struct hello_sink sink = {on_bytes, on_hello, h};
    for (size_t i = 0; i < size; i += piece)
        hello_scan(&h->scanner, (const uint8_t *)data + i, size - i < piece ? size - i : piece, &sink);
}

static void make_hello(uint8_t out[64], uint8_t key, uint8_t nonce) {
    memcpy(out, HOST_MAGIC, MAGIC_SIZE);
    memset(out + 16, key, KEY_SIZE);
    memset(out + 48, nonce, NONCE_SIZE);
}

static void begin(struct heard *h) {
    uint8_t hello[64];
    memset(h, 0, sizeof *h);
    hello_scanner_init(&h->scanner);
    make_hello(hello, 7, 1);
    feed(h, hello, 64, 64);
}

static void first_hello_gives_the_key(void) {
    struct heard h;
    uint8_t text[200] = "noise before, banger-hello-v1", hello[64];
    memset(&h, 0, sizeof h);
    hello_scanner_init(&h.scanner);
    make_hello(hello, 7, 9);
    memcpy(text + 60, hello, 64);
    feed(&h, text, 124, 1);
    EXPECT(h.hellos == 1 && h.nonce[0] == 9 && h.size == 0);
}

static void another_key_is_data(void) {
    struct heard h;
    uint8_t hello[64];
    for (size_t piece = 1; piece <= 64; piece++) {
        begin(&h);
        make_hello(hello, 8, 2);
        feed(&h, hello, 64, piece);
        EXPECT(h.hellos == 1 && h.size == 64 && memcmp(h.bytes, hello, 64) == 0);
    }
}

static void hello_in_the_middle_of_data(void) {
    struct heard h;
    uint8_t text[300];
    for (size_t piece = 1; piece <= 150; piece++) {
        begin(&h);
        memset(text, 'b', sizeof text); /* the hardest thing before it: its own first letter */
        make_hello(text + 70, 7, 2);
        memcpy(text + 134, "after", 5);
        feed(&h, text, 139, piece);
        EXPECT(h.hellos == 2 && h.nonce[0] == 2);
        EXPECT(h.size >= 75 && h.size <= 75 + 23 && memcmp(h.bytes, text, 70) == 0);
        EXPECT(memcmp(h.bytes + h.size - 5, "after", 5) == 0);
    }
}

static void whole_hello_leaks_nothing(void) {
    struct heard h;
    uint8_t hello[64];
    begin(&h);
    make_hello(hello, 7, 2);
    feed(&h, hello, 64, 64);
    EXPECT(h.hellos == 2 && h.size == 0);
}

static void start_of_a_hello_is_not_delayed(void) {
    struct heard h;
    begin(&h);
    feed(&h, "b", 1, 1);
    EXPECT(h.size == 1);
    feed(&h, "banger-hello-v1\n", 16, 16);
    EXPECT(h.size == 17);
}

static void held_bytes_come_out(void) {
    struct heard h;
    uint8_t hello[64];
    for (size_t cut = 1; cut < 48; cut++) {
        begin(&h);
        make_hello(hello, 7, 2);
        feed(&h, hello, cut, 64);
        feed(&h, "not so", 6, 6);
        EXPECT(h.hellos == 1 && h.size == cut + 6 && memcmp(h.bytes, hello, cut) == 0);
        EXPECT(memcmp(h.bytes + cut, "not so", 6) == 0);
        begin(&h);
        feed(&h, hello, cut, 64);
        feed(&h, "b", 1, 1); /* no hello either, though it begins like one */
        EXPECT(h.size == cut + 1);
    }
}

static void cut_hello_then_a_whole_one(void) {
    struct heard h;
    uint8_t first[64], second[64];
    for (size_t cut = 0; cut < 64; cut++) {
        begin(&h);
        make_hello(first, 7, 2);
        make_hello(second, 7, 3);
        feed(&h, first, cut, 64);
        feed(&h, second, 64, 5);
        EXPECT(h.nonce[0] == 3 && h.nonce[15] == 3);
    }
}

static void cut_first_hello(void) {
    struct heard h;
    uint8_t first[64], second[64];
    for (size_t cut = 0; cut < 64; cut++) {
        memset(&h, 0, sizeof h);
        hello_scanner_init(&h.scanner);
        make_hello(first, 7, 2);
        make_hello(second, 7, 3);
        feed(&h, first, cut, 64);
        feed(&h, second, 64, 7);
        EXPECT(h.nonce[0] == 3 && h.nonce[15] == 3);
    }
}

void handshake_tests(void) {
    test("the first hello gives the key", first_hello_gives_the_key);
    test("a hello with another key is data", another_key_is_data);
    test("a hello in the middle of data", hello_in_the_middle_of_data);
    test("a hello in one piece leaks nothing to the old session", whole_hello_leaks_nothing);
    test("the start of a hello is not delayed", start_of_a_hello_is_not_delayed);
    test("bytes held back come out when it was no hello", held_bytes_come_out);
    test("a hello cut off, then a whole one", cut_hello_then_a_whole_one);
    test("the first hello cut off, then a whole one", cut_first_hello);
}

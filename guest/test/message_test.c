#include <string.h>

#include "../src/message.h"
#include "check.h"

static void round_trip(void) {
    uint8_t bytes[256];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    put_text(&w, 1, "text");
    size_t mark = put_open(&w, 2);
    put_u16(&w, 3, 0x1234);
    put_u64(&w, 4, 0x0102030405060708);
    put_close(&w, mark);
    put_u8(&w, 5, 255);

    struct slice rest = {bytes, w.size};
    struct field f;
    char text[8];
    uint64_t n;
    EXPECT(field_next(&rest, &f) == 1 && f.tag == 1 && field_text(f.value, text, sizeof text) &&
           strcmp(text, "text") == 0);
    EXPECT(field_next(&rest, &f) == 1 && f.tag == 2 && f.value.size == 6 + 2 + 6 + 8);
    struct slice inner = f.value;
    EXPECT(field_next(&inner, &f) == 1 && field_integer(f.value, UINT16_MAX, &n) && n == 0x1234);
    EXPECT(field_next(&inner, &f) == 1 && field_integer(f.value, UINT64_MAX, &n) && n == 0x0102030405060708);
    EXPECT(field_next(&inner, &f) == 0);
    EXPECT(field_next(&rest, &f) == 1 && field_integer(f.value, 255, &n) && n == 255);
    EXPECT(!field_integer(f.value, 254, &n));
    EXPECT(field_next(&rest, &f) == 0);
}

static void short_fields(void) {
    static const uint8_t bytes[] = {0, 1, 0, 0, 0, 2, 'a'};
    struct field f;
    for (size_t size = 1; size <= sizeof bytes; size++) {
        struct slice rest = {bytes, size};
        EXPECT(field_next(&rest, &f) == -1);
    }
    static const uint8_t huge[] = {0, 1, 0xff, 0xff, 0xff, 0xff, 'a'};
    struct slice rest = {huge, sizeof huge};
    EXPECT(field_next(&rest, &f) == -1);
}

static void odd_values(void) {
    uint64_t n;
    char text[4];
    EXPECT(!field_integer((struct slice){(const uint8_t *)"abc", 3}, UINT64_MAX, &n));
    EXPECT(!field_integer((struct slice){NULL, 0}, UINT64_MAX, &n));
    EXPECT(!field_text((struct slice){(const uint8_t *)"a\0b", 3}, text, sizeof text));
    EXPECT(!field_text((struct slice){(const uint8_t *)"abcd", 4}, text, sizeof text));
    EXPECT(!field_text((struct slice){NULL, 0}, text, sizeof text));
}

static void overflow_is_kept(void) {
    uint8_t bytes[16];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    put_u32(&w, 1, 1);
    put_text(&w, 2, "too long for it");
    EXPECT(w.overflow && w.size == 10);
    put_u8(&w, 3, 1);
    EXPECT(w.size == 10);
    put_close(&w, put_open(&w, 1));
    EXPECT(w.size == 10);
}

void message_tests(void) {
    test("fields come out as they went in", round_trip);
    test("a field that is cut off", short_fields);
    test("values of the wrong shape", odd_values);
    test("a writer that is full stays so", overflow_is_kept);
}

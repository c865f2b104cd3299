#include "../src/tree.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static uint8_t bytes[20000];
static size_t size;
static char said[4000];

static void say(const char *what, const char *name) {
    strcat(strcat(strcat(said, what), name), " ");
}
static void directory(void *self, const struct tree_entry *e) {
    (void)self;
    say("d:", e->name);
}
static void end_directory(void *self) {
    (void)self;
    say("/", "");
}
static void file(void *self, const struct tree_entry *e) {
    (void)self;
    say("f:", e->name);
}
static void content(void *self, const uint8_t *data, size_t count) {
    (void)self;
    char text[100] = "";
    memcpy(text, data, count < 99 ? count : 99);
    say("c:", text);
}
static void end_file(void *self, bool whole) {
    (void)self;
    say(whole ? "." : "!", "");
}
static void link_entry(void *self, const struct tree_entry *e) {
    (void)self;
    say("l:", e->name);
    say("->", e->target);
}
static const struct tree_sink sink = {directory, end_directory, file, content, end_file, link_entry};

static void begin(void) { size = said[0] = 0; }

static void entry(enum record_kind kind, const char *name, const char *target) {
    struct tree_entry e = {.mode = 0644, .mtime = {1, 2}, .size = 3};
    strcpy(e.name, name);
    strcpy(e.target, target);
    size += entry_record(bytes + size, kind, &e);
}
static void record(enum record_kind kind, const char *text) {
    record_head(bytes + size, kind, strlen(text));
    memcpy(bytes + size + RECORD_HEAD, text, strlen(text));
    size += RECORD_HEAD + strlen(text);
}

/* Feeds what was made, `piece` bytes at a time. */
static const char *feed(size_t piece, bool *over) {
    static struct tree_parser p;
    memset(&p, 0, sizeof p);
    const char *wrong = NULL;
    for (size_t i = 0; i < size && !wrong; i += piece)
        wrong = tree_feed(&p, bytes + i, size - i < piece ? size - i : piece, &sink, NULL);
    *over = p.over;
    return wrong;
}
static bool refused(void) {
    bool over;
    said[0] = 0;
    return feed(7, &over) != NULL;
}

static void whole(void) {
    bool over;
    begin();
    entry(RECORD_DIRECTORY, "", "");
    entry(RECORD_FILE, "a\n", "");
    record(RECORD_CONTENT, "hello");
    record(RECORD_END, "");
    entry(RECORD_DIRECTORY, "sub", "");
    entry(RECORD_FILE, "broken", "");
    size += skip_record(bytes + size, SKIP_UNREADABLE, "", "EIO");
    record(RECORD_END, "");
    entry(RECORD_LINK, "l", "../../etc");
    size += skip_record(bytes + size, SKIP_SPECIAL, "fifo", "special");
    EXPECT(!feed(size, &over) && !over);
    record(RECORD_END, "");
    said[0] = 0;
    EXPECT(!feed(size, &over) && over);
    EXPECT(strcmp(said, "d: f:a\n c:hello . d:sub f:broken ! / l:l ->../../etc / ") == 0);
    record(RECORD_END, "");
    EXPECT(refused());
}

static void roots(void) {
    bool over;
    begin();
    entry(RECORD_LINK, "", "x");
    EXPECT(!feed(1, &over) && over);
    begin();
    entry(RECORD_FILE, "", "");
    EXPECT(!feed(1, &over) && !over);
    record(RECORD_END, "");
    EXPECT(!feed(1, &over) && over);
    begin();
    entry(RECORD_FILE, "named", "");
    EXPECT(refused());
}

static void names(void) {
    static const char *const wrong[] = {"", ".", "..", "/", "a/b", "/etc", "../x"};
    static const char *const right[] = {"...", ".x", "..x", "\xff\xfe", " ", "\\"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin();
        entry(RECORD_DIRECTORY, "", "");
        entry(RECORD_LINK, wrong[i], "x");
        EXPECT(refused());
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        begin();
        entry(RECORD_DIRECTORY, "", "");
        entry(RECORD_LINK, right[i], "x");
        EXPECT(!refused());
    }
    begin();
    entry(RECORD_DIRECTORY, "", "");
    entry(RECORD_FILE, "ab", "");
    bytes[size - 1] = 0;
    EXPECT(refused());
}

static void order(void) {
    begin();
    record(RECORD_END, "");
    EXPECT(refused());
    begin();
    record(RECORD_CONTENT, "x");
    EXPECT(refused());
    begin();
    size = skip_record(bytes, SKIP_SPECIAL, "x", "");
    EXPECT(refused());
    begin();
    entry(RECORD_FILE, "", "");
    entry(RECORD_FILE, "x", "");
    EXPECT(refused());
    begin();
    entry(RECORD_DIRECTORY, "", "");
    record(RECORD_CONTENT, "x");
    EXPECT(refused());
    begin();
    record(7, "");
    EXPECT(refused());
    begin();
    for (int i = 0; i <= TREE_DEPTH; i++) entry(RECORD_DIRECTORY, i ? "d" : "", "");
    EXPECT(refused());
}

static void numbers(void) {
    begin();
    entry(RECORD_FILE, "", "");
    bytes[RECORD_HEAD + 2] = 0x0e; /* 07144 */
    EXPECT(refused());
    begin();
    entry(RECORD_FILE, "", "");
    bytes[RECORD_HEAD + 12] = 0xff; /* nanoseconds */
    EXPECT(refused());
    begin();
    entry(RECORD_FILE, "", "");
    bytes[RECORD_HEAD + 25] = 9; /* length of the name */
    EXPECT(refused());
    begin();
    entry(RECORD_LINK, "", "");
    EXPECT(refused());
    begin();
    record_head(bytes, RECORD_FILE, RECORD_MAX + 1);
    size = RECORD_HEAD;
    EXPECT(refused());
    begin();
    entry(RECORD_FILE, "", "");
    record_head(bytes + size, RECORD_CONTENT, RECORD_DATA + 1);
    size += RECORD_HEAD;
    EXPECT(refused());
}

void tree_tests(void) {
    test("a tree, in pieces", whole);
    test("roots of every kind", roots);
    test("names in a tree", names);
    test("records out of order", order);
    test("numbers of an entry that cannot be", numbers);
}

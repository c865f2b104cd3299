#include "../src/request.h"

#include <string.h>

#include "check.h"

static uint8_t bytes[4096];
static struct writer w;

static struct slice payload(void) { return (struct slice){bytes, w.size}; }
static void begin(void) { w = (struct writer){.data = bytes, .capacity = sizeof bytes}; }

static void exec_whole(void) {
    struct exec_request r;
    begin();
    put_text(&w, 1, "sh");
    put_bytes(&w, 1, "", 0);
    put_text(&w, 2, "A=b=c\n");
    put_text(&w, 3, "/tmp");
    put_text(&w, 4, "me:us");
    size_t mark = put_open(&w, 5);
    put_u16(&w, 1, 24);
    put_u16(&w, 2, 80);
    put_text(&w, 3, "xterm");
    put_close(&w, mark);
    put_text(&w, 0x99, "unknown");
    EXPECT(decode_exec(payload(), &r) == NULL && !r.make_cwd && !r.plain);
    request_exec_free(&r);
    put_bytes(&w, 7, "", 0);
    put_bytes(&w, 8, "", 0);
    EXPECT(decode_exec(payload(), &r) == NULL && r.make_cwd && r.plain);
    EXPECT(strcmp(r.argv[0], "sh") == 0 && strcmp(r.argv[1], "") == 0 && r.argv[2] == NULL);
    EXPECT(strcmp(r.env[0], "A=b=c\n") == 0 && r.env[1] == NULL);
    EXPECT(strcmp(r.cwd, "/tmp") == 0 && strcmp(r.user, "me:us") == 0 && strcmp(r.term, "xterm") == 0);
    EXPECT(r.tty && r.rows == 24 && r.columns == 80 && !r.login);
    request_exec_free(&r);
}

static const char *exec_error(void) {
    struct exec_request r;
    const char *wrong = decode_exec(payload(), &r);
    if (!wrong) request_exec_free(&r);
    return wrong;
}

static void exec_refused(void) {
    begin();
    EXPECT(exec_error());
    put_bytes(&w, 1, "a\0b", 3);
    EXPECT(exec_error());
    begin();
    put_text(&w, 1, "a");
    put_text(&w, 2, "novalue");
    EXPECT(exec_error());
    begin();
    put_text(&w, 1, "a");
    put_text(&w, 2, "=x");
    EXPECT(exec_error());
    begin();
    put_bytes(&w, 6, "", 0);
    EXPECT(!exec_error());
    put_text(&w, 1, "a");
    EXPECT(exec_error());
}

/* As many empty arguments as fit the longest message: more than Linux takes. */
static void exec_many(void) {
    static uint8_t many[6 + EXEC_MAX];
    struct exec_request r;
    size_t n = 0;
    memcpy(many, "\0\1\0\0\0\1x", 7);
    for (size_t i = 7; i + 6 <= EXEC_MAX; i += 6, n++) many[i + 1] = 1;
    EXPECT(decode_exec((struct slice){many, 7 + n * 6}, &r) == NULL);
    EXPECT(r.argv[n] && !*r.argv[n] && !r.argv[n + 1]);
    request_exec_free(&r);
}

static void exec_too_many_variables(void) {
    static uint8_t many[7 + (VARS_MAX + 1) * 8];
    struct exec_request r;
    memcpy(many, "\0\1\0\0\0\1x", 7);
    for (size_t i = 0; i <= VARS_MAX; i++) memcpy(many + 7 + i * 8, "\0\2\0\0\0\2A=", 8);
    EXPECT(decode_exec((struct slice){many, sizeof many}, &r) != NULL);
    EXPECT(decode_exec((struct slice){many, sizeof many - 8}, &r) == NULL);
    request_exec_free(&r);
}

static void small_requests(void) {
    struct signal_request sig;
    struct dial_request dial;
    struct file_request file;
    struct pack_request pack;
    struct unpack_request unpack;
    enum shutdown_how how;
    begin();
    put_u32(&w, 1, 3);
    put_u32(&w, 2, 65);
    EXPECT(decode_signal(payload(), &sig));
    begin();
    put_u32(&w, 1, 3);
    put_u8(&w, 2, 9);
    EXPECT(!decode_signal(payload(), &sig) && sig.session == 3 && sig.number == 9);
    begin();
    put_u8(&w, 1, 1);
    put_text(&w, 2, "::1");
    EXPECT(decode_dial(payload(), &dial));
    put_u16(&w, 3, 80);
    EXPECT(!decode_dial(payload(), &dial) && dial.kind == DIAL_TCP && dial.port == 80);
    begin();
    put_text(&w, 1, "relative");
    EXPECT(decode_file(payload(), &file, NULL));
    begin();
    put_text(&w, 1, "/f");
    put_u32(&w, 2, 010000);
    EXPECT(decode_file(payload(), &file, NULL));
    begin();
    put_text(&w, 1, "/d");
    EXPECT(!decode_pack(payload(), &pack) && !pack.follow && !decode_unpack(payload(), &unpack));
    put_text(&w, 2, "x");
    EXPECT(!decode_pack(payload(), &pack) && pack.follow);
    EXPECT(!decode_unpack(payload(), &unpack) && strcmp(unpack.name, "x") == 0 && !unpack.into);
    put_text(&w, 2, "..");
    EXPECT(decode_unpack(payload(), &unpack));
    begin();
    put_text(&w, 1, "/d");
    put_text(&w, 2, "a/b");
    EXPECT(decode_unpack(payload(), &unpack));
    begin();
    EXPECT(!decode_shutdown(payload(), &how) && how == SHUTDOWN_POWER_OFF);
    put_u8(&w, 1, 4);
    EXPECT(decode_shutdown(payload(), &how));
}

/* One field alone: is it refused? */
static bool refused(uint16_t tag, const void *data, size_t size) {
    struct configure_request r;
    begin();
    put_bytes(&w, tag, data, size);
    return decode_configure(payload(), &r) != NULL;
}

static void configure_refused(void) {
    static const uint8_t zeros[600];
    EXPECT(refused(1, "-box", 4) && refused(1, "bo x", 4) && refused(1, "box\n", 4) && refused(1, "", 0) &&
           !refused(1, "b-1.x", 5));
    EXPECT(refused(3, zeros, 31) && refused(3, zeros, 513) && !refused(3, zeros, 512));
    EXPECT(refused(4, "ABCDEF00000000000000000000000000", 32) &&
           !refused(4, "abcdef00000000000000000000000000", 32));
    EXPECT(refused(5, zeros, 5) && refused(6, zeros, 8) && refused(7, zeros, 32));
    EXPECT(refused(6, "\1\2\3\4\x21\0\0\0\0", 9) && !refused(6, "\1\2\3\4\x20\0\0\0\0", 9));
    EXPECT(refused(8, "1.1.1.1\nnameserver 2.2.2.2", 26) && refused(9, "a\nb", 3));
    EXPECT(refused(0x0a, "junk", 4) && refused(0x0b, "NOVALUE", 7) && refused(0x0d, "abc", 3));
}

static void configure_lists(void) {
    struct configure_request r;
    struct slice rest, value;
    begin();
    put_text(&w, CONFIGURE_DNS, "1.1.1.1");
    put_text(&w, 1, "box");
    put_text(&w, CONFIGURE_DNS, "::1");
    EXPECT(!decode_configure(payload(), &r) && r.has_dns && strcmp(r.hostname, "box") == 0);
    rest = r.payload;
    EXPECT(configure_next(&rest, CONFIGURE_DNS, &value) && value.size == 7);
    EXPECT(configure_next(&rest, CONFIGURE_DNS, &value) && value.size == 3);
    EXPECT(!configure_next(&rest, CONFIGURE_DNS, &value));
}

void request_tests(void) {
    test("an exec with everything", exec_whole);
    test("an exec that cannot be", exec_refused);
    test("an exec with many arguments", exec_many);
    test("an exec with too many variables", exec_too_many_variables);
    test("signal, dial, put, shutdown", small_requests);
    test("a configure that cannot be", configure_refused);
    test("the lists of a configure", configure_lists);
}

/*
 * Everything that parses what the host or the guest's files say, fed with anything. The first byte of an input picks the parser.
 * As libFuzzer target: built with clang (make fuzz). Alone: FUZZ_RUNS inputs from FUZZ_SEED, the same ones each time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/agent.h"
#include "../src/cmdline.h"
#include "../src/etc.h"
#include "../src/fstab.h"
#include "../src/handshake.h"
#include "../src/log.h"
#include "../src/loop.h"
#include "../src/ports.h"
#include "../src/processes.h"
#include "../src/request.h"
#include "../src/stream.h"
#include "../src/systemd.h"
#include "../src/tree.h"
#include "../src/users.h"
#include "../src/yamux.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

struct agent agent = {.init = "agent", .root = "", .cgroup = -1};

/* --- the handshake: whatever comes in pieces comes out whole, but for hellos --- */

static size_t passed, hellos;

static void count_bytes(void *self, const uint8_t *data, size_t size) {
    (void)self;
    (void)data;
    passed += size;
}

static void count_hello(void *self, const uint8_t nonce[NONCE_SIZE]) {
    (void)self;
    (void)nonce;
    hellos++;
}

static void fuzz_handshake(const uint8_t *data, size_t size) {
    struct hello_scanner s;
    struct hello_sink sink = {count_bytes, count_hello, NULL};
    uint8_t hello[64] = {0};
    size_t piece = size ? 1 + data[0] % 97 : 1;
    memcpy(hello, HOST_MAGIC, MAGIC_SIZE);
    hello_scanner_init(&s);
    hello_scan(&s, hello, sizeof hello, &sink);
    passed = hellos = 0;
    for (size_t i = 0; i < size; i += piece)
        hello_scan(&s, data + i, size - i < piece ? size - i : piece, &sink);
    MUST(passed <= size);
    MUST(hellos > 0 || s.wanted > 0 || passed + s.held == size);
}

/* --- the session --- */

static struct session session;
static uint8_t appetite; /* how much a service takes at once; 0: nothing */

/* A service is told of its stream's end once, or has ended it itself. */
static int served;

static void gone(struct stream *s) {
    MUST(s->service == NULL && s->state == &served);
    served--;
}

static size_t input(struct stream *s, const uint8_t *data, size_t size) {
    if (size > 3 && data[0] == 'E') {
        served--;
        stream_error(s, REASON_FAILED, 0, "as it pleases");
    }
    return appetite < size ? appetite : size;
}

static void input_end(struct stream *s) {
    served--;
    stream_ok(s);
}

static void writable(struct stream *s) {
    size_t room = stream_room(s);
    if (room == 0) return;
    if (room > 3000) room = 3000;
    memset(stream_reserve(s, room), 0, room);
    stream_commit(s, MSG_STDOUT, room);
}

static void host_closed(struct stream *s) {
    served--;
    stream_finish(s);
}
static const struct service pieces = {.raw = MSG_STDIN,
                                      .input = input,
                                      .input_end = input_end,
                                      .writable = writable,
                                      .host_closed = host_closed,
                                      .gone = gone};
static const struct service whole = {
    .raw = MSG_DATA, .whole = true, .input = input, .writable = writable, .gone = gone};

static void request(struct stream *s, uint16_t type, struct slice payload) {
    if (type == MSG_EXEC)
        s->service = &pieces;
    else if (type == MSG_DIAL)
        s->service = &whole;
    else if (payload.size > 8)
        stream_error(s, REASON_BAD_REQUEST, 0, "no");
    else
        stream_ok(s);
    if (!s->service) return;
    served++;
    s->state = &served;
    writable(s);
}

static void fuzz_session(const uint8_t *data, size_t size) {
    session.request = request;
    session_begin(&session);
    size_t piece = size ? 1 + data[0] % 211 : 1;
    appetite = size > 1 ? data[1] : 0;
    for (size_t i = 0; i < size && session.live; i += piece) {
        session_receive(&session, data + i, size - i < piece ? size - i : piece);
        MUST(outbox_size(&session.out) <= OUTBOX_SIZE && session.count <= STREAMS_MAX);
        if (i % 7 == 0) {
            outbox_clear(&session.out);
            session_drained(&session);
        }
        appetite = (uint8_t)(appetite * 5 + 1);
        if (session.streams && i % 3 == 0) stream_resume(session.streams);
        loop_bury();
    }
    session_end(&session);
    loop_bury();
    MUST(served == 0);
}

/* --- requests --- */

static void fuzz_requests(const uint8_t *data, size_t size) {
    static union {
        struct exec_request exec;
        struct signal_request signal;
        struct resize_request resize;
        struct dial_request dial;
        struct file_request file;
        struct pack_request pack;
        struct unpack_request unpack;
        enum shutdown_how how;
        struct configure_request configure;
    } r;
    struct slice payload = {data, size}, rest = payload, value;
    if (!decode_exec(payload, &r.exec)) {
        for (char **a = r.exec.argv; *a; a++) MUST(strlen(*a) <= size);
        for (char **v = r.exec.env; *v; v++) MUST(strchr(*v, '='));
        request_exec_free(&r.exec);
    }
    decode_signal(payload, &r.signal);
    decode_resize(payload, &r.resize);
    decode_dial(payload, &r.dial);
    decode_file(payload, &r.file, &value);
    decode_shutdown(payload, &r.how);
    if (!decode_pack(payload, &r.pack)) MUST(r.pack.path[0] == '/');
    if (!decode_unpack(payload, &r.unpack)) MUST(!strchr(r.unpack.name, '/'));
    if (decode_configure(payload, &r.configure)) return;
    for (uint16_t tag = CONFIGURE_DNS; tag <= CONFIGURE_ENV; tag++)
        for (rest = payload; configure_next(&rest, tag, &value);) MUST(value.size <= size);
}

/* --- trees: whatever comes, what is made of it is a tree --- */

static struct {
    unsigned depth;
    bool in_file, over;
    size_t content;
} made;

static void made_entry(const struct tree_entry *e, bool ends) {
    bool is_root = made.depth == 0;
    MUST(!made.over && !made.in_file && e->mode <= 0777 && strlen(e->name) <= TREE_NAME);
    MUST(e->mtime.tv_nsec >= 0 && e->mtime.tv_nsec < 1000000000);
    MUST(is_root == !*e->name);
    MUST(!strchr(e->name, '/') && strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0);
    made.over = is_root && ends;
}
static void made_directory(void *self, const struct tree_entry *e) {
    (void)self;
    made_entry(e, false);
    MUST(++made.depth <= TREE_DEPTH);
}
static void made_end_directory(void *self) {
    (void)self;
    MUST(!made.in_file && made.depth > 0);
    made.over = --made.depth == 0;
}
static void made_file(void *self, const struct tree_entry *e) {
    (void)self;
    made_entry(e, false);
    made.in_file = true;
}
static void made_content(void *self, const uint8_t *data, size_t size) {
    (void)self;
    (void)data;
    MUST(made.in_file && size > 0);
    made.content += size;
}
static void made_end_file(void *self, bool complete) {
    (void)self;
    (void)complete;
    MUST(made.in_file);
    made.in_file = false;
    made.over = made.depth == 0;
}
static void made_link(void *self, const struct tree_entry *e) {
    (void)self;
    MUST(*e->target && strlen(e->target) <= TREE_TARGET);
    made_entry(e, true);
}

static void fuzz_tree(const uint8_t *data, size_t size) {
    static const struct tree_sink to = {made_directory, made_end_directory, made_file,
                                        made_content,   made_end_file,      made_link};
    struct tree_parser p = {0};
    memset(&made, 0, sizeof made);
    size_t piece = size ? 1 + data[0] % 131 : 1;
    const char *wrong = NULL;
    for (size_t i = 0; i < size && !wrong; i += piece)
        wrong = tree_feed(&p, data + i, size - i < piece ? size - i : piece, &to, NULL);
    MUST(made.content <= size);
    MUST(wrong || (p.over == made.over && p.depth == made.depth && p.in_file == made.in_file));
}

/* --- text --- */

static void fuzz_text(const uint8_t *data, size_t size) {
    char text[4096], out[8192], state;
    pid_t session_id;
    struct cmdline c;
    struct fstab_entry e;
    struct user u;
    struct listener l;
    if (size >= sizeof text) size = sizeof text - 1;
    if (size) memcpy(text, data, size);
    text[size] = 0;
    cmdline_parse(text, &c);
    if (fstab_line(text, &e)) {
        fstab_needs_device(&e);
        systemd_unit_name(e.target, ".mount", out, 400);
    }
    listener_line(text, 1, &l);
    stat_line(text, &state, &session_id);
    merge_hosts(text, "127.0.0.1 localhost\n", out, sizeof out);
    systemd_unit_name(text, ".swap", out, 100);
    passwd_line(text, &u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const targets[])(const uint8_t *, size_t) = {fuzz_handshake, fuzz_session, fuzz_requests,
                                                               fuzz_text, fuzz_tree};
    static bool quiet;
    if (!quiet) log_open(open("/dev/null", O_WRONLY));
    quiet = true;
    if (size == 0) return 0;
    uint8_t *copy = malloc(size - 1 ? size - 1
                                    : 1); /* of exactly this size, so that reading past it is seen */
    if (size > 1) memcpy(copy, data + 1, size - 1);
    targets[data[0] % 5](copy, size - 1);
    free(copy);
    return 0;
}

#ifdef ALONE

#define INPUT_MAX 6000

static uint64_t state;

/* xorshift64*: the same numbers everywhere. */
static uint32_t number(uint32_t below) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717u) >> 33) % below;
}

struct buffer {
    uint8_t bytes[INPUT_MAX];
    size_t size;
};

static void add(struct buffer *b, const void *data, size_t size) {
    if (size > INPUT_MAX - b->size) size = INPUT_MAX - b->size;
    memcpy(b->bytes + b->size, data, size);
    b->size += size;
}

static void add_number(struct buffer *b, uint32_t n, size_t width) {
    uint8_t p[4];
    write_u32(p, n);
    add(b, p + 4 - width, width);
}

static void add_noise(struct buffer *b, size_t size) {
    while (size-- > 0) add(b, &(uint8_t){(uint8_t)number(256)}, 1);
}

/* Hellos, whole and cut, among noise and near misses. */
static void make_handshake(struct buffer *b) {
    uint8_t hello[64] = {0};
    memcpy(hello, HOST_MAGIC, MAGIC_SIZE);
    for (uint32_t n = number(12); n > 0; n--) {
        if (number(2)) add_noise(b, number(100));
        memset(hello + 48, (int)number(256), NONCE_SIZE);
        add(b, hello, number(3) ? 64 : number(64));
    }
}

/* Frames as a host sends them, now and then with something wrong. */
static void make_session(struct buffer *b) {
    static const uint16_t types[] = {MSG_EXEC, MSG_DIAL, MSG_SYNC, MSG_STDIN, MSG_DATA, MSG_CONFIGURE, 0x99};
    uint32_t next = 1;
    for (uint32_t n = number(60); n > 0; n--) {
        uint32_t kind = number(40), id = kind < 12 ? next : 1 + 2 * number(next / 2 + 1),
                 body = number(4) ? number(40) : number(600);
        if (kind < 12) next += 2;
        uint32_t type = kind == 39 ? 2 : kind > 33 ? 1 : kind == 33 ? number(5) : 0;
        uint32_t flags = (kind < 12 ? 1 : 0) | (number(12) ? 0 : 4) | (number(25) ? 0 : 8);
        if (type) body = number(3) ? number(70000) : number(2) ? UINT32_MAX : 0;
        add_number(b, number(400) ? 0 : 1, 1);
        add_number(b, type, 1);
        add_number(b, flags, 2);
        add_number(b, id, 4);
        add_number(b, type ? body : body + MESSAGE_HEAD, 4);
        if (type) continue;
        add_number(b, types[number(7)], 2);
        add_number(b, number(5) ? body : number(2) ? body / 2 : number(80000), 4);
        add_noise(b, body);
    }
}

static void make_fields(struct buffer *b, int depth) {
    for (uint32_t n = number(8); n > 0; n--) {
        struct buffer value = {.size = 0};
        switch (number(depth ? 6 : 5)) {
        case 0:
            add_number(&value, number(100), 1u << number(3));
            break;
        case 1:
            add(&value, "/a/file", number(8));
            break;
        case 2:
            add(&value, "NAME=value", number(11));
            break;
        case 3:
            add_noise(&value, number(70));
            break;
        case 4:
            add(&value, "0123456789abcdef0123456789abcdef", 32);
            break;
        case 5:
            make_fields(&value, depth - 1);
            break;
        }
        add_number(b, number(14), 2);
        add_number(b, number(50) ? (uint32_t)value.size : number(UINT32_MAX), 4);
        add(b, value.bytes, value.size);
    }
}

/* Records of a tree, now and then with something wrong. */
static void make_tree(struct buffer *b) {
    static const char *const names[] = {"", "a", "b", "..", ".", "a/b", "\xff", "name"};
    uint8_t record[RECORD_HEAD + RECORD_MAX];
    bool in_file = false;
    for (uint32_t n = number(50), i = 0; i < n; i++) {
        uint32_t choice = number(20);
        struct tree_entry e = {.mode = number(512), .mtime = {number(9), number(9)}, .size = number(9)};
        strcpy(e.name, i == 0 ? "" : names[number(15) ? 1 + number(2) : number(8)]);
        strcpy(e.target, names[number(8)]);
        enum record_kind kind = choice < 7 ? RECORD_DIRECTORY : choice < 12 ? RECORD_FILE : RECORD_LINK;
        if (in_file ? choice < 16 : choice > 16) {
            size_t body = in_file && number(3) ? 1 + number(60) : 0;
            record_head(record, body ? RECORD_CONTENT : RECORD_END, number(60) ? body : number(80000));
            memset(record + RECORD_HEAD, 'x', body);
            add(b, record, RECORD_HEAD + body);
            in_file = in_file && body > 0;
        } else if (choice == 16) {
            add(b, record, skip_record(record, 1 + number(2), e.name, "why"));
            in_file = false;
        } else {
            add(b, record, entry_record(record, kind, &e));
            in_file = kind == RECORD_FILE;
        }
    }
}

static void make_text(struct buffer *b) {
    static const char *const words[] = {"banger.init=/sbin/init",
                                        "banger.root=r",
                                        " ",
                                        "\n",
                                        ":",
                                        "root",
                                        "0",
                                        "4294967296",
                                        "LABEL=x",
                                        "/a\\040b",
                                        "ext4",
                                        "0: 0100007F:0016",
                                        "00000000:0000",
                                        "0A",
                                        "(x)",
                                        "S",
                                        "# banger: begin",
                                        "# banger: end",
                                        "\\",
                                        "-1"};
    for (uint32_t n = number(30); n > 0; n--) {
        const char *word = words[number(sizeof words / sizeof words[0])];
        add(b, word, strlen(word));
        if (number(2)) add(b, " ", 1);
    }
}

int main(int argc, char **argv) {
    unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000,
                  seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    printf("fuzz: %lu inputs, seed %lu\n", runs, seed);
    state = seed * 2654435769u + 1;
    for (unsigned long i = 0; i < runs; i++) {
        static struct buffer b;
        b.size = 0;
        uint8_t target = (uint8_t)(i % 5);
        add(&b, &target, 1);
        if (target == 0) make_handshake(&b);
        if (target == 1) make_session(&b);
        if (target == 2) make_fields(&b, 2);
        if (target == 3) make_text(&b);
        if (target == 4) make_tree(&b);
        for (uint32_t n = number(4) ? 0 : number(4); n > 0 && b.size > 1; n--)
            b.bytes[1 + number((uint32_t)b.size - 1)] = (uint8_t)number(256);
        LLVMFuzzerTestOneInput(b.bytes, b.size);
    }
    printf("fuzz: done\n");
    return 0;
}

#endif

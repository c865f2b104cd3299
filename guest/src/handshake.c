#include "handshake.h"

#include <string.h>

/*
 * The start of a hello is passed on until so much of it has been seen that it can be nothing else: a program may print
 * the magic, but not a third of a key it does not know. Holding back less would delay a user's "b".
 */
#define SURE (MAGIC_SIZE + 8)

const uint8_t HOST_MAGIC[MAGIC_SIZE] = "banger-hello-v1\n";
const uint8_t AGENT_MAGIC[MAGIC_SIZE] = "banger-agent-v1\n";

static void set_pattern_length(struct hello_scanner *s, uint8_t length) {
    s->length = length;
    s->fallback[0] = s->fallback[1] = 0;
    for (uint8_t i = 1, k = 0; i < length; i++) {
        while (k > 0 && s->pattern[i] != s->pattern[k]) k = s->fallback[k];
        if (s->pattern[i] == s->pattern[k]) k++;
        s->fallback[i + 1] = k;
    }
}

void hello_scanner_init(struct hello_scanner *s) {
    *s = (struct hello_scanner){0};
    memcpy(s->pattern, HOST_MAGIC, MAGIC_SIZE);
    set_pattern_length(s, MAGIC_SIZE);
}

static bool has_key(const struct hello_scanner *s) { return s->length > MAGIC_SIZE; }

static void pass(const struct hello_scanner *s, const struct hello_sink *sink, const uint8_t *data,
                 size_t size) {
    if (has_key(s) && size > 0) sink->bytes(sink->self, data, size);
}

/* The match shrank to `matched`: what is held without reason now goes on. The held bytes are those of the pattern. */
static void shrink(struct hello_scanner *s, const struct hello_sink *sink, uint8_t matched) {
    uint8_t keep = matched < SURE ? 0 : matched < s->held ? matched : s->held;
    if (s->held > keep) pass(s, sink, s->pattern + s->matched - s->held, s->held - keep);
    if (s->held > keep) s->held = keep;
    s->matched = matched;
}

/* Key (when none is known yet) and nonce are complete. */
static void finish(struct hello_scanner *s, const struct hello_sink *sink) {
    const uint8_t *nonce = s->tail;
    if (!has_key(s)) {
        memcpy(s->pattern + MAGIC_SIZE, s->tail, KEY_SIZE);
        set_pattern_length(s, MAGIC_SIZE + KEY_SIZE);
        nonce = s->tail + KEY_SIZE;
    }
    s->wanted = s->got = 0;
    sink->hello(sink->self, nonce);
}

/* Passes on the run of ordinary bytes that ends at `end`, in one piece. */
static void flush(const struct hello_scanner *s, const struct hello_sink *sink, const uint8_t **run,
                  const uint8_t *end) {
    if (*run) pass(s, sink, *run, (size_t)(end - *run));
    *run = NULL;
}

/* Holds back a byte, and as much of the match before it as has not gone yet. */
static void hold(struct hello_scanner *s, const uint8_t *byte, const uint8_t **run,
                 const struct hello_sink *sink) {
    size_t back = *run ? (size_t)(byte - *run) : 0;
    if (back > (size_t)s->matched - 1) back = (size_t)s->matched - 1;
    flush(s, sink, run, byte - back);
    s->held = (uint8_t)(s->held + back + 1);
}

/*
 * One byte. Those that follow the pattern are looked at like any other: a hello that was cut off may be followed by a
 * whole one, whose start must not be taken for the rest of the first.
 */
static void scan_byte(struct hello_scanner *s, const uint8_t *byte, const uint8_t **run,
                      const struct hello_sink *sink) {
    while (s->matched > 0 && (s->matched == s->length || s->pattern[s->matched] != *byte))
        shrink(s, sink, s->fallback[s->matched]);
    if (s->pattern[s->matched] == *byte) s->matched++;
    if (s->wanted == 0 && s->matched < SURE) {
        if (!*run) *run = byte;
    } else if (s->wanted > 0) {
        flush(s, sink, run, byte);
        s->tail[s->got++] = *byte;
    } else {
        hold(s, byte, run, sink);
    }
    if (s->matched == s->length) {
        flush(s, sink, run, byte);
        s->wanted = has_key(s) ? NONCE_SIZE : KEY_SIZE + NONCE_SIZE;
        s->got = s->held = 0;
    } else if (s->wanted > 0 && s->got == s->wanted) {
        finish(s, sink);
    }
}

void hello_scan(struct hello_scanner *s, const uint8_t *data, size_t size, const struct hello_sink *sink) {
    const uint8_t *end = data + size, *run = NULL;
    while (data < end) {
        if (s->matched == 0 && s->wanted == 0) { /* the common case, at the speed of memchr */
            const uint8_t *next = memchr(data, s->pattern[0], (size_t)(end - data));
            if (!run) run = data;
            data = next ? next : end;
            if (!next) break;
        }
        scan_byte(s, data++, &run, sink);
    }
    flush(s, sink, &run, end);
}

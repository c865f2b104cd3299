/*
 * Finds the host's hello in whatever arrives (PROTOCOL.md section 1). A virtio-serial port joins the bytes of an old
 * connection to those of a new one, so a hello may stand anywhere, also in the middle of a frame.
 */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stdbool.h>

#include "bytes.h"

#define MAGIC_SIZE 16
#define KEY_SIZE 32
#define NONCE_SIZE 16

extern const uint8_t HOST_MAGIC[MAGIC_SIZE];
extern const uint8_t AGENT_MAGIC[MAGIC_SIZE];

/* Where the scanner's findings go, in the order of the bytes. */
struct hello_sink {
    /* Bytes that are no hello. Not called before the first hello. */
    void (*bytes)(void *self, const uint8_t *data, size_t size);
    void (*hello)(void *self, const uint8_t nonce[NONCE_SIZE]);
    void *self;
};

struct hello_scanner {
    uint8_t pattern[MAGIC_SIZE + KEY_SIZE];
    uint8_t fallback[MAGIC_SIZE + KEY_SIZE +
                     1]; /* Knuth-Morris-Pratt: the state to go on with after a mismatch */
    uint8_t length;      /* MAGIC_SIZE until a key was adopted, then both */
    uint8_t matched;     /* how much of the pattern the latest bytes are */
    uint8_t held;        /* how many of those were not passed on */
    uint8_t wanted, got; /* of what follows the pattern: (key and) nonce */
    uint8_t tail[KEY_SIZE + NONCE_SIZE];
};

void hello_scanner_init(struct hello_scanner *s);
void hello_scan(struct hello_scanner *s, const uint8_t *data, size_t size, const struct hello_sink *sink);

#endif

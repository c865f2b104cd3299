/* Bytes on their way to the host. Producers write straight into it, the channel writes straight from it. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#define OUTBOX_SIZE 262144
/* Frames of data leave this much free, so that window updates, pings and resets can always be answered. */
#define OUTBOX_RESERVE 32768

struct outbox {
    size_t head, tail;
    uint8_t bytes[OUTBOX_SIZE];
};

static inline size_t outbox_size(const struct outbox *o) { return o->tail - o->head; }
static inline size_t outbox_room(const struct outbox *o) { return OUTBOX_SIZE - outbox_size(o); }

/* The place for the next `size` bytes, which must fit `outbox_room`; `outbox_commit` makes them part of the stream. */
uint8_t *outbox_reserve(struct outbox *o, size_t size);
void outbox_commit(struct outbox *o, size_t size);
void outbox_take(struct outbox *o, size_t size);
void outbox_clear(struct outbox *o);

#endif

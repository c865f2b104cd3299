/* A first-in first-out queue of bytes that grows as needed, up to a limit of its own. */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty queue. */
struct queue {
    uint8_t *bytes;
    size_t head, tail, capacity;
};

static inline size_t queue_size(const struct queue *q) { return q->tail - q->head; }
static inline const uint8_t *queue_data(const struct queue *q) {
    return q->bytes ? q->bytes + q->head : NULL;
}

/* Appends. False, and nothing changed, when that would exceed `limit` bytes or memory is out. */
bool queue_add(struct queue *q, const void *data, size_t size, size_t limit);

/* Drops the first `size` bytes. */
void queue_take(struct queue *q, size_t size);

/* Empties it and gives its memory back. */
void queue_clear(struct queue *q);

#endif

#include "queue.h"

#include <stdlib.h>
#include <string.h>

/* Below this a queue is not worth growing in steps. */
#define SMALLEST 512

static bool make_room(struct queue *q, size_t size) {
    size_t used = queue_size(q);
    if (q->head > 0) {
        memmove(q->bytes, q->bytes + q->head, used);
        q->head = 0;
        q->tail = used;
    }
    if (q->capacity - used >= size) return true;
    size_t capacity = q->capacity ? q->capacity : SMALLEST;
    while (capacity - used < size) capacity *= 2;
    uint8_t *bytes = realloc(q->bytes, capacity);
    if (!bytes) return false;
    q->bytes = bytes;
    q->capacity = capacity;
    return true;
}

bool queue_add(struct queue *q, const void *data, size_t size, size_t limit) {
    if (size == 0) return true;
    if (size > limit || queue_size(q) > limit - size) return false;
    if (q->capacity - q->tail < size && !make_room(q, size)) return false;
    memcpy(q->bytes + q->tail, data, size);
    q->tail += size;
    return true;
}

void queue_take(struct queue *q, size_t size) {
    q->head += size;
    if (q->head == q->tail) queue_clear(q);
}

void queue_clear(struct queue *q) {
    free(q->bytes);
    *q = (struct queue){0};
}

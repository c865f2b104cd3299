#include "outbox.h"

#include <string.h>

uint8_t *outbox_reserve(struct outbox *o, size_t size) {
    if (OUTBOX_SIZE - o->tail < size) {
        size_t used = outbox_size(o);
        memmove(o->bytes, o->bytes + o->head, used);
        o->head = 0;
        o->tail = used;
    }
    return o->bytes + o->tail;
}

void outbox_commit(struct outbox *o, size_t size) { o->tail += size; }

void outbox_take(struct outbox *o, size_t size) {
    o->head += size;
    if (o->head == o->tail) outbox_clear(o);
}

void outbox_clear(struct outbox *o) { o->head = o->tail = 0; }

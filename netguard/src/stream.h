/* Ethernet frames over a stream socket, each behind its length as 4 big-endian bytes (the format of QEMU's
   `-netdev stream` and of passt). One side of the guard is an inlet and an outlet over the same socket. */
#ifndef NETGUARD_STREAM_H
#define NETGUARD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFIX 4u

/* Read ahead at once; must hold the largest frame. Larger only trades memory for fewer receives. */
#define INLET_BYTES (256u * 1024)

/* Room for what waits, twice the most that may wait: so that moving it to the front, to make room behind, costs at most
   as much as sending it. Memory is used only by what waits. */
#define OUTLET_BYTES (48u * 1024 * 1024)

/* An outlet that held more than this gives its memory back once it is empty. */
#define OUTLET_KEEP (1024u * 1024)

struct inlet {
    int fd;
    size_t start;
    size_t end;
    uint8_t bytes[INLET_BYTES];
};

struct outlet {
    int fd;
    /* Most bytes handed over in one call, which then holds whole frames only; 0: all that waits. */
    size_t burst;
    /* What is left of a call that was taken in part. */
    size_t rest;
    size_t start;
    size_t end;
    _Alignas(4096) uint8_t bytes[OUTLET_BYTES];
};

enum stream_state {
    STREAM_OPEN,   /* all right, perhaps nothing to do at the moment */
    STREAM_CLOSED, /* the other side has gone */
    STREAM_BROKEN  /* a length no frame can have: what follows cannot be read any more */
};

/* Receives what there is room for, once. */
enum stream_state inlet_fill(struct inlet *inlet);

/* The next whole frame, valid until the next call on this inlet. `*frame` is NULL when none is complete. */
enum stream_state inlet_next(struct inlet *inlet, const uint8_t **frame, size_t *length);

/* Skips a length whose frame never came: passt of 2023 sends an echo reply's length and body in two calls, and when its
   socket is full in between, the body is lost. `source` is the source MAC address of every frame on this stream. */
void inlet_skip_orphan(struct inlet *inlet, const uint8_t *source);

/* Whether a frame of this length can be queued. */
bool outlet_has_room(const struct outlet *outlet, size_t length);

/* Queues a frame. False, and nothing queued, when there is no room. */
bool outlet_push(struct outlet *outlet, const uint8_t *frame, size_t length);

/* Sends what the other side takes, without waiting. */
enum stream_state outlet_flush(struct outlet *outlet);

/* Bytes that wait. */
static inline size_t outlet_waiting(const struct outlet *outlet)
{
    return outlet->end - outlet->start;
}

#endif

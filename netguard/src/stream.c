#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "wire.h"

static bool again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

enum stream_state inlet_fill(struct inlet *inlet)
{
    ssize_t got;

    if (inlet->start > 0) {
        memmove(inlet->bytes, inlet->bytes + inlet->start, inlet->end - inlet->start);
        inlet->end -= inlet->start;
        inlet->start = 0;
    }
    if (inlet->end == INLET_BYTES)
        return STREAM_OPEN;
    got = recv(inlet->fd, inlet->bytes + inlet->end, INLET_BYTES - inlet->end, MSG_DONTWAIT);
    if (got < 0)
        return again() ? STREAM_OPEN : STREAM_CLOSED;
    if (got == 0)
        return STREAM_CLOSED;
    inlet->end += (size_t)got;
    return STREAM_OPEN;
}

enum stream_state inlet_next(struct inlet *inlet, const uint8_t **frame, size_t *length)
{
    size_t waiting = inlet->end - inlet->start;
    uint32_t announced;

    *frame = NULL;
    *length = 0;
    if (waiting < PREFIX)
        return STREAM_OPEN;
    announced = be32(inlet->bytes + inlet->start);
    if (announced > STREAM_FRAME_MAX)
        return STREAM_BROKEN;
    if (waiting - PREFIX < announced)
        return STREAM_OPEN;
    *frame = inlet->bytes + inlet->start + PREFIX;
    *length = announced;
    inlet->start += PREFIX + announced;
    return STREAM_OPEN;
}

void inlet_skip_orphan(struct inlet *inlet, const uint8_t *source)
{
    const uint8_t *bytes = inlet->bytes + inlet->start;
    size_t source_at = PREFIX + 6;

    if (inlet->end - inlet->start < PREFIX + source_at + 6 || memcmp(bytes + source_at, source, 6) == 0)
        return;
    if (memcmp(bytes + PREFIX + source_at, source, 6) == 0)
        inlet->start += PREFIX;
}

bool outlet_has_room(const struct outlet *outlet, size_t length)
{
    return OUTLET_BYTES - (outlet->end - outlet->start) >= PREFIX + length;
}

bool outlet_push(struct outlet *outlet, const uint8_t *frame, size_t length)
{
    if (!outlet_has_room(outlet, length))
        return false;
    if (OUTLET_BYTES - outlet->end < PREFIX + length) {
        memmove(outlet->bytes, outlet->bytes + outlet->start, outlet->end - outlet->start);
        outlet->end -= outlet->start;
        outlet->start = 0;
    }
    put32(outlet->bytes + outlet->end, (uint32_t)length);
    memcpy(outlet->bytes + outlet->end + PREFIX, frame, length);
    outlet->end += PREFIX + length;
    return true;
}

/* Whole frames up to the burst, or one longer frame alone. */
static size_t next_burst(const struct outlet *outlet)
{
    size_t waiting = outlet->end - outlet->start;
    size_t size = 0;

    if (outlet->burst == 0 || waiting <= outlet->burst)
        return waiting;
    while (size < waiting) {
        size_t frame = PREFIX + be32(outlet->bytes + outlet->start + size);

        if (size + frame > outlet->burst)
            return size == 0 ? frame : size;
        size += frame;
    }
    return size;
}

enum stream_state outlet_flush(struct outlet *outlet)
{
    while (outlet_waiting(outlet) > 0) {
        size_t size = outlet->rest > 0 ? outlet->rest : next_burst(outlet);
        ssize_t sent = send(outlet->fd, outlet->bytes + outlet->start, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0)
            return again() ? STREAM_OPEN : STREAM_CLOSED;
        outlet->start += (size_t)sent;
        outlet->rest = size - (size_t)sent;
    }
    if (outlet->end > OUTLET_KEEP)
        madvise(outlet->bytes, OUTLET_BYTES, MADV_DONTNEED);
    outlet->start = outlet->end = 0;
    return STREAM_OPEN;
}

#include "stream.h"

#include <string.h>

#include "log.h"

/* A frame with its head is one write to a virtio-serial port, which takes no more at once. */
#define WRITE_UNIT 32768
/* A raw message much smaller than this is not worth a frame while the outbox drains anyway. */
#define WORTHWHILE 4096
/* A stream whose replies wait beyond this is not being read at all. */
#define TX_MAX 262144

/* How many bytes a data frame may carry now. */
static size_t frame_room(struct stream *s) {
    size_t room = outbox_room(&s->session->out);
    if (room < OUTBOX_RESERVE + WORTHWHILE) {
        s->session->starved = true;
        return 0;
    }
    room -= OUTBOX_RESERVE;
    if (room > WRITE_UNIT) room = WRITE_UNIT;
    room -= FRAME_HEAD;
    return room < s->send_window ? room : s->send_window;
}

size_t stream_room(struct stream *s) {
    if (s->dead || s->finished || queue_size(&s->tx) > 0) return 0;
    size_t room = frame_room(s);
    return room > MESSAGE_HEAD ? room - MESSAGE_HEAD : 0;
}

uint8_t *stream_reserve(struct stream *s, size_t room) {
    size_t head = FRAME_HEAD + MESSAGE_HEAD;
    return outbox_reserve(&s->session->out, head + room) + head;
}

void stream_commit(struct stream *s, uint16_t type, size_t size) {
    uint8_t *head = outbox_reserve(&s->session->out, FRAME_HEAD + MESSAGE_HEAD + size) + FRAME_HEAD;
    write_u16(head, type);
    write_u32(head + 2, (uint32_t)size);
    stream_frame(s, 0, MESSAGE_HEAD + size);
}

static void flush_tx(struct stream *s) {
    size_t n, room;
    while ((n = queue_size(&s->tx)) > 0 && (room = frame_room(s)) > 0) {
        if (n > room) n = room;
        uint8_t *place = outbox_reserve(&s->session->out, FRAME_HEAD + n) + FRAME_HEAD;
        memcpy(place, queue_data(&s->tx), n);
        stream_frame(s, 0, n);
        queue_take(&s->tx, n);
    }
}

void stream_flush(struct stream *s) {
    if (s->dead) return;
    flush_tx(s);
    stream_try_fin(s);
    if (!s->dead && s->service && s->service->writable && queue_size(&s->tx) == 0) s->service->writable(s);
}

size_t stream_waiting(const struct stream *s) { return queue_size(&s->tx); }

void stream_send(struct stream *s, uint16_t type, const void *payload, size_t size) {
    if (s->dead || s->finished) return;
    uint8_t head[MESSAGE_HEAD];
    write_u16(head, type);
    write_u32(head + 2, (uint32_t)size);
    if (!queue_add(&s->tx, head, sizeof head, TX_MAX) || !queue_add(&s->tx, payload, size, TX_MAX)) {
        log_line("stream %u dropped: its replies are not read", s->id);
        stream_remove(s);
        return;
    }
    flush_tx(s);
}

void stream_send_fields(struct stream *s, uint16_t type, const struct writer *w) {
    if (w->overflow)
        stream_error(s, REASON_LIMIT, 0, "the reply does not fit a message");
    else
        stream_send(s, type, w->data, w->size);
}

void stream_detach(struct stream *s) {
    s->service = NULL;
    s->state = NULL;
}

void stream_finish(struct stream *s) {
    if (s->dead || s->finished) return;
    s->finished = true;
    stream_detach(s);
    stream_credit(s, queue_size(&s->rx));
    queue_clear(&s->rx);
    queue_clear(&s->message);
    stream_try_fin(s);
}

void stream_error(struct stream *s, enum reason reason, int code, const char *text) {
    stream_detach(s);
    uint8_t bytes[1024];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    put_error(&w, reason, code, text);
    stream_send(s, MSG_ERROR, w.data, w.size);
    stream_finish(s);
}

void stream_ok(struct stream *s) {
    stream_send(s, MSG_OK, NULL, 0);
    stream_finish(s);
}

/* The host has misused the stream, or memory is out: the service, which knows nothing of it, is told. */
static void stream_break(struct stream *s, enum reason reason, const char *text) {
    const struct service *service = s->service;
    s->service = NULL;
    if (service) service->gone(s);
    stream_error(s, reason, 0, text);
}

/* The longest request of a type. */
static uint32_t request_max(uint16_t type) {
    return type == MSG_CONFIGURE ? CONFIGURE_MAX : type == MSG_EXEC ? EXEC_MAX : MESSAGE_MAX;
}

/* A message's head is complete. */
static void begin_message(struct stream *s) {
    s->type = read_u16(s->head);
    s->left = read_u32(s->head + 2);
    s->in_body = true;
    uint32_t limit = s->service ? RAW_MAX : request_max(s->type);
    if (s->left > limit)
        stream_break(s, REASON_LIMIT, "a message over the limit");
    else if (s->service && (s->service->raw == 0 || s->type != s->service->raw))
        stream_break(s, REASON_BAD_REQUEST, "a message that does not belong here");
}

/* The last byte of a message was taken. */
static void end_message(struct stream *s, bool empty) {
    s->in_body = false;
    s->head_size = 0;
    struct queue message = s->message;
    s->message = (struct queue){0};
    if (!s->service)
        s->session->request(s, s->type, (struct slice){queue_data(&message), queue_size(&message)});
    else if (empty && s->service->input_end)
        s->service->input_end(s);
    else if (!empty && s->service->whole)
        s->service->input(s, queue_data(&message), queue_size(&message));
    queue_clear(&message);
}

/* Some of a message's body; gives what was taken. */
static size_t take_body(struct stream *s, const uint8_t *data, size_t size) {
    size_t n = size < s->left ? size : s->left;
    if (s->service && !s->service->whole) {
        n = s->service->input(s, data, n);
    } else if (!queue_add(&s->message, data, n, EXEC_MAX)) {
        stream_break(s, REASON_LIMIT, "out of memory");
        return size;
    }
    s->left -= (uint32_t)n;
    if (s->left == 0 && !s->finished && !s->dead) end_message(s, false);
    return n;
}

/* Takes messages apart until the service takes no more; gives what was taken. */
static size_t take_messages(struct stream *s, const uint8_t *data, size_t size) {
    size_t i = 0;
    while (i < size && !s->finished && !s->dead) {
        if (!s->in_body) {
            s->head[s->head_size++] = data[i++];
            if (s->head_size < MESSAGE_HEAD) continue;
            begin_message(s);
            if (!s->finished && !s->dead && s->left == 0) end_message(s, true);
        } else {
            size_t n = take_body(s, data + i, size - i);
            if (n == 0) break;
            i += n;
        }
    }
    return s->finished || s->dead ? size : i;
}

void stream_receive(struct stream *s, const uint8_t *data, size_t size) {
    size_t taken = queue_size(&s->rx) > 0 ? 0 : take_messages(s, data, size);
    if (taken < size && !queue_add(&s->rx, data + taken, size - taken, WINDOW_MAX))
        return stream_break(s, REASON_LIMIT, "out of memory");
    stream_credit(s, taken);
}

void stream_resume(struct stream *s) {
    if (s->dead || s->finished || queue_size(&s->rx) == 0) return;
    struct queue waiting = s->rx;
    s->rx = (struct queue){0};
    size_t taken = take_messages(s, queue_data(&waiting), queue_size(&waiting));
    if (!s->dead && !s->finished) {
        queue_take(&waiting, taken);
        s->rx = waiting;
    } else {
        queue_clear(&waiting);
    }
    stream_credit(s, taken);
    if (s->host_closed && queue_size(&s->rx) == 0) stream_host_fin(s);
}

void stream_host_fin(struct stream *s) {
    if (s->dead || s->finished || queue_size(&s->rx) > 0) return; /* what came before it is taken first */
    if (!s->service)
        stream_finish(s);
    else if (s->service->host_closed)
        s->service->host_closed(s);
}

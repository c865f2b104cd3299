#include "yamux.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "loop.h"
#include "stream.h"

enum { TYPE_DATA, TYPE_WINDOW, TYPE_PING, TYPE_GO_AWAY };
enum { FLAG_SYN = 1, FLAG_ACK = 2, FLAG_FIN = 4, FLAG_RST = 8 };

#define GO_AWAY_PROTOCOL_ERROR 1
/* Handling one frame or piece of a body answers with at most this much outside the reserve for data. */
#define ANSWER_ROOM (4 * FRAME_HEAD)
/* Window is given back in pieces this big: few updates, and the host never runs dry. */
#define CREDIT_STEP (WINDOW_START / 4)
/* Below this the outbox counts as drained: producers go on before the channel runs dry. */
#define DRAINED (OUTBOX_SIZE / 2)

static void write_head(uint8_t *p, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
    p[0] = 0;
    p[1] = type;
    write_u16(p + 2, flags);
    write_u32(p + 4, id);
    write_u32(p + 8, length);
}

static void send_control(struct session *y, uint8_t type, uint16_t flags, uint32_t id, uint32_t value) {
    if (outbox_room(&y->out) < FRAME_HEAD)
        return; /* only when the host reads nothing; its next hello clears all */
    write_head(outbox_reserve(&y->out, FRAME_HEAD), type, flags, id, value);
    outbox_commit(&y->out, FRAME_HEAD);
}

void stream_frame(struct stream *s, uint16_t flags, size_t size) {
    struct outbox *out = &s->session->out;
    write_head(outbox_reserve(out, FRAME_HEAD + size), TYPE_DATA, flags, s->id, (uint32_t)size);
    outbox_commit(out, FRAME_HEAD + size);
    s->send_window -= (uint32_t)size;
}

void stream_credit(struct stream *s, size_t size) {
    s->credit += (uint32_t)size;
    if (s->dead || s->host_closed || s->credit < CREDIT_STEP) return;
    send_control(s->session, TYPE_WINDOW, 0, s->id, s->credit);
    s->recv_window += s->credit;
    s->credit = 0;
}

static struct stream *find(struct session *y, uint32_t id) {
    struct stream *s = y->streams;
    while (s && s->id != id) s = s->next;
    return s;
}

/* Takes the stream out of the session. Its memory lives on until no event can mean it. */
void stream_remove(struct stream *s) {
    if (s->dead) return;
    struct session *y = s->session;
    struct stream **p = &y->streams;
    while (*p != s) p = &(*p)->next;
    *p = s->next;
    y->count--;
    if (y->body_stream == s) y->body_stream = NULL;
    s->dead = true;
    queue_clear(&s->message);
    queue_clear(&s->rx);
    queue_clear(&s->tx);
    const struct service *service = s->service;
    s->service = NULL;
    if (service) service->gone(s);
    loop_free(s);
}

void stream_try_fin(struct stream *s) {
    if (s->dead || !s->finished || queue_size(&s->tx) > 0) return;
    if (!s->fin_sent) {
        if (outbox_room(&s->session->out) < FRAME_HEAD) {
            s->session->starved = true;
            return;
        }
        s->fin_sent = true;
        send_control(s->session, TYPE_DATA, FLAG_FIN, s->id, 0);
    }
    if (s->host_closed) stream_remove(s);
}

void session_end(struct session *y) {
    y->live = false;
    while (y->streams) stream_remove(y->streams);
    y->head_size = 0;
    y->body_left = 0;
    y->starved = false;
    queue_clear(&y->backlog);
}

void session_begin(struct session *y) {
    session_end(y);
    outbox_clear(&y->out);
    y->live = true;
    y->framed = false;
    y->last_id = 0;
}

void session_fail(struct session *y, const char *why) {
    if (!y->live) return;
    log_line("session ended: %s", why);
    send_control(y, TYPE_GO_AWAY, 0, 0, GO_AWAY_PROTOCOL_ERROR);
    session_end(y);
}

/* A SYN. NULL when there can be no such stream; the session may be over then. */
static struct stream *open_stream(struct session *y, uint32_t id) {
    if (id % 2 == 0 || id <= y->last_id) {
        session_fail(y, "a stream id that cannot be");
        return NULL;
    }
    y->last_id = id;
    struct stream *s = y->count < STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        send_control(y, TYPE_WINDOW, FLAG_RST, id, 0);
        return NULL;
    }
    *s = (struct stream){.session = y, .id = id, .send_window = WINDOW_START, .recv_window = WINDOW_START};
    s->next = y->streams;
    y->streams = s;
    y->count++;
    send_control(y, TYPE_WINDOW, FLAG_ACK, id, 0);
    return s;
}

static void frame_done(struct stream *s, bool fin) {
    if (s && fin && !s->dead && !s->host_closed) {
        s->host_closed = true;
        stream_host_fin(s);
        stream_try_fin(s);
    }
}

static void data_frame(struct session *y, struct stream *s, uint16_t flags, uint32_t length) {
    if (length > FRAME_MAX) return session_fail(y, "a frame over the limit");
    if (s && (s->host_closed || length > s->recv_window)) return session_fail(y, "data beyond the window");
    if (s) s->recv_window -= length;
    y->body_left = length;
    y->body_stream = s;
    y->body_fin = flags & FLAG_FIN;
    if (length == 0) frame_done(s, y->body_fin);
}

static void window_frame(struct session *y, struct stream *s, uint16_t flags, uint32_t delta) {
    if (!s) return;
    if (delta > WINDOW_MAX - s->send_window) return session_fail(y, "a window over the limit");
    s->send_window += delta;
    if (delta > 0) stream_flush(s);
    frame_done(s, flags & FLAG_FIN);
}

static void stream_frame_in(struct session *y, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
    struct stream *s;
    if (flags & FLAG_SYN) {
        s = open_stream(y, id);
        if (!y->live) return;
    } else {
        if (id == 0 || id % 2 == 0 || id > y->last_id)
            return session_fail(y, "a frame for a stream never opened");
        s = find(y, id);
    }
    if (flags & FLAG_RST && s) {
        stream_remove(s);
        s = NULL;
    }
    if (type == TYPE_DATA)
        data_frame(y, s, flags, length);
    else
        window_frame(y, s, flags, length);
}

static void frame_head(struct session *y) {
    const uint8_t *h = y->head;
    uint8_t type = h[1];
    uint16_t flags = read_u16(h + 2);
    uint32_t id = read_u32(h + 4), length = read_u32(h + 8);
    y->framed = true;
    if (h[0] != 0) return session_fail(y, "a frame of another version");
    if (type == TYPE_DATA || type == TYPE_WINDOW) return stream_frame_in(y, type, flags, id, length);
    if (type == TYPE_GO_AWAY) return session_end(y);
    if (type != TYPE_PING) return session_fail(y, "a frame of an unknown type");
    if (flags & FLAG_SYN) send_control(y, TYPE_PING, FLAG_ACK, 0, length);
}

/* Parses until all is taken, the session is over or the outbox is full; gives what was taken. */
static size_t take_frames(struct session *y, const uint8_t *data, size_t size) {
    size_t i = 0;
    while (i < size && y->live && outbox_room(&y->out) >= ANSWER_ROOM) {
        if (y->body_left > 0) {
            size_t n = size - i < y->body_left ? size - i : y->body_left;
            struct stream *s = y->body_stream;
            y->body_left -= (uint32_t)n;
            if (s) stream_receive(s, data + i, n);
            i += n;
            if (y->live && y->body_left == 0) frame_done(y->body_stream, y->body_fin);
        } else {
            size_t want = FRAME_HEAD - (size_t)y->head_size, n = want < size - i ? want : size - i;
            memcpy(y->head + y->head_size, data + i, n);
            y->head_size += (uint8_t)n;
            i += n;
            if (y->head_size < FRAME_HEAD) break;
            y->head_size = 0;
            frame_head(y);
        }
    }
    return y->live ? i : size;
}

bool session_stalled(const struct session *y) { return queue_size(&y->backlog) > 0; }

void session_receive(struct session *y, const uint8_t *data, size_t size) {
    size_t taken = session_stalled(y) ? 0 : take_frames(y, data, size);
    if (taken < size && !queue_add(&y->backlog, data + taken, size - taken, SIZE_MAX))
        session_fail(y, "out of memory");
}

/* Goes on with what came while the outbox was full. */
static void take_backlog(struct session *y) {
    struct queue waiting = y->backlog;
    y->backlog = (struct queue){0};
    session_receive(y, queue_data(&waiting), queue_size(&waiting));
    queue_clear(&waiting);
}

/* The one that waited longest comes first: whoever is served goes to the end of the list. */
static void rotate(struct session *y) {
    struct stream *first = y->streams;
    if (!first || !first->next) return;
    struct stream *last = first;
    while (last->next) last = last->next;
    y->streams = first->next;
    first->next = NULL;
    last->next = first;
}

void session_drained(struct session *y) {
    if (session_stalled(y) && outbox_room(&y->out) >= OUTBOX_RESERVE) take_backlog(y);
    if (!y->starved || outbox_size(&y->out) > DRAINED) return;
    y->starved = false;
    rotate(y);
    struct stream *next;
    for (struct stream *s = y->streams; s; s = next) {
        next = s->next;
        stream_flush(s);
    }
}

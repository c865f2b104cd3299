/*
 * Streams over one byte stream: the yamux frame format (hashicorp/yamux, spec.md), agent's side (PROTOCOL.md section 2).
 * Reads from what it is given and writes to its outbox; knows no descriptor, so that tests and fuzzers drive it alone.
 */
#ifndef YAMUX_H
#define YAMUX_H

#include <stdbool.h>

#include "bytes.h"
#include "message.h"
#include "outbox.h"
#include "queue.h"

#define FRAME_HEAD 12
#define FRAME_MAX 65536
#define WINDOW_START 262144
#define WINDOW_MAX 1048576
#define STREAMS_MAX 256

struct session;
struct stream;

/* What serves a stream after its request. Any function but `gone` may be NULL. */
struct service {
    uint16_t raw; /* the message type that the host may send after the request */
    bool whole;   /* deliver each such message in one piece */
    /* Payload of a raw message. Takes less than `size` to say "not now"; then calls stream_resume. */
    size_t (*input)(struct stream *s, const uint8_t *data, size_t size);
    void (*input_end)(struct stream *s);   /* an empty raw message */
    void (*writable)(struct stream *s);    /* stream_room may be above 0 again */
    void (*host_closed)(struct stream *s); /* FIN */
    void (*gone)(struct stream *s);        /* reset, or the session is over; `state` is to be let go */
};

struct stream {
    struct session *session;
    struct stream *next;
    uint32_t id;
    uint32_t send_window; /* what may still be sent */
    uint32_t recv_window; /* what the host may still send */
    uint32_t credit;      /* taken, but not yet given back to the host as window */
    bool host_closed;     /* FIN came */
    bool finished;        /* the agent has said its last message; input is discarded */
    bool fin_sent;
    bool dead; /* removed; the memory stays until the loop's end of batch */

    /* The message that is coming in (stream.c). */
    uint8_t head[MESSAGE_HEAD];
    uint8_t head_size;
    bool in_body;
    uint16_t type;
    uint32_t left;
    struct queue message;

    struct queue rx; /* received, but the service does not take it now; bounded by the window */
    struct queue tx; /* messages that wait for window or room */

    const struct service *service; /* NULL before the request and after stream_finish */
    void *state;
};

struct session {
    bool live;    /* between the answer to a hello and a go-away */
    bool framed;  /* a frame has come since the answer */
    bool starved; /* some stream waits for room in the outbox */
    uint32_t last_id;
    unsigned count;
    struct stream *streams;

    uint8_t head[FRAME_HEAD];
    uint8_t head_size;
    uint32_t body_left;
    struct stream *body_stream; /* NULL: the body is discarded */
    bool body_fin;

    struct queue backlog; /* received while the outbox was full */
    struct outbox out;

    void (*request)(struct stream *s, uint16_t type, struct slice payload);
};

/* Drops every stream and half-parsed frame and starts anew. */
void session_begin(struct session *y);
void session_end(struct session *y);

/* Bytes from the host. Takes them all; when the outbox is full, `session_stalled` says to bring no more. */
void session_receive(struct session *y, const uint8_t *data, size_t size);
bool session_stalled(const struct session *y);

/* The outbox has drained: goes on with what waited. */
void session_drained(struct session *y);

/* Sends a go-away (code 1) and ends the session. */
void session_fail(struct session *y, const char *why);

/* For stream.c. */
void stream_frame(struct stream *s, uint16_t flags,
                  size_t size); /* the head of a data frame, before `size` bytes that stand reserved */
void stream_credit(struct stream *s, size_t size);
void stream_remove(struct stream *s);
void stream_try_fin(struct stream *s);

#endif

/* One stream: messages in, messages out. What a service needs. */
#ifndef STREAM_H
#define STREAM_H

#include "yamux.h"

/* From yamux.c: bytes of the stream; FIN; the window or the outbox has opened. */
void stream_receive(struct stream *s, const uint8_t *data, size_t size);
void stream_host_fin(struct stream *s);
void stream_flush(struct stream *s);

/* From a service: input that was refused may come again. */
void stream_resume(struct stream *s);

/* How many bytes of payload a raw message may carry now. 0: `writable` will be called. */
size_t stream_room(struct stream *s);
/* Where that payload goes (up to `stream_room` bytes), and sending it. Nothing else may be sent in between. */
uint8_t *stream_reserve(struct stream *s, size_t room);
void stream_commit(struct stream *s, uint16_t type, size_t size);

/* Sends a message of any size up to MESSAGE_MAX; it waits for window and room in memory. */
void stream_send(struct stream *s, uint16_t type, const void *payload, size_t size);
void stream_send_fields(struct stream *s, uint16_t type, const struct writer *w);
/* How much waits in memory. */
size_t stream_waiting(const struct stream *s);

/* The last message was sent: FIN follows it, input is discarded from now on and the service is detached. */
void stream_finish(struct stream *s);
/* The service has let go of its state: nothing of it is called any more. */
void stream_detach(struct stream *s);
/* `error`, then the end. The service, if any, has let go of its state. */
void stream_error(struct stream *s, enum reason reason, int code, const char *text);
/* `ok` without fields, then the end. */
void stream_ok(struct stream *s);

#endif

/* Messages and their fields (PROTOCOL.md section 3): numbers, reading, writing. Pure: no I/O, no memory of its own. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>

#include "bytes.h"

#define GENERATION 1

#define MESSAGE_HEAD 6                 /* type, length */
#define MESSAGE_MAX 65536              /* length of any message but the next two */
#define CONFIGURE_MAX 1048576          /* it carries files */
#define EXEC_MAX 2097152               /* what Linux takes as arguments and environment is never longer as fields */
#define RAW_MAX (65536 - MESSAGE_HEAD) /* payload of a raw message: with its head it fills one frame */

enum message_type {
    MSG_OK = 0x0001,
    MSG_CONFIGURE = 0x0010,
    MSG_EXEC = 0x0020,
    MSG_STARTED = 0x0021,
    MSG_STDIN = 0x0022,
    MSG_STDOUT = 0x0023,
    MSG_STDERR = 0x0024,
    MSG_EXIT = 0x0025,
    MSG_SIGNAL = 0x0026,
    MSG_RESIZE = 0x0027,
    MSG_DIAL = 0x0030,
    MSG_DATA = 0x0031,
    MSG_PUT = 0x0040,
    MSG_GET = 0x0041,
    MSG_PACK = 0x0042,
    MSG_UNPACK = 0x0043,
    MSG_PORTS = 0x0050,
    MSG_STATS = 0x0051,
    MSG_CLOCK = 0x0052,
    MSG_SYNC = 0x0060,
    MSG_SHUTDOWN = 0x0061,
    MSG_EVENTS = 0x0070,
    MSG_EVENT = 0x0071,
    MSG_ERROR = 0x00ff,
};

enum reason {
    REASON_BAD_REQUEST = 1,
    REASON_NOT_CONFIGURED = 2,
    REASON_NOT_FOUND = 3,
    REASON_NOT_EXECUTABLE = 4,
    REASON_LIMIT = 5,
    REASON_FAILED = 6,
    REASON_NOT_SUPPORTED = 7,
    REASON_NO_SUCH_USER = 8,
    REASON_NO_SHELL = 9,
};

struct field {
    uint16_t tag;
    struct slice value;
};

/* Takes the next field off `rest`. 1: there is one; 0: the end; -1: malformed. */
int field_next(struct slice *rest, struct field *field);

/* An integer of 1, 2, 4 or 8 bytes, at most `max`. */
bool field_integer(struct slice value, uint64_t max, uint64_t *out);

/* Copies to `out` with a final NUL; false when it holds a NUL, is empty or does not fit. */
bool field_text(struct slice value, char *out, size_t capacity);

/* Writes fields into a buffer of the caller's; `overflow` is set, and nothing more written, when they do not fit. */
struct writer {
    uint8_t *data;
    size_t size, capacity;
    bool overflow;
};

void put_bytes(struct writer *w, uint16_t tag, const void *data, size_t size);
void put_text(struct writer *w, uint16_t tag, const char *text);
void put_u8(struct writer *w, uint16_t tag, uint8_t value);
void put_u16(struct writer *w, uint16_t tag, uint16_t value);
void put_u32(struct writer *w, uint16_t tag, uint32_t value);
void put_u64(struct writer *w, uint16_t tag, uint64_t value);

/* A field that holds fields: `put_open`, its fields, then `put_close` with what `put_open` gave. */
size_t put_open(struct writer *w, uint16_t tag);
void put_close(struct writer *w, size_t mark);

/* The fields of an `error` message. `text` is for a person; `code` an errno or 0. */
void put_error(struct writer *w, enum reason reason, int code, const char *text);

#endif

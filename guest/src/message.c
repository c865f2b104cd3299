#include "message.h"

#include <string.h>

#define FIELD_HEAD 6 /* tag, length */

int field_next(struct slice *rest, struct field *field) {
    if (rest->size == 0) return 0;
    if (rest->size < FIELD_HEAD) return -1;
    size_t size = read_u32(rest->data + 2);
    if (size > rest->size - FIELD_HEAD) return -1;
    field->tag = read_u16(rest->data);
    field->value = (struct slice){rest->data + FIELD_HEAD, size};
    rest->data += FIELD_HEAD + size;
    rest->size -= FIELD_HEAD + size;
    return 1;
}

bool field_integer(struct slice value, uint64_t max, uint64_t *out) {
    if (value.size != 1 && value.size != 2 && value.size != 4 && value.size != 8) return false;
    uint64_t n = 0;
    for (size_t i = 0; i < value.size; i++) n = n << 8 | value.data[i];
    if (n > max) return false;
    *out = n;
    return true;
}

bool field_text(struct slice value, char *out, size_t capacity) {
    if (value.size == 0 || value.size >= capacity || memchr(value.data, 0, value.size)) return false;
    memcpy(out, value.data, value.size);
    out[value.size] = 0;
    return true;
}

/* Writes the head of a field and gives the place of its value, or NULL when that does not fit. */
static uint8_t *put_head(struct writer *w, uint16_t tag, size_t size) {
    if (w->overflow || w->capacity - w->size < FIELD_HEAD || w->capacity - w->size - FIELD_HEAD < size) {
        w->overflow = true;
        return NULL;
    }
    uint8_t *head = w->data + w->size;
    write_u16(head, tag);
    write_u32(head + 2, (uint32_t)size);
    w->size += FIELD_HEAD + size;
    return head + FIELD_HEAD;
}

void put_bytes(struct writer *w, uint16_t tag, const void *data, size_t size) {
    uint8_t *value = put_head(w, tag, size);
    if (value && size) memcpy(value, data, size);
}

void put_text(struct writer *w, uint16_t tag, const char *text) { put_bytes(w, tag, text, strlen(text)); }

void put_u8(struct writer *w, uint16_t tag, uint8_t value) { put_bytes(w, tag, &value, 1); }

void put_u16(struct writer *w, uint16_t tag, uint16_t number) {
    uint8_t *value = put_head(w, tag, 2);
    if (value) write_u16(value, number);
}

void put_u32(struct writer *w, uint16_t tag, uint32_t number) {
    uint8_t *value = put_head(w, tag, 4);
    if (value) write_u32(value, number);
}

void put_u64(struct writer *w, uint16_t tag, uint64_t number) {
    uint8_t *value = put_head(w, tag, 8);
    if (value) write_u64(value, number);
}

size_t put_open(struct writer *w, uint16_t tag) {
    put_head(w, tag, 0);
    return w->size;
}

void put_close(struct writer *w, size_t mark) {
    if (!w->overflow) write_u32(w->data + mark - 4, (uint32_t)(w->size - mark));
}

void put_error(struct writer *w, enum reason reason, int code, const char *text) {
    put_u32(w, 0x01, (uint32_t)code);
    put_text(w, 0x02, text);
    put_u32(w, 0x03, reason);
}

#include "events.h"

#include <stdio.h>
#include <string.h>

#include "stream.h"

#define PAST_MAX 8
#define LISTENERS_MAX 16 /* one daemon listens once; more are mistakes */
#define DETAIL_MAX 1024

static struct {
    const char *name;
    char detail[DETAIL_MAX];
} past[PAST_MAX];
static size_t past_count;
static struct stream *listeners[LISTENERS_MAX];

static void send_event(struct stream *s, size_t i) {
    uint8_t bytes[DETAIL_MAX + 128];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    put_text(&w, 0x01, past[i].name);
    put_text(&w, 0x02, past[i].detail);
    stream_send_fields(s, MSG_EVENT, &w);
}

static void forget(struct stream *s) {
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (listeners[i] == s) listeners[i] = NULL;
}

static void host_closed(struct stream *s) {
    forget(s);
    stream_finish(s);
}

static const struct service events_service = {.host_closed = host_closed, .gone = forget};

void events_open(struct stream *s, struct slice payload) {
    (void)payload;
    size_t free_place = 0;
    while (free_place < LISTENERS_MAX && listeners[free_place]) free_place++;
    if (free_place == LISTENERS_MAX) return stream_error(s, REASON_LIMIT, 0, "too many listeners");
    listeners[free_place] = s;
    s->service = &events_service;
    for (size_t i = 0; i < past_count; i++) send_event(s, i);
}

void event_raise(const char *name, const char *detail) {
    for (size_t i = 0; i < past_count; i++)
        if (strcmp(past[i].name, name) == 0) return;
    if (past_count == PAST_MAX) return;
    past[past_count].name = name;
    snprintf(past[past_count].detail, DETAIL_MAX, "%s", detail);
    past_count++;
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (listeners[i]) send_event(listeners[i], past_count - 1);
}

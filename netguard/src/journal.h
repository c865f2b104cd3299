/* What the user reads: single lines on stderr, and how often each thing was refused. Nothing a guest can do makes it
   grow without bound: a reason is told at once, then at most once a minute, and ever more rarely while it goes on. */
#ifndef NETGUARD_JOURNAL_H
#define NETGUARD_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "reason.h"

/* First and longest pause between two lines about one reason; it doubles in between. */
#define JOURNAL_PAUSE_MS 60000
#define JOURNAL_PAUSE_MAX_MS 3600000

struct journal {
    uint64_t counts[REASON_COUNT];
    uint64_t told[REASON_COUNT];
    int64_t next_ms[REASON_COUNT];
    int64_t pause_ms[REASON_COUNT];
};

/* One line with the time in front. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Counts a refused frame, and tells it when its reason is due. */
void journal_refused(struct journal *journal, enum reason reason, const uint8_t *frame, size_t length, int64_t now_ms);

/* Tells every count, at the end. */
void journal_summary(const struct journal *journal);

/* Describes a frame for a person ("udp 10.0.2.15:40000 -> 192.0.2.1:53"), as far as it can be read. */
void describe_frame(const uint8_t *frame, size_t length, char *text, size_t size);

#endif

#include "journal.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define LINE_MAX_BYTES 512

void say(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    time_t now = time(NULL);
    struct tm utc;
    size_t used;
    int wrote;
    va_list arguments;

    gmtime_r(&now, &utc);
    used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ netguard: ", &utc);
    va_start(arguments, format);
    wrote = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    if (wrote > 0)
        used += (size_t)wrote < sizeof line - used - 1 ? (size_t)wrote : sizeof line - used - 2;
    line[used++] = '\n';
    /* One write a line, so that lines of several processes in one file do not mix. A full disk only loses the line. */
    if (write(STDERR_FILENO, line, used) < 0)
        return;
}

static const char *protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case PROTO_TCP:
        return "tcp";
    case PROTO_UDP:
        return "udp";
    case PROTO_ICMP:
        return "icmp";
    case PROTO_ICMPV6:
        return "icmpv6";
    default:
        return "protocol";
    }
}

static void describe_ip(const uint8_t *ip, size_t length, int family, char *text, size_t size)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    uint8_t protocol = family == AF_INET ? ip[9] : ip[6];
    size_t header = family == AF_INET ? (size_t)(ip[0] & 15) * 4 : IPV6_HEADER;
    const uint8_t *ports = ip + header;

    inet_ntop(family, family == AF_INET ? ip + 12 : ip + 8, from, sizeof from);
    inet_ntop(family, family == AF_INET ? ip + 16 : ip + 24, to, sizeof to);
    if ((protocol == PROTO_TCP || protocol == PROTO_UDP) && length >= header + 4)
        snprintf(text, size, "%s %s port %u -> %s port %u", protocol_name(protocol), from, be16(ports), to,
                 be16(ports + 2));
    else
        snprintf(text, size, "%s %u %s -> %s", protocol_name(protocol), protocol, from, to);
}

void describe_frame(const uint8_t *frame, size_t length, char *text, size_t size)
{
    const uint8_t *packet = frame + ETHER_HEADER;
    size_t packet_length = length < ETHER_HEADER ? 0 : length - ETHER_HEADER;
    uint16_t type = length < ETHER_HEADER ? 0 : be16(frame + 12);

    if (type == ETHER_IPV4 && packet_length >= IPV4_HEADER)
        describe_ip(packet, packet_length, AF_INET, text, size);
    else if (type == ETHER_IPV6 && packet_length >= IPV6_HEADER)
        describe_ip(packet, packet_length, AF_INET6, text, size);
    else
        snprintf(text, size, "ethertype 0x%04x, %zu bytes", type, length);
}

void journal_refused(struct journal *journal, enum reason reason, const uint8_t *frame, size_t length, int64_t now_ms)
{
    char text[160];

    journal->counts[reason]++;
    if (reasons[reason].treatment == QUIET || now_ms < journal->next_ms[reason])
        return;
    describe_frame(frame, length, text, sizeof text);
    say("refused %s (%s): %s; %" PRIu64 " so far", reasons[reason].name, reasons[reason].text, text,
        journal->counts[reason]);
    journal->told[reason] = journal->counts[reason];
    journal->pause_ms[reason] = journal->pause_ms[reason] == 0 ? JOURNAL_PAUSE_MS : journal->pause_ms[reason] * 2;
    if (journal->pause_ms[reason] > JOURNAL_PAUSE_MAX_MS)
        journal->pause_ms[reason] = JOURNAL_PAUSE_MAX_MS;
    journal->next_ms[reason] = now_ms + journal->pause_ms[reason];
}

void journal_summary(const struct journal *journal)
{
    for (int reason = NEIGHBOUR; reason < REASON_COUNT; reason++)
        if (journal->counts[reason] > journal->told[reason])
            say("refused %s (%s): %" PRIu64 " in all", reasons[reason].name, reasons[reason].text,
                journal->counts[reason]);
}

#include "journal.h"

#include <string.h>
#include <unistd.h>

#include "check.h"
#include "frames.h"

static struct frame frame;
static char said[65536];

/* What `refuse` printed since the last call. */
static const char *drain(int fd)
{
    ssize_t got = read(fd, said, sizeof said - 1);

    said[got > 0 ? got : 0] = '\0';
    return said;
}

static unsigned lines(const char *text)
{
    unsigned count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void check_descriptions(void)
{
    char text[160];

    packet4(&frame, "192.0.2.1", PROTO_TCP, 22);
    describe_frame(frame.bytes, frame.length, text, sizeof text);
    CHECK(strcmp(text, "tcp 10.0.2.15 port 40000 -> 192.0.2.1 port 22") == 0);
    packet6(&frame, "2001:db8::1", PROTO_UDP, 53);
    describe_frame(frame.bytes, frame.length, text, sizeof text);
    CHECK(strcmp(text, "udp fd62::f port 40000 -> 2001:db8::1 port 53") == 0);
    packet4(&frame, "192.0.2.1", PROTO_ICMP, 0);
    describe_frame(frame.bytes, frame.length, text, sizeof text);
    CHECK(strcmp(text, "icmp 1 10.0.2.15 -> 192.0.2.1") == 0);
    describe_frame(frame.bytes, 3, text, sizeof text);
    CHECK(strcmp(text, "ethertype 0x0000, 3 bytes") == 0);
}

/* A flood for a day makes a bounded number of lines, and every frame is counted. */
static void check_flood(int fd)
{
    struct journal journal = {.counts = {0}};
    unsigned count = 0;

    packet4(&frame, "192.0.2.2", PROTO_TCP, 22);
    for (int64_t now = 0; now < 24 * 3600 * 1000; now += 1000) {
        journal_refused(&journal, HOST_ADDRESS, frame.bytes, frame.length, now);
        if (now % 3600000 == 0)
            count += lines(drain(fd));
    }
    count += lines(drain(fd));
    CHECK(count > 5 && count < 40);
    CHECK(journal.counts[HOST_ADDRESS] == 24 * 3600);
    journal_refused(&journal, MULTICAST, frame.bytes, frame.length, 0);
    CHECK(lines(drain(fd)) == 0);
    journal_summary(&journal);
    CHECK(strstr(drain(fd), "refused host_address (an address of this host): 86400 in all") != NULL);
    CHECK(strstr(said, "refused multicast") != NULL);
}

int main(void)
{
    int pipes[2];
    int real = dup(STDERR_FILENO);

    check_descriptions();
    CHECK(pipe(pipes) == 0);
    /* So that an empty pipe reads as nothing. */
    CHECK(dup2(pipes[1], STDERR_FILENO) >= 0);
    say("%s", "first");
    CHECK(strstr(drain(pipes[0]), "Z netguard: first\n") != NULL);
    say("%01000d", 7);
    CHECK(strlen(drain(pipes[0])) < 512 && lines(said) == 1);
    close(pipes[1]);
    {
        int nonblocking[2];

        CHECK(pipe2(nonblocking, 04000 /* O_NONBLOCK */) == 0);
        CHECK(dup2(nonblocking[1], STDERR_FILENO) >= 0);
        check_flood(nonblocking[0]);
    }
    dup2(real, STDERR_FILENO);
    return finish("journal");
}

/* `ports`: who listens in the guest. */
#ifndef PORTS_H
#define PORTS_H

#include "yamux.h"

void ports_open(struct stream *s, struct slice payload);

struct listener {
    uint8_t protocol; /* 1 TCP, 2 UDP */
    uint8_t address[16];
    uint8_t address_size; /* 4 or 16 */
    uint16_t port;
    unsigned long inode;
    unsigned pid; /* 0: unknown */
    char program[32];
};

/* A line of /proc/net/{tcp,tcp6,udp,udp6}; false when it is no listener. */
bool listener_line(const char *line, uint8_t protocol, struct listener *out);

#endif

/* The host's routing, asked over rtnetlink: where would a socket of this host send a packet? */
#ifndef NETGUARD_ROUTE_H
#define NETGUARD_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

/* Answers kept at once; a direct-mapped table, so a guest that scans only evicts. */
#define ROUTE_SLOTS 512u

/* How long an answer is kept when the kernel announces no change. Every change of addresses, routes, rules and links
   is announced and empties the table; this bounds what an unannounced one could cost. */
#define ROUTE_KEEP_MS 1000

struct route_slot {
    uint8_t address[16];
    int family; /* 0: empty */
    enum route route;
    int64_t until_ms;
};

struct routes {
    int query_fd;
    int change_fd;
    uint32_t sequence;
    struct route_slot slots[ROUTE_SLOTS];
};

/* Opens both netlink sockets. False with errno set when the kernel refuses. */
bool routes_open(struct routes *routes);

/* Takes the announcements that have come; any (or a lost one) empties the table. Call before judging frames. */
void routes_refresh(struct routes *routes);

/* A `route_lookup` whose context is a `struct routes`. Without an answer from the kernel: ROUTE_NOWHERE. */
enum route routes_lookup(void *context, int family, const uint8_t *address);

#endif

/* Which UDP peers the guest has sent to. passt's sockets listen on every address of the host, so without this anyone
   could send to the guest's open ports, programs of the host included. */
#ifndef NETGUARD_FLOW_H
#define NETGUARD_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Peers remembered at once, in sets of FLOW_WAYS; a full set forgets its oldest. */
#define FLOW_SETS 512u
#define FLOW_WAYS 8u

/* passt keeps a UDP port open this long after the guest last sent from it. */
#define FLOW_KEEP_MS 180000

struct flow {
    uint8_t peer[16];
    uint16_t peer_port;
    uint16_t guest_port;
    uint8_t family; /* 4, 6; 0: empty */
    int64_t until_ms;
};

struct flows {
    struct flow sets[FLOW_SETS][FLOW_WAYS];
};

/* Notes a frame of the guest that passed the filter. Other frames than UDP are no concern of this. */
void flows_note(struct flows *flows, const uint8_t *frame, size_t length, int64_t now_ms);

/* Whether a frame from passt may go to the guest: not when it is UDP from a peer that was never sent to. */
bool flows_expect(const struct flows *flows, const uint8_t *frame, size_t length, int64_t now_ms);

#endif

/* The one thing that changes while a VM runs: whether its guest reaches the outside. The daemon says it on a socket of its
   own, one word a connection, and hears the word again once it is so. */
#ifndef NETGUARD_CONTROL_H
#define NETGUARD_CONTROL_H

#include <stdbool.h>

#define WORD_OPEN "open\n"
#define WORD_CLOSED "closed\n"

struct control {
    int listener;
    /* Who has connected and not spoken yet; -1: nobody. */
    int peer;
};

/* What poll(2) said of the two. Changes `*outbound` when a word has come. Never waits; whoever says nothing sensible is
   hung up on, and a new connection takes the place of a silent one. */
void control_serve(struct control *control, short listener_events, short peer_events, bool *outbound);

#endif

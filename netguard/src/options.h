/* netguard's command line. */
#ifndef NETGUARD_OPTIONS_H
#define NETGUARD_OPTIONS_H

#include <stdbool.h>

#include "guard.h"

struct options {
    const char *socket;
    /* Where the daemon says whether the guest reaches the outside. */
    const char *control;
    /* Path of passt. */
    const char *passt;
    /* The interface passt takes as its template; any that exists, for IPv6 one with a link-local address. */
    const char *interface;
    struct guard guard;
};

extern const char usage[];

/* Reads argv. False after saying what is wrong. */
bool options_read(struct options *options, int argc, char **argv);

#endif

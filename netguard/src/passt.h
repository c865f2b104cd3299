/* The passt process behind the guard: its argv, its start, its words. */
#ifndef NETGUARD_PASST_H
#define NETGUARD_PASST_H

#include <stdbool.h>
#include <sys/types.h>

#include "guard.h"

/* passt serves within some 30 ms; this bounds a machine that is busy or a passt that hangs. */
#define PASST_START_MS 10000

/* Sockets passt may have open, one for each connection and each UDP source port of the guest. It bounds what a guest
   can take of the host's ports and memory, and is far above what a workload needs. */
#define PASST_SOCKETS 8192

struct passt {
    pid_t pid;
    int frames_fd;
    int words_fd;
    /* The start of a line of passt's that has not ended yet. */
    char line[256];
    size_t line_used;
    unsigned lines_told;
};

/* Starts passt and waits until it answers for every IP version of the network. False after the reason has been said. */
bool passt_start(struct passt *passt, const char *program, const char *interface, const struct guard *guard);

/* Repeats what passt printed, up to a limit. False when it has closed its output. */
bool passt_listen(struct passt *passt);

#endif

/* The kernel command line, as far as it is the agent's. */
#ifndef CMDLINE_H
#define CMDLINE_H

#include <stdbool.h>

#define SERIAL_SIZE 24 /* a virtio disk's serial has at most 20 bytes */

struct cmdline {
    char init[256];         /* `agent`, or the absolute path of the image's init */
    char root[SERIAL_SIZE]; /* serial of the root disk */
    char work[SERIAL_SIZE]; /* of the work disk; empty: there is none */
    char modules[SERIAL_SIZE]; /* of the disk with the kernel's modules; empty: there is none */
};

/* Reads `banger.init=`, `banger.root=`, `banger.work=` and `banger.modules=`; the last of each counts. False when one is malformed. */
bool cmdline_parse(const char *text, struct cmdline *out);

#endif

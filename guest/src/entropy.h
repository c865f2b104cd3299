/* The kernel's random state: a clone of a snapshot wakes with its template's, and only the host can make it differ. */
#ifndef ENTROPY_H
#define ENTROPY_H

#include "bytes.h"

/* Credits `seed` (at most 512 bytes), then makes the kernel use it at once. 0, or -1 and errno. */
int add_entropy(struct slice seed);

#endif

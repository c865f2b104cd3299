/* The image's own init, where it has one: started as PID 1 beside the agent, watched until its services are up. */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>

#include "request.h"

#ifdef HOSTED
static inline void init_release(void) {}
#else

/*
 * Forks. PID 1 waits until the machine has an identity, then becomes `path`; the agent goes on in the child, which is
 * where this returns. Call after the root file system has been entered. `name` is the agent's argv[0], which it changes.
 */
void init_start(const char *path, char *name);

/* The machine has its identity: PID 1 need not wait any longer. Harmless when it does not. */
void init_release(void);

/* Raises `init-ready` or `init-failed` once it is known. */
void init_watch(void);

/* Asks the init to take the machine down; false when there is nobody to ask. */
bool init_shutdown(enum shutdown_how how);

#endif
#endif

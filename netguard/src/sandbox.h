/* What netguard gives up before it reads a byte of the guest's. */
#ifndef NETGUARD_SANDBOX_H
#define NETGUARD_SANDBOX_H

#include <stdbool.h>

/* As root: becomes the kernel's overflow user (65534, "nobody"). Otherwise nothing. False when that fails. */
bool sandbox_drop_root(void);

/* No new privileges, no core dump, no new file or process, and only the system calls of the frame loop: any other
   kills the process. False, with errno set, when the kernel does not take it. */
bool sandbox_enter(void);

#endif

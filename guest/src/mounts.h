/* What is mounted, and moving into the root file system. */
#ifndef MOUNTS_H
#define MOUNTS_H

#include "cmdline.h"

/* /proc, /sys and /dev of the initramfs. */
void mount_kernel(void);

/* Finds and mounts the root disk, the work disk at its /root, and makes it the root directory. Ends the machine when it cannot. */
void enter_root(const struct cmdline *c);

/* The modules of the kernel that runs, at their place in the image, and the nodes in /dev by which they are loaded. Ends nothing when it cannot. */
void mount_modules(const struct cmdline *c);

/* What programs expect besides: /tmp, /etc, /run/lock, /dev/pts, /dev/shm, /dev/fd. */
void mount_for_programs(void);

/* The cgroup hierarchy, where the agent is PID 1. */
void mount_cgroups(void);

#endif

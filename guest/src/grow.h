/* Growing the mounted file systems to their disks. */
#ifndef GROW_H
#define GROW_H

/* The root disk's and the work disk's. What cannot grow is a warning of `configure`. */
void grow_file_systems(void);

/*
 * Begins that for the root disk while the machine still boots, and goes on behind: half of its time is a wait for the disk.
 * What it cannot do, `grow_file_systems` tells.
 */
void grow_root_early(void);

#endif

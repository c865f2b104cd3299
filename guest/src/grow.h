/* Growing the mounted file systems to their disks. */
#ifndef GROW_H
#define GROW_H

/* The root disk's and the work disk's. What cannot grow is a warning of `configure`. */
void grow_file_systems(void);

#endif

/* Virtio disks, found by their serial. */
#ifndef DISKS_H
#define DISKS_H

#include <stdbool.h>
#include <stddef.h>

/* Waits for the disk with this serial and gives its device node; false when it did not come in time. */
bool disk_wait(const char *serial, char *device, size_t capacity);

/* Whether the disk gives freed blocks back to the host. */
bool disk_discards(const char *device);

#endif

/* The image's /etc/fstab: which of its entries wait for a device that this machine does not have. */
#ifndef FSTAB_H
#define FSTAB_H

#include <stdbool.h>

struct fstab_entry {
    char source[256], target[512], type[32];
};

/* One line; false when it is empty, a comment or malformed. Octal escapes (\040) are resolved. */
bool fstab_line(const char *line, struct fstab_entry *out);

/* Whether the source is a device that must exist (a path under /dev, a LABEL=, a UUID= ...), not a tmpfs or a bind mount. */
bool fstab_needs_device(const struct fstab_entry *e);

#endif

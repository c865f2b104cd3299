/* `put` and `get`; and whole files written by replacement, which `configure` needs too. */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "yamux.h"

void put_open_stream(struct stream *s, struct slice payload);
void get_open_stream(struct stream *s, struct slice payload);

/* write(2) until all is written; false and errno when that fails. */
bool write_all(int fd, const uint8_t *data, size_t size);

struct file_owner {
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

/*
 * Writes `path` anew: a temporary file beside it, renamed. -1 and errno, and nothing changed, on failure. Not synced:
 * what `configure` writes comes again at every start.
 */
int replace_file(const char *path, const struct file_owner *owner, const void *data, size_t size);

#endif

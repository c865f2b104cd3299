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

/*
 * Writes over a file that is there, so that it stays the same one: a new one takes 20 ms under emulation where its part of the disk was not
 * written to before. For what nobody may be reading meanwhile. -1 when it cannot be done that way: `path` is no file of one name, or
 * it or `size` is more than one block (4096 bytes); the text there may then be half of each. So it may after a crash.
 */
int write_over(const char *path, const struct file_owner *owner, const void *data, size_t size);

#endif

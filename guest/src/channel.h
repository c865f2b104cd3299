/* The one way to the host: a virtio-serial port (hosted: a unix socket). */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "yamux.h"

/* Opens the channel (hosted: listens at `path`) and serves it from the loop. `hello` writes the answer's fields. */
void channel_start(const char *path, void (*request)(struct stream *, uint16_t, struct slice),
                   void (*hello)(struct writer *));

/* Waits up to `ms` for everything said so far to be taken by the host. For the moment before the machine goes. */
void channel_drain(int ms);

#endif

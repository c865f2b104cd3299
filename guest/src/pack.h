/* `pack`: a file or a tree as a stream of records. */
#ifndef PACK_H
#define PACK_H

#include "yamux.h"

void pack_open_stream(struct stream *s, struct slice payload);

#endif

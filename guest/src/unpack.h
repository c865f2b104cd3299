/* `unpack`: a stream of records as a file or a tree. */
#ifndef UNPACK_H
#define UNPACK_H

#include "yamux.h"

void unpack_open_stream(struct stream *s, struct slice payload);

#endif

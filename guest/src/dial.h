/* `dial`: a connection from inside the guest, for port forwarding. */
#ifndef DIAL_H
#define DIAL_H

#include "yamux.h"

void dial_open(struct stream *s, struct slice payload);

#endif

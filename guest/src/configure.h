/* `configure`: gives the machine its identity. */
#ifndef CONFIGURE_H
#define CONFIGURE_H

#include "yamux.h"

void configure_open(struct stream *s, struct slice payload);

#endif

/* `clock`. */
#ifndef CLOCK_H
#define CLOCK_H

#include "yamux.h"

void clock_open(struct stream *s, struct slice payload);

#endif

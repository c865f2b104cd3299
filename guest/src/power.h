/* `shutdown`, and everything else that ends the machine. */
#ifndef POWER_H
#define POWER_H

#include "request.h"
#include "yamux.h"

void shutdown_open(struct stream *s, struct slice payload);

/* Begins the end. Harmless when it has begun already. */
void power_begin(enum shutdown_how how);
/* The same in a moment, after which whoever asked has had its reply. */
void power_begin_soon(enum shutdown_how how);

#endif

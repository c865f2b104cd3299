/* `events`: what the host is told without asking. */
#ifndef EVENTS_H
#define EVENTS_H

#include "yamux.h"

void events_open(struct stream *s, struct slice payload);

/* Tells every events stream, and those that open later. `name` is a literal. Each name is told once. */
void event_raise(const char *name, const char *detail);

#endif

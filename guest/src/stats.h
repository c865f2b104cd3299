/* `stats` and `sync`. */
#ifndef STATS_H
#define STATS_H

#include "yamux.h"

void stats_open(struct stream *s, struct slice payload);
void sync_open(struct stream *s, struct slice payload);

#endif

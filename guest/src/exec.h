/* `exec`, `signal` and `resize`. */
#ifndef EXEC_H
#define EXEC_H

#include "yamux.h"

void exec_open(struct stream *s, struct slice payload);
void signal_open(struct stream *s, struct slice payload);
void resize_open(struct stream *s, struct slice payload);

/* SIGHUP for every session that runs, SIGKILL two seconds later: the machine is going down. */
void exec_hang_up_all(void);

#endif

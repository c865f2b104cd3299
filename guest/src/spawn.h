/* Starting a command: the child's side between fork and exec, where waiting for a file or a mount harms nobody else. */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

#include "request.h"

/* What a child that could not start its command sends through its error pipe, whole. */
struct spawn_failure {
    enum reason reason;
    int code;
    char text[256];
};

struct spawn {
    pid_t pid;   /* also its process group and session */
    int failure; /* ends without a byte once the command runs */
    int input, output,
        errors; /* this side's ends, not blocking; on a terminal the first two are its master, `errors` is -1 */
};

/* Starts `r`; -1 and errno when there are no descriptors or processes left. */
int spawn_command(const struct exec_request *r, struct spawn *out);

#endif

/* What the whole agent knows: set at boot and by `configure`. */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>

#include "yamux.h"

#define AGENT_VERSION "0.1.0"

struct agent {
    bool configured;
    bool is_init;       /* PID 1: reaps, and takes the machine down itself */
    const char *init;   /* `agent`, or the path of the image's init */
    const char *root;   /* hosted: the directory that `configure` writes under; else empty */
    int cgroup;         /* cgroup.procs of the cgroup for what is executed; -1: none */
    char **environment; /* `NAME=value`, from configure; ends with NULL */
};

extern struct agent agent;

/* The fields of the answer to a hello. */
void agent_hello(struct writer *w);

/* Opens the service that a request asks for (services.c). */
void agent_request(struct stream *s, uint16_t type, struct slice payload);

#endif

/* The files that `configure` writes: host name, hosts, resolver, machine id, and those it was given. */
#ifndef ETC_H
#define ETC_H

#include <stdbool.h>
#include <stddef.h>

#include "request.h"

void etc_configure(const struct configure_request *r);

/*
 * A new /etc/hosts: our block before the lines that were there, in place of an earlier block of ours. `added` are our
 * own lines. The size, or 0 when it does not fit.
 */
size_t merge_hosts(const char *old, const char *added, char *out, size_t capacity);

/*
 * Where a link at /etc/resolv.conf leads when it is one of those that daemons keep: to a file in /run. Any other (to a program, say) is none
 * that may be written through, and a file takes its place.
 */
bool resolver_target(const char *link, char *path, size_t capacity);

#endif

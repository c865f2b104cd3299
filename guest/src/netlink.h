/* The few rtnetlink(7) requests that the agent makes. Each gives 0, or -1 and errno. */
#ifndef NETLINK_H
#define NETLINK_H

#include "request.h"

int netlink_add_address(unsigned index, int family, const struct address *a);
/* All addresses of global scope on the interface, `keep` excepted. */
int netlink_remove_addresses(unsigned index, int family, const struct address *keep);
int netlink_add_default_route(unsigned index, int family, const struct address *a);

#endif

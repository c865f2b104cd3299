/* The network interface: address, routes, MAC, MTU, by rtnetlink(7). */
#ifndef NET_H
#define NET_H

#include "request.h"

/* Brings up the loopback interface, and the machine's own one with what the request says. Failures are warnings. */
void net_configure(const struct configure_request *r);

#endif

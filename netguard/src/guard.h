/* What one VM's network is: the only addresses the guest may use, and what it may see of its own subnet. */
#ifndef NETGUARD_GUARD_H
#define NETGUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* IPv4 side, addresses in host byte order. `dns` is 0 when no resolver is forwarded. */
struct guest4 {
    bool on;
    uint32_t address;
    uint32_t gateway;
    uint32_t dns;
    uint8_t prefix;
};

/* IPv6 side, addresses as on the wire. */
struct guest6 {
    bool on;
    bool has_dns;
    uint8_t address[16];
    uint8_t gateway[16];
    uint8_t dns[16];
    uint8_t prefix;
};

struct guard {
    uint8_t mac[6];
    uint8_t gateway_mac[6];
    struct guest4 v4;
    struct guest6 v6;
    /* Source ports a UDP datagram of the guest may have: those this host's kernel gives to clients. passt opens the
       same port on the host, so any other would let the guest take the port of a service. */
    uint16_t udp_port_low;
    uint16_t udp_port_high;
    /* False: nothing leaves and nothing comes in; the guest has a network card and no network. */
    bool outbound;
};

/* What this host would do with a packet to an address. */
enum route {
    ROUTE_AWAY,   /* it leaves by an interface */
    ROUTE_HERE,   /* it is delivered to this host: its own, anycast, broadcast, multicast, or by the loopback */
    ROUTE_NOWHERE /* there is no route, or a route that refuses */
};

/* Asks the host. `family` is AF_INET or AF_INET6, `address` has 4 or 16 bytes as on the wire. */
typedef enum route (*route_lookup)(void *context, int family, const uint8_t *address);

#endif

/* What becomes of a frame, and why: one table. */
#ifndef NETGUARD_REASON_H
#define NETGUARD_REASON_H

#include <stdbool.h>

/* How a refusal is treated. QUIET: expected noise of any network stack, counted but not logged. TELL: logged.
   PROHIBIT: logged, and the guest gets an ICMP "administratively prohibited", so that a connect fails at once. */
enum treatment { QUIET, TELL, PROHIBIT };

#define NETGUARD_REASONS(X)                                                                                          \
    X(PASS, "pass", QUIET, "goes to passt")                                                                          \
    X(ANSWER_ARP, "answer_arp", QUIET, "answered here")                                                              \
    X(ANSWER_NDP, "answer_ndp", QUIET, "answered here")                                                              \
    X(NEIGHBOUR, "neighbour", QUIET, "no such neighbour: the guest is alone on its subnet")                          \
    X(MULTICAST, "multicast", QUIET, "multicast and broadcast reach nobody")                                         \
    X(SHORT_FRAME, "short_frame", TELL, "shorter than an Ethernet header")                                           \
    X(LONG_FRAME, "long_frame", TELL, "longer than the network's MTU")                                               \
    X(ETHERTYPE, "ethertype", TELL, "neither ARP, IPv4 nor IPv6 (VLAN tags included)")                               \
    X(FAMILY_OFF, "family_off", QUIET, "this network has no such IP version")                                        \
    X(SOURCE_MAC, "source_mac", TELL, "the source MAC address is not the VM's own")                                  \
    X(SOURCE_ADDRESS, "source_address", TELL, "the source address is not the VM's own")                              \
    X(MALFORMED, "malformed", TELL, "header and frame disagree about version or length")                             \
    X(OPTIONS, "options", TELL, "IPv4 options or an IPv6 extension header")                                          \
    X(FRAGMENT, "fragment", TELL, "a fragment, whose ports cannot be seen")                                          \
    X(PROTOCOL, "protocol", PROHIBIT, "neither TCP, UDP nor an ICMP echo request")                                   \
    X(SOURCE_PORT, "source_port", PROHIBIT, "the UDP source port is one of the host's service ports")                \
    X(LOOPBACK, "loopback", PROHIBIT, "a loopback or unspecified address")                                           \
    X(LINK_LOCAL, "link_local", PROHIBIT, "a link-local address")                                                    \
    X(METADATA, "metadata", PROHIBIT, "a cloud's metadata address, or a service of the host at a known address")     \
    X(TRANSITION, "transition", PROHIBIT, "an IPv6 address with an IPv4 address inside")                             \
    X(RESERVED, "reserved", PROHIBIT, "an address that is not for use")                                              \
    X(OWN_SUBNET, "own_subnet", PROHIBIT, "the network's own subnet, where only DNS (UDP 53) answers")               \
    X(HOST_ADDRESS, "host_address", PROHIBIT, "an address of this host")                                             \
    X(NO_ROUTE, "no_route", PROHIBIT, "this host has no route there")                                                \
    X(NO_OUTBOUND, "no_outbound", PROHIBIT, "this VM has no outbound network")                                       \
    X(UNSOLICITED, "unsolicited", TELL, "a UDP datagram from an address the guest did not send to")

enum reason {
#define X(id, name, treatment, text) id,
    NETGUARD_REASONS(X)
#undef X
    REASON_COUNT
};

struct reason_row {
    const char *name;
    enum treatment treatment;
    const char *text;
};

/* The table, indexed by `enum reason`. */
extern const struct reason_row reasons[REASON_COUNT];

#endif

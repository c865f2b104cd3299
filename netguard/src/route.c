#include "route.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"

/* The loopback interface has this index in every network namespace (the kernel's LOOPBACK_IFINDEX). */
#define LOOPBACK_INTERFACE 1

/* A route query is answered within the send call; this only bounds a kernel that never answers. */
static const struct timeval answer_wait = {.tv_sec = 1};

static int netlink_socket(int flags)
{
    struct sockaddr_nl self = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&self, sizeof self) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool routes_open(struct routes *routes)
{
    static const int groups[] = {RTNLGRP_LINK,        RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
                                 RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV6_RULE};

    memset(routes, 0, sizeof *routes);
    routes->query_fd = netlink_socket(0);
    routes->change_fd = netlink_socket(SOCK_NONBLOCK);
    if (routes->query_fd < 0 || routes->change_fd < 0)
        return false;
    for (unsigned i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (setsockopt(routes->change_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) != 0)
            return false;
    return setsockopt(routes->query_fd, SOL_SOCKET, SO_RCVTIMEO, &answer_wait, sizeof answer_wait) == 0;
}

void routes_refresh(struct routes *routes)
{
    char message[8192];
    bool changed = false;

    /* ENOBUFS (announcements were lost) counts as a change. */
    while (recv(routes->change_fd, message, sizeof message, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
        changed = true;
    if (changed)
        memset(routes->slots, 0, sizeof routes->slots);
}

/* Reads one RTM_NEWROUTE. Only a unicast route by a real interface leads away from this host. */
static enum route read_route(const struct nlmsghdr *message)
{
    const struct rtmsg *route = NLMSG_DATA(message);
    const struct rtattr *attribute = RTM_RTA(route);
    int length = (int)RTM_PAYLOAD(message);
    uint32_t interface = 0;

    for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
        if (attribute->rta_type == RTA_OIF && RTA_PAYLOAD(attribute) == sizeof interface)
            memcpy(&interface, RTA_DATA(attribute), sizeof interface);
    switch (route->rtm_type) {
    case RTN_UNICAST:
        if (interface == 0)
            return ROUTE_NOWHERE;
        return interface == LOOPBACK_INTERFACE ? ROUTE_HERE : ROUTE_AWAY;
    case RTN_LOCAL:
    case RTN_BROADCAST:
    case RTN_ANYCAST:
    case RTN_MULTICAST:
        return ROUTE_HERE;
    default:
        return ROUTE_NOWHERE;
    }
}

/* RTM_GETROUTE for one destination (rtnetlink(7)): the same decision that connect() and sendto() take. */
static enum route ask(struct routes *routes, int family, const uint8_t *address)
{
    size_t bytes = family == AF_INET ? 4 : 16;
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
        struct rtattr destination;
        uint8_t address[16];
    } query = {
        .header = {.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(struct rtmsg)) + RTA_LENGTH(bytes)),
                   .nlmsg_type = RTM_GETROUTE,
                   .nlmsg_flags = NLM_F_REQUEST,
                   .nlmsg_seq = ++routes->sequence},
        .route = {.rtm_family = (unsigned char)family, .rtm_dst_len = (unsigned char)(bytes * 8)},
        .destination = {.rta_len = (unsigned short)RTA_LENGTH(bytes), .rta_type = RTA_DST},
    };
    _Alignas(struct nlmsghdr) char buffer[4096];

    memcpy(query.address, address, bytes);
    if (send(routes->query_fd, &query, query.header.nlmsg_len, 0) < 0)
        return ROUTE_NOWHERE;
    for (;;) {
        ssize_t length = recv(routes->query_fd, buffer, sizeof buffer, 0);
        const struct nlmsghdr *answer = (const struct nlmsghdr *)buffer;

        if (length < 0)
            return ROUTE_NOWHERE;
        /* An answer that came after its wait had ended belongs to another address: read on. */
        if (!NLMSG_OK(answer, (size_t)length) || answer->nlmsg_seq != routes->sequence)
            continue;
        if (answer->nlmsg_type != RTM_NEWROUTE || answer->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtmsg)))
            return ROUTE_NOWHERE;
        return read_route(answer);
    }
}

static struct route_slot *slot_of(struct routes *routes, int family, const uint8_t *address, size_t bytes)
{
    uint32_t hash = 2166136261u ^ (uint32_t)family; /* FNV-1a */

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ address[i]) * 16777619u;
    return &routes->slots[(hash ^ hash >> 16) % ROUTE_SLOTS];
}

enum route routes_lookup(void *context, int family, const uint8_t *address)
{
    struct routes *routes = context;
    size_t bytes = family == AF_INET ? 4 : 16;
    struct route_slot *slot = slot_of(routes, family, address, bytes);
    int64_t now = clock_ms();

    if (slot->family == family && now < slot->until_ms && memcmp(slot->address, address, bytes) == 0)
        return slot->route;
    slot->route = ask(routes, family, address);
    slot->family = family;
    slot->until_ms = now + ROUTE_KEEP_MS;
    memcpy(slot->address, address, bytes);
    return slot->route;
}

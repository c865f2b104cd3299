#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Addresses of one interface; more than it ever has of ours. */
#define REMOVE_MAX 32

struct message {
    struct nlmsghdr head;
    union {
        struct ifaddrmsg address;
        struct rtmsg route;
    } body;
    uint8_t attributes[256];
};

static size_t address_size(int family) { return family == AF_INET ? 4 : 16; }

static void begin(struct message *m, uint16_t type, uint16_t flags, size_t body) {
    *m = (struct message){
        .head = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = 1}};
    m->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void add(struct message *m, uint16_t type, const void *data, size_t size) {
    struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)m + NLMSG_ALIGN(m->head.nlmsg_len));
    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int open_netlink(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

/* Sends one request and waits for its acknowledgement. */
static int ask(struct message *m) {
    union {
        struct nlmsghdr head;
        uint8_t bytes[4096];
    } reply;
    m->head.nlmsg_flags |= NLM_F_ACK;
    int fd = open_netlink(), code = EIO;
    if (fd < 0) return -1;
    if (send(fd, m, m->head.nlmsg_len, 0) < 0) {
        code = errno;
    } else {
        ssize_t n = recv(fd, &reply, sizeof reply, 0);
        if (n >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) && reply.head.nlmsg_type == NLMSG_ERROR)
            code = -((struct nlmsgerr *)NLMSG_DATA(&reply.head))->error;
    }
    close(fd);
    errno = code;
    return code ? -1 : 0;
}

int netlink_add_address(unsigned index, int family, const struct address *a) {
    struct message m;
    begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof m.body.address);
    m.body.address = (struct ifaddrmsg){
        .ifa_family = (uint8_t)family, .ifa_prefixlen = a->prefix, .ifa_index = index};
    /* No duplicate address detection: it takes a second, and the host gave the address to nobody else. */
    if (family == AF_INET6) m.body.address.ifa_flags = IFA_F_NODAD;
    add(&m, IFA_LOCAL, a->ip, address_size(family));
    add(&m, IFA_ADDRESS, a->ip, address_size(family));
    if (family == AF_INET && a->prefix < 31) {
        uint8_t broadcast[4];
        write_u32(broadcast, read_u32(a->ip) | (a->prefix ? (1u << (32 - a->prefix)) - 1 : UINT32_MAX));
        add(&m, IFA_BROADCAST, broadcast, 4);
    }
    return ask(&m);
}

int netlink_add_default_route(unsigned index, int family, const struct address *a) {
    struct message m;
    begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof m.body.route);
    /* ONLINK: the gateway need not lie in the prefix of the address. */
    m.body.route = (struct rtmsg){.rtm_family = (uint8_t)family,
                                  .rtm_table = RT_TABLE_MAIN,
                                  .rtm_protocol = RTPROT_STATIC,
                                  .rtm_scope = RT_SCOPE_UNIVERSE,
                                  .rtm_type = RTN_UNICAST,
                                  .rtm_flags = RTNH_F_ONLINK};
    add(&m, RTA_GATEWAY, a->gateway, address_size(family));
    add(&m, RTA_OIF, &index, sizeof index);
    return ask(&m);
}

/* The value of an attribute of an address, or NULL. */
static const uint8_t *find_attribute(struct nlmsghdr *head, uint16_t type, size_t size) {
    struct rtattr *a = IFA_RTA((struct ifaddrmsg *)NLMSG_DATA(head));
    int left = (int)IFA_PAYLOAD(head);
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == type && RTA_PAYLOAD(a) == size) return RTA_DATA(a);
    return NULL;
}

struct removal {
    uint8_t ip[16], prefix;
};

/* Collects from one part of a dump; false at its end. */
static bool collect(struct nlmsghdr *head, ssize_t size, unsigned index, int family, struct removal *list,
                    size_t *count) {
    for (; NLMSG_OK(head, (uint32_t)size); head = NLMSG_NEXT(head, size)) {
        if (head->nlmsg_type != RTM_NEWADDR) return false;
        struct ifaddrmsg *m = NLMSG_DATA(head);
        const uint8_t *ip = find_attribute(head, family == AF_INET ? IFA_LOCAL : IFA_ADDRESS,
                                           address_size(family));
        if (m->ifa_index != index || m->ifa_family != family || m->ifa_scope != RT_SCOPE_UNIVERSE || !ip)
            continue;
        if (*count == REMOVE_MAX) return false;
        memcpy(list[*count].ip, ip, address_size(family));
        list[(*count)++].prefix = m->ifa_prefixlen;
    }
    return true;
}

static int list_addresses(unsigned index, int family, struct removal *list, size_t *count) {
    struct message m;
    static union {
        struct nlmsghdr head;
        uint8_t bytes[32768];
    } reply;
    int fd = open_netlink();
    if (fd < 0) return -1;
    begin(&m, RTM_GETADDR, NLM_F_DUMP, sizeof m.body.address);
    m.body.address.ifa_family = (uint8_t)family;
    ssize_t n = send(fd, &m, m.head.nlmsg_len, 0);
    while (n > 0) {
        n = recv(fd, &reply, sizeof reply, 0);
        if (n <= 0 || !collect(&reply.head, n, index, family, list, count)) break;
    }
    int code = errno;
    close(fd);
    errno = code;
    return n < 0 ? -1 : 0;
}

int netlink_remove_addresses(unsigned index, int family, const struct address *keep) {
    struct removal list[REMOVE_MAX];
    size_t count = 0, size = address_size(family);
    if (list_addresses(index, family, list, &count) < 0) return -1;
    for (size_t i = 0; i < count; i++) {
        struct message m;
        if (memcmp(list[i].ip, keep->ip, size) == 0 && list[i].prefix == keep->prefix) continue;
        begin(&m, RTM_DELADDR, 0, sizeof m.body.address);
        m.body.address = (struct ifaddrmsg){
            .ifa_family = (uint8_t)family, .ifa_prefixlen = list[i].prefix, .ifa_index = index};
        add(&m, IFA_LOCAL, list[i].ip, size);
        if (ask(&m) < 0) return -1;
    }
    return 0;
}

#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net/if_arp.h>

#include "agent.h"
#include "netlink.h"
#include "warn.h"

static int control = -1; /* any socket: interface ioctls go through it */

static bool interface_flags(const char *name, short add, short remove) {
    struct ifreq q = {0};
    snprintf(q.ifr_name, sizeof q.ifr_name, "%s", name);
    if (ioctl(control, SIOCGIFFLAGS, &q) < 0) return false;
    q.ifr_flags = (short)((q.ifr_flags | add) & ~remove);
    return ioctl(control, SIOCSIFFLAGS, &q) == 0;
}

static bool has_mac(const char *name, const uint8_t mac[6]) {
    struct ifreq q = {0};
    snprintf(q.ifr_name, sizeof q.ifr_name, "%s", name);
    return ioctl(control, SIOCGIFHWADDR, &q) == 0 && q.ifr_hwaddr.sa_family == ARPHRD_ETHER &&
           memcmp(q.ifr_hwaddr.sa_data, mac, 6) == 0;
}

static bool is_ethernet(const char *name) {
    struct ifreq q = {0};
    snprintf(q.ifr_name, sizeof q.ifr_name, "%s", name);
    return ioctl(control, SIOCGIFHWADDR, &q) == 0 && q.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

static bool set_mac(const char *name, const uint8_t mac[6]) {
    struct ifreq q = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};
    snprintf(q.ifr_name, sizeof q.ifr_name, "%s", name);
    memcpy(q.ifr_hwaddr.sa_data, mac, 6);
    interface_flags(name, 0, IFF_UP);
    return ioctl(control, SIOCSIFHWADDR, &q) == 0;
}

static bool set_mtu(const char *name, uint32_t mtu) {
    struct ifreq q = {.ifr_mtu = (int)mtu};
    snprintf(q.ifr_name, sizeof q.ifr_name, "%s", name);
    return ioctl(control, SIOCSIFMTU, &q) == 0;
}

/* The kernel numbers interfaces, and the loopback is the first: what comes next is a machine's only NIC. */
static bool first_nic(char name[IFNAMSIZ]) {
    struct ifreq q = {.ifr_ifindex = 2};
    if (ioctl(control, SIOCGIFNAME, &q) < 0) return false;
    snprintf(name, IFNAMSIZ, "%s", q.ifr_name);
    return true;
}

/*
 * The interface with the MAC of the request; else the only one, which gets it. Their names are those of a directory: if_nameindex(3) asks
 * the kernel for all that it knows of each. To list that takes 10 ms under emulation, so the likely one is looked at first.
 */
static bool find_interface(const struct configure_request *r, char name[IFNAMSIZ]) {
    if (r->has_mac && first_nic(name) && has_mac(name, r->mac)) return true;
    DIR *all = opendir("/sys/class/net");
    int ethernets = 0;
    bool found = false;
    for (struct dirent *one; all && !found && (one = readdir(all));) {
        if (*one->d_name == '.' || strlen(one->d_name) >= IFNAMSIZ || !is_ethernet(one->d_name)) continue;
        ethernets++;
        strcpy(name, one->d_name);
        found = r->has_mac && has_mac(name, r->mac);
    }
    if (all) closedir(all);
    if (found) return true;
    if (ethernets != 1) return false;
    if (r->has_mac && !set_mac(name, r->mac)) configure_warn("%s: mac: %s", name, strerror(errno));
    return true;
}

/* Nobody has given an address to a machine whose first process we are, before it is configured; to look takes 10 ms under emulation. */
static bool has_none(void) { return agent.is_init && !agent.configured; }

static void set_address(unsigned index, int family, const struct address *a) {
    if (!a->given) return;
    if ((!has_none() && netlink_remove_addresses(index, family, a) < 0) ||
        netlink_add_address(index, family, a) < 0)
        configure_warn("address: %s", strerror(errno));
}

/* A gateway of zeros is none. The address must be there, and the interface up, before. */
static void set_gateway(unsigned index, int family, const struct address *a) {
    static const uint8_t none[16];
    if (!a->given || memcmp(a->gateway, none, family == AF_INET ? 4 : 16) == 0) return;
    if (netlink_add_default_route(index, family, a) < 0) configure_warn("route: %s", strerror(errno));
}

void net_configure(const struct configure_request *r) {
    char name[IFNAMSIZ];
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return configure_warn("network: %s", strerror(errno));
    if (!interface_flags("lo", IFF_UP, 0)) configure_warn("lo: %s", strerror(errno));
    if (!r->has_mac && !r->ipv4.given && !r->ipv6.given && !r->mtu) return;
    if (!find_interface(r, name)) return configure_warn("network: there is no interface with this address");
    unsigned index = if_nametoindex(name);
    if (r->mtu && !set_mtu(name, r->mtu)) configure_warn("%s: mtu: %s", name, strerror(errno));
    set_address(index, AF_INET, &r->ipv4);
    if (!interface_flags(name, IFF_UP, 0)) configure_warn("%s: %s", name, strerror(errno));
    set_address(index, AF_INET6, &r->ipv6);
    set_gateway(index, AF_INET, &r->ipv4);
    set_gateway(index, AF_INET6, &r->ipv6);
}

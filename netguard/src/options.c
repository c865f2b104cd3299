#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "denied.h"
#include "journal.h"
#include "wire.h"

const char usage[] =
    "usage: netguard --socket PATH --control PATH --mac MAC --gateway-mac MAC\n"
    "                [--address4 ADDRESS/PREFIX --gateway4 ADDRESS [--dns4 ADDRESS]]\n"
    "                [--address6 ADDRESS/PREFIX --gateway6 ADDRESS [--dns6 ADDRESS]]\n"
    "                --passt PATH --interface NAME [--udp-ports LOW-HIGH] [--closed]\n"
    "\n"
    "Filters one VM's network between QEMU (-netdev stream,server=on at PATH) and passt. With --closed nothing leaves, until the\n"
    "word is given on the control socket.\n";

/* Linux's own ip_local_port_range: what a guest's kernel takes, and most hosts. */
#define CLIENT_PORTS_LOW 32768
#define CLIENT_PORTS_HIGH 60999

static bool read_mac(const char *text, uint8_t *mac)
{
    unsigned bytes[6];
    int used = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5],
               &used) != 6 ||
        text[used] != '\0')
        return false;
    for (int i = 0; i < 6; i++)
        mac[i] = (uint8_t)bytes[i];
    return (mac[0] & 1) == 0;
}

static bool read4(const char *text, uint32_t *address)
{
    uint8_t bytes[4];

    if (inet_pton(AF_INET, text, bytes) != 1)
        return false;
    *address = be32(bytes);
    return true;
}

/* Splits ADDRESS/PREFIX; `address` has room for INET6_ADDRSTRLEN. */
static bool read_prefix(const char *text, char *address, long low, long high, uint8_t *prefix)
{
    const char *slash = strchr(text, '/');
    char *end;
    long value;

    if (slash == NULL || slash - text >= INET6_ADDRSTRLEN)
        return false;
    value = strtol(slash + 1, &end, 10);
    if (end == slash + 1 || *end != '\0' || value < low || value > high)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    *prefix = (uint8_t)value;
    return true;
}

static bool read_ports(const char *text, struct guard *guard)
{
    unsigned low, high;
    int used = 0;

    if (sscanf(text, "%5u-%5u%n", &low, &high, &used) != 2 || text[used] != '\0' || low < 1 || high > 65535 || low > high)
        return false;
    guard->udp_port_low = (uint16_t)low;
    guard->udp_port_high = (uint16_t)high;
    return true;
}

/* The ports of this host's clients, and those of the guest's: an administrator may have moved the first. */
static void default_ports(struct guard *guard)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned low = CLIENT_PORTS_LOW, high = CLIENT_PORTS_HIGH;

    guard->udp_port_low = CLIENT_PORTS_LOW;
    guard->udp_port_high = CLIENT_PORTS_HIGH;
    if (file == NULL)
        return;
    if (fscanf(file, "%5u %5u", &low, &high) == 2 && low >= 1 && high <= 65535 && low <= high) {
        guard->udp_port_low = low < CLIENT_PORTS_LOW ? (uint16_t)low : CLIENT_PORTS_LOW;
        guard->udp_port_high = high > CLIENT_PORTS_HIGH ? (uint16_t)high : CLIENT_PORTS_HIGH;
    }
    fclose(file);
}

/* The gateway and the resolver must lie in the subnet, apart from the guest: the filter's exceptions rest on it. */
static bool consistent(const struct options *options)
{
    const struct guest4 *v4 = &options->guard.v4;
    const struct guest6 *v6 = &options->guard.v6;

    if (v4->on && (v4->gateway == 0 || v4->gateway == v4->address || v4->dns == v4->address || v4->dns == v4->gateway ||
                   (v4->address ^ v4->gateway) >> (32 - v4->prefix) != 0 ||
                   (v4->dns != 0 && (v4->address ^ v4->dns) >> (32 - v4->prefix) != 0) || denied4(v4->address) != PASS))
        return false;
    if (v6->on && (!same_prefix6(v6->address, v6->gateway, v6->prefix) || memcmp(v6->address, v6->gateway, 16) == 0 ||
                   (v6->has_dns && (!same_prefix6(v6->address, v6->dns, v6->prefix) ||
                                    memcmp(v6->dns, v6->address, 16) == 0 || memcmp(v6->dns, v6->gateway, 16) == 0)) ||
                   denied6(v6->address) != PASS))
        return false;
    return v4->on || v6->on;
}

static bool read_option(struct options *options, int option, const char *value)
{
    char address[INET6_ADDRSTRLEN];
    struct guard *guard = &options->guard;

    switch (option) {
    case 's':
        options->socket = value;
        return true;
    case 'c':
        options->control = value;
        return true;
    case 'x':
        guard->outbound = false;
        return true;
    case 'p':
        options->passt = value;
        return value[0] == '/';
    case 'i':
        options->interface = value;
        return value[0] != '\0' && strlen(value) < IFNAMSIZ;
    case 'm':
        return read_mac(value, guard->mac);
    case 'M':
        return read_mac(value, guard->gateway_mac);
    case 'a':
        guard->v4.on = true;
        return read_prefix(value, address, 8, 30, &guard->v4.prefix) && read4(address, &guard->v4.address);
    case 'g':
        return read4(value, &guard->v4.gateway);
    case 'd':
        return read4(value, &guard->v4.dns) && guard->v4.dns != 0;
    case 'A':
        guard->v6.on = true;
        return read_prefix(value, address, 8, 126, &guard->v6.prefix) &&
               inet_pton(AF_INET6, address, guard->v6.address) == 1;
    case 'G':
        return inet_pton(AF_INET6, value, guard->v6.gateway) == 1;
    case 'D':
        guard->v6.has_dns = true;
        return inet_pton(AF_INET6, value, guard->v6.dns) == 1;
    case 'u':
        return read_ports(value, guard);
    default:
        return false;
    }
}

bool options_read(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"socket", required_argument, NULL, 's'},   {"passt", required_argument, NULL, 'p'},
        {"mac", required_argument, NULL, 'm'},      {"gateway-mac", required_argument, NULL, 'M'},
        {"address4", required_argument, NULL, 'a'}, {"gateway4", required_argument, NULL, 'g'},
        {"dns4", required_argument, NULL, 'd'},     {"address6", required_argument, NULL, 'A'},
        {"gateway6", required_argument, NULL, 'G'}, {"dns6", required_argument, NULL, 'D'},
        {"control", required_argument, NULL, 'c'},  {"closed", no_argument, NULL, 'x'},
        {"udp-ports", required_argument, NULL, 'u'}, {"interface", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    bool mac = false, gateway_mac = false;
    int option;

    memset(options, 0, sizeof *options);
    options->guard.outbound = true;
    default_ports(&options->guard);
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == '?') {
            say("unknown option, or no value: %s", argv[optind - 1]);
            return false;
        }
        if (!read_option(options, option, optarg)) {
            say("not a usable value: %s", optarg);
            return false;
        }
        mac |= option == 'm';
        gateway_mac |= option == 'M';
    }
    if (optind != argc || options->socket == NULL || options->control == NULL || !mac || !gateway_mac ||
        options->passt == NULL || options->interface == NULL) {
        say("--socket, --control, --mac, --gateway-mac, --passt and --interface are needed, and nothing but options");
        return false;
    }
    if (!consistent(options)) {
        say("addresses, gateways and resolvers do not fit together");
        return false;
    }
    return true;
}

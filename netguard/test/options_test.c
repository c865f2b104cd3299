#include "options.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "check.h"
#include "frames.h"

static struct options options;

/* Reads a command line given as words that end with NULL. */
static bool reads(const char *const *words)
{
    char *argv[40] = {(char *)(uintptr_t) "netguard"};
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    optind = 0; /* glibc: start anew */
    return options_read(&options, argc, argv);
}

#define MACS "--mac", "52:54:00:12:34:56", "--gateway-mac", "52:54:00:62:6e:67"
#define PASST "--passt", "/usr/bin/passt", "--interface", "eth0"
#define BASE "--socket", "/s", "--control", "/c", MACS, PASST
#define V4 "--address4", "10.0.2.15/24", "--gateway4", "10.0.2.2"
#define READS(...) reads((const char *const[]){__VA_ARGS__, NULL})

static void check_good(void)
{
    CHECK(READS(BASE, V4, "--dns4", "10.0.2.3", "--address6", "fd62::f/64", "--gateway6", "fd62::2", "--dns6", "fd62::3",
                "--udp-ports", "1000-2000"));
    CHECK(strcmp(options.socket, "/s") == 0 && strcmp(options.control, "/c") == 0);
    CHECK(strcmp(options.interface, "eth0") == 0 && strcmp(options.passt, "/usr/bin/passt") == 0);
    CHECK(memcmp(options.guard.mac, guest_mac, 6) == 0 && memcmp(options.guard.gateway_mac, gateway_mac, 6) == 0);
    CHECK(options.guard.v4.on && options.guard.v4.address == ip4("10.0.2.15") && options.guard.v4.prefix == 24);
    CHECK(options.guard.v4.gateway == ip4("10.0.2.2") && options.guard.v4.dns == ip4("10.0.2.3"));
    CHECK(options.guard.v6.on && options.guard.v6.has_dns && options.guard.v6.prefix == 64);
    CHECK(options.guard.udp_port_low == 1000 && options.guard.udp_port_high == 2000 && options.guard.outbound);
    CHECK(READS(BASE, V4));
    CHECK(options.guard.outbound && !options.guard.v6.on && options.guard.udp_port_low > 0);
    CHECK(READS(BASE, V4, "--closed"));
    CHECK(!options.guard.outbound);
}

static void check_bad(void)
{
    CHECK(!READS(BASE));
    CHECK(!READS(V4));
    CHECK(!READS(BASE, V4, "--nonsense", "1"));
    CHECK(!READS(BASE, V4, "word"));
    CHECK(!READS("--socket", "/s", MACS, PASST, V4));
    CHECK(!READS("--control", "/c", MACS, PASST, V4));
    CHECK(!READS("--socket", "/s", "--control", "/c", MACS, V4));
    CHECK(!READS("--socket", "/s", "--control", "/c", MACS, V4, "--passt", "/usr/bin/passt"));
    CHECK(!READS("--socket", "/s", "--control", "/c", MACS, V4, "--interface", "eth0"));
    CHECK(!READS(BASE, V4, "--passt", "passt"));
    CHECK(!READS(BASE, V4, "--closed=yes"));
    CHECK(!READS(BASE, V4, "--mac", "52:54:00:12:34"));
    CHECK(!READS(BASE, V4, "--mac", "52:54:00:12:34:56:78"));
    CHECK(!READS(BASE, V4, "--mac", "01:54:00:12:34:56")); /* a group address */
    CHECK(!READS(BASE, V4, "--dns4", "10.0.3.3"));
    CHECK(!READS(BASE, V4, "--dns4", "10.0.2.15"));
    CHECK(!READS(BASE, V4, "--dns4", "10.0.2.2"));
    CHECK(!READS(BASE, V4, "--dns4", "0.0.0.0"));
    CHECK(!READS(BASE, V4, "--gateway4", "10.0.3.2"));
    CHECK(!READS(BASE, V4, "--address4", "10.0.2.15"));
    CHECK(!READS(BASE, V4, "--address4", "10.0.2.15/33"));
    CHECK(!READS(BASE, V4, "--address4", "10.0.2.15/"));
    CHECK(!READS(BASE, V4, "--address4", "10.0.2.15/24x"));
    CHECK(!READS(BASE, V4, "--address4", "10.0.2.2/24"));
    CHECK(!READS(BASE, "--address4", "127.0.0.5/24", "--gateway4", "127.0.0.2"));
    CHECK(!READS(BASE, "--address6", "fe80::f/64", "--gateway6", "fe80::2"));
    CHECK(!READS(BASE, "--address6", "fd62::f/64"));
    CHECK(!READS(BASE, "--address6", "fd62::f/64", "--gateway6", "fd63::2"));
    CHECK(!READS(BASE, V4, "--udp-ports", "0-10"));
    CHECK(!READS(BASE, V4, "--udp-ports", "20-10"));
    CHECK(!READS(BASE, V4, "--udp-ports", "1-65536"));
    CHECK(!READS(BASE, V4, "--udp-ports"));
}

int main(void)
{
    int real = dup(STDERR_FILENO);
    int null = open("/dev/null", O_WRONLY);

    check_good();
    dup2(null, STDERR_FILENO); /* the complaints */
    check_bad();
    dup2(real, STDERR_FILENO);
    return finish("options");
}

/* Parsers of text that the guest's files and kernel give. */
#include <string.h>

#include "../src/cmdline.h"
#include "../src/etc.h"
#include "../src/fstab.h"
#include "../src/ports.h"
#include "../src/processes.h"
#include "../src/systemd.h"
#include "check.h"

static void command_line(void) {
    struct cmdline c;
    EXPECT(cmdline_parse("console=ttyS0 quiet banger.init=/sbin/init banger.root=r banger.work=work banger.modules=m\n", &c));
    EXPECT(strcmp(c.init, "/sbin/init") == 0 && strcmp(c.root, "r") == 0 && strcmp(c.work, "work") == 0);
    EXPECT(strcmp(c.modules, "m") == 0);
    EXPECT(cmdline_parse("", &c) && strcmp(c.init, "agent") == 0 && strcmp(c.root, "root") == 0 && !*c.work && !*c.modules);
    EXPECT(!cmdline_parse("banger.init=relative", &c));
    EXPECT(!cmdline_parse("banger.root=", &c));
    EXPECT(!cmdline_parse("banger.root=012345678901234567890123456789", &c));
}

static void process_stat(void) {
    char state;
    pid_t session;
    EXPECT(stat_line("12 (a b) c) (d)) S 1 12 13 0 -1", &state, &session) && state == 'S' && session == 13);
    EXPECT(!stat_line("12 (a", &state, &session) && !stat_line("", &state, &session));
}

static void listeners(void) {
    struct listener l;
    static const uint8_t local[4] = {127, 0, 0, 1};
    EXPECT(listener_line("   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  "
                         "      0 12345 1 x",
                         1, &l));
    EXPECT(l.port == 22 && l.address_size == 4 && memcmp(l.address, local, 4) == 0 && l.inode == 12345);
    EXPECT(!listener_line("   0: 0100007F:0016 00000000:0000 01 00000000:00000000 00:00000000 00000000     0 "
                          "       0 12345 1 x",
                          1, &l));
    EXPECT(!listener_line(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", 1,
        &l));
    EXPECT(!listener_line(
        "   0: 0100007:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 x",
        1, &l));
}

static void fstab(void) {
    struct fstab_entry e;
    EXPECT(!fstab_line("# comment here now\n", &e) && !fstab_line("\n", &e) &&
           !fstab_line("LABEL=x /y\n", &e));
    EXPECT(fstab_line("UUID=1 /a\\040b ext4 defaults 0 2\n", &e) && strcmp(e.target, "/a b") == 0 &&
           fstab_needs_device(&e));
    EXPECT(fstab_line("tmpfs /tmp tmpfs", &e) && !fstab_needs_device(&e));
    EXPECT(fstab_line("/srv/x /y none bind\\0", &e) && !fstab_needs_device(&e));
}

static void unit_names(void) {
    char name[64];
    EXPECT(systemd_unit_name("/boot/efi/", ".mount", name, sizeof name) &&
           strcmp(name, "boot-efi.mount") == 0);
    EXPECT(systemd_unit_name("/a b/.c-d", ".mount", name, sizeof name) &&
           strcmp(name, "a\\x20b-.c\\x2dd.mount") == 0);
    EXPECT(!systemd_unit_name("/", ".mount", name, sizeof name));
    EXPECT(!systemd_unit_name("/0123456789012345678901234567890123456789012345678901234567890123456789",
                              ".mount", name, sizeof name));
}

static void hosts(void) {
    char once[1024], twice[1024], small[64];
    EXPECT(merge_hosts("1.2.3.4 mine\nlast", "127.0.0.1 localhost\n", once, sizeof once) > 0);
    EXPECT(strstr(once, "127.0.0.1 localhost\n") < strstr(once, "1.2.3.4 mine\n") && strstr(once, "last"));
    EXPECT(merge_hosts(once, "127.0.0.1 localhost\n", twice, sizeof twice) > 0 && strcmp(once, twice) == 0);
    EXPECT(merge_hosts(once, "127.0.0.1 localhost\n", small, sizeof small) == 0);
}

static void resolver_links(void) {
    static const char *const kept[][2] = {
        {"../run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/stub-resolv.conf"},
        {"/run/x", "/run/x"},
        {"../var/run/NetworkManager/resolv.conf", "/var/run/NetworkManager/resolv.conf"}};
    static const char *const others[] = {"", "/bin/sh", "../usr/bin/env", "run/x", "x", "/run/../bin/sh", "../run/../bin/sh",
                                         "/runs/x", "/dev/vda", "/proc/sysrq-trigger", "../.."};
    char path[100], small[8];
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        EXPECT(resolver_target(kept[i][0], path, sizeof path) && strcmp(path, kept[i][1]) == 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        EXPECT(!resolver_target(others[i], path, sizeof path));
    EXPECT(!resolver_target(kept[0][0], small, sizeof small));
}

void text_tests(void) {
    test("the kernel command line", command_line);
    test("lines of /proc/PID/stat", process_stat);
    test("lines of /proc/net", listeners);
    test("lines of fstab", fstab);
    test("names of systemd units", unit_names);
    test("/etc/hosts is merged", hosts);
    test("links at /etc/resolv.conf", resolver_links);
}

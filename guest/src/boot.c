#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "cmdline.h"
#include "events.h"
#include "grow.h"
#include "init.h"
#include "log.h"
#include "loop.h"
#include "modules.h"
#include "mounts.h"
#include "power.h"
#include "warm.h"

/* glibc's SIGRTMIN, which programs that signal PID 1 count from; musl's is another. */
#define RTMIN 34

static struct cmdline cmdline;

static void open_console(void) {
    int fd;
    while ((fd = open("/dev/console", O_RDWR | O_NOCTTY)) >= 0 && fd <= STDERR_FILENO) continue;
    if (fd < 0) return;
    log_open(fcntl(fd, F_DUPFD_CLOEXEC, 10));
    close(fd);
}

static void read_cmdline(void) {
    char text[4096];
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    if (!cmdline_parse(text, &cmdline)) fatal("the kernel command line is malformed: %s", text);
}

/* An image without an init has no such commands either; those that exist come first in PATH. */
static void offer_commands(void) {
    static const char *const names[] = {"poweroff", "reboot", "halt", "shutdown"};
    mkdir("/run/banger/bin", 0755);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/run/banger/bin/%s", names[i]);
        if (symlink("/run/banger/agent", path) < 0) log_errno(path);
    }
}

/* PID 1 is asked as BusyBox's init and systemd are. A halted machine looks like one that hangs: halt is power-off. */
static void asked_by_signal(int number) {
    bool again = number == SIGTERM || number == RTMIN + 5;
    power_begin_soon(again ? SHUTDOWN_REBOOT : SHUTDOWN_POWER_OFF);
}

/*
 * What containers are allowed by default: images are made for it, and their users are seldom root. Ports below 1024 and ping, both
 * within this machine, whose root is everybody who can reach its agent.
 */
static void allow_ordinary_users(void) {
    static const char *const settings[][2] = {{"ip_unprivileged_port_start", "0"},
                                              {"ping_group_range", "0 2147483647"}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char path[80];
        snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", settings[i][0]);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, settings[i][1], strlen(settings[i][1])) < 0) log_errno(path);
        if (fd >= 0) close(fd);
    }
}

static void become_init(void) {
    static const int asks[] = {SIGTERM, SIGUSR1, SIGUSR2, RTMIN + 3, RTMIN + 4, RTMIN + 5};
    agent.is_init = true;
    mount_cgroups();
    allow_ordinary_users();
    offer_commands();
    reboot(RB_DISABLE_CAD);
    loop_init();
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) loop_on_signal(asks[i], asked_by_signal);
    event_raise("init-ready", "the agent is PID 1");
}

/* Without the agent the host is deaf: memory is to be had from somebody else. */
static void protect(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, "-1000", 5) < 0) log_errno("oom_score_adj");
    close(fd);
}

void boot(char **argv) {
    umask(022);
    mount_kernel();
    open_console();
    read_cmdline();
    modules_load();
    enter_root(&cmdline);
    grow_root_early();
    warm_first_program();
    mount_for_programs();
    mount_modules(&cmdline);
    if (strcmp(cmdline.init, "agent") == 0) {
        become_init();
    } else {
        agent.init = cmdline.init;
        init_start(cmdline.init, argv[0]);
        loop_init();
        init_watch();
    }
    protect();
}

/* --- the commands --- */

static int end_now(bool again, bool with_sync) {
    if (with_sync) sync();
    reboot(again ? RB_AUTOBOOT : RB_POWER_OFF);
    perror("reboot");
    return 1;
}

int boot_command(int argc, char **argv) {
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    bool again = strcmp(name, "reboot") == 0, force = false, with_sync = true;
    if (!again && strcmp(name, "poweroff") != 0 && strcmp(name, "halt") != 0 &&
        strcmp(name, "shutdown") != 0) {
        fprintf(stderr, "%s: the agent of a banger VM; it runs as the first process\n", name);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-r") == 0 || strcmp(argv[i], "--reboot") == 0)
            again = true;
        else if (strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--force") == 0)
            force = true;
        else if (strcmp(argv[i], "-n") == 0)
            with_sync = false;
        else if (strcmp(argv[i], "-h") != 0 && strcmp(argv[i], "-P") != 0 && strcmp(argv[i], "-p") != 0 &&
                 strcmp(argv[i], "now") != 0 && strcmp(argv[i], "+0") != 0) {
            fprintf(stderr, "%s: only -r, -f, -n, -h, -P and now are understood, not %s\n", name, argv[i]);
            return 2;
        }
    }
    if (force) return end_now(again, with_sync);
    if (kill(1, again ? SIGTERM : SIGUSR2) == 0) return 0;
    perror(name);
    return 1;
}

#include "readiness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture.h"
#include "events.h"
#include "log.h"
#include "loop.h"
#include "processes.h"
#include "text.h"

/* After systemd's word that its start is over, it may still count as starting for a moment. */
#define AGAIN_MS 200
/* A systemd too old to say anything is asked, at first after a time in which no start is over, then seldom: asking is work. */
#define FIRST_ASK_MS 30000
#define ASK_MS 5000
/* Other inits are looked at as often as this... */
#define LOOK_MS 250
/* ...and one that leaves no trace that we know of counts as ready when no script of a start has run for this long. */
#define UNKNOWN_MS 10000

/* utmp(5) as glibc writes it on x86-64, whatever this C library's own struct is: a record's size, its type in two bytes. */
#define UTMP_RECORD 384
#define UTMP_RUN_LEVEL 1

static struct watch notify = {.fd = -1};
static struct timer timer;
static uint64_t begun;

static void ask_systemd(struct timer *t);

static void failed_units(char *units) {
    char detail[1024] = "degraded:";
    for (char *line; (line = strsep(&units, "\n"));) { /* the unit's name is the first word */
        line += strspn(line, " *");
        size_t size = strcspn(line, " "), used = strlen(detail);
        if (size > 0 && used + size + 2 < sizeof detail)
            snprintf(detail + used, sizeof detail - used, " %.*s", (int)size, line);
    }
    event_raise("init-failed", detail);
}

static void systemd_state(char *state) {
    static const char *const failed[] = {"systemctl",   "list-units", "--failed", "--plain",
                                         "--no-legend", "--no-pager", NULL};
    state[strcspn(state, "\n")] = 0;
    if (strcmp(state, "running") == 0) return event_raise("init-ready", state);
    if (strcmp(state, "degraded") == 0) return capture(failed, failed_units);
    if (strcmp(state, "maintenance") == 0)
        return event_raise("init-failed", "maintenance: the emergency or rescue mode is on");
    if (strcmp(state, "stopping") == 0) return;
    timer_start(&timer, notify.fd < 0 ? AGAIN_MS : ASK_MS, ask_systemd);
}

static void ask_systemd(struct timer *t) {
    static const char *const state[] = {"systemctl", "is-system-running", NULL};
    (void)t;
    capture(state, systemd_state);
}

/* sd_notify(3) of systemd itself, to whoever supervises it. */
static void notified(struct watch *w, uint32_t events) {
    (void)events;
    char text[4096];
    ssize_t n = recv(w->fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n <= 0) return;
    text[n] = 0;
    if (!strstr(text, "READY=1") && !strstr(text, "STATUS=Startup finished")) return;
    watch_close(w);
    unlink(READINESS_SOCKET);
    timer_start(&timer, 0, ask_systemd);
}

static int socket_fd = -1;

void readiness_prepare(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = READINESS_SOCKET};
    mode_t mask = umask(077);
    socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_fd < 0 || bind(socket_fd, (struct sockaddr *)&address, sizeof address) < 0)
        log_errno(READINESS_SOCKET);
    umask(mask);
}

/* --- inits other than systemd --- */

static bool openrc_ready(void) {
    return access("/run/openrc/softlevel", F_OK) == 0 && access("/run/openrc/rc.starting", F_OK) != 0;
}

/* A run level was entered, which sysvinit and inits like it write down. */
static bool has_run_level(void) {
    uint8_t record[UTMP_RECORD];
    int fd = open_plain("/run/utmp");
    bool found = false;
    if (fd < 0) fd = open_plain("/var/run/utmp");
    while (fd >= 0 && !found && read(fd, record, sizeof record) == sizeof record)
        found = record[0] == UTMP_RUN_LEVEL && record[1] == 0;
    if (fd >= 0) close(fd);
    return found;
}

static bool other_ready(void) {
    if (access("/run/openrc", F_OK) == 0) return openrc_ready();
    return has_run_level();
}

/* The scripts of a start are at work. */
static bool is_starting(void) {
    return process_runs("rc") || process_runs("rcS") || process_runs("startpar") || process_runs("openrc");
}

static void look(struct timer *t) {
    if (is_starting()) {
        begun = now_ms();
        return timer_start(t, LOOK_MS, look);
    }
    if (other_ready()) return event_raise("init-ready", "its run level is reached");
    if (now_ms() - begun > UNKNOWN_MS) return event_raise("init-ready", "assumed: this init does not tell");
    timer_start(t, LOOK_MS, look);
}

void readiness_watch(bool systemd) {
    begun = now_ms();
    if (!systemd) return timer_start(&timer, LOOK_MS, look);
    if (socket_fd >= 0) watch_open(&notify, socket_fd, EPOLLIN, notified);
    timer_start(&timer, FIRST_ASK_MS, ask_systemd);
}

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "events.h"
#include "exec.h"
#include "log.h"
#include "loop.h"
#include "readiness.h"
#include "systemd.h"

/*
 * How long the init waits for the host to give the machine its name, addresses and machine id. A host that is there
 * does so in some ten milliseconds, and services then find everything in place; without one the machine boots all the same.
 */
#define IDENTITY_MS 2000

/* systemd(1): signals to PID 1, counted from glibc's SIGRTMIN. */
#define SYSTEMD_POWER_OFF (34 + 4)
#define SYSTEMD_REBOOT (34 + 5)

static bool is_systemd;
static int release_fd = -1;
static char *own_name; /* argv[0] */
static struct child canary;

void init_release(void) {
    if (release_fd >= 0) close(release_fd);
    release_fd = -1;
}

static void become(const char *path, int identity) __attribute__((noreturn));
static void become(const char *path, int identity) {
    char *const argv[] = {(char *)path, NULL};
    char *const env[] = {"HOME=/", "TERM=linux",
                         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                         is_systemd ? "NOTIFY_SOCKET=" READINESS_SOCKET : NULL, NULL};
    struct pollfd p = {.fd = identity, .events = POLLIN};
    poll(&p, 1, IDENTITY_MS); /* its end: configured, or the agent is gone */
    close(identity);
    execve(path, argv, env);
    fatal("the init %s cannot be started: %s", path, strerror(errno));
}

/* The unified cgroup hierarchy as a descriptor, mounted nowhere: the init mounts its own as it likes. */
static int open_cgroups(void) {
    int fs = (int)syscall(SYS_fsopen, "cgroup2", 1 /* FSOPEN_CLOEXEC */);
    if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0) return -1;
    int root = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
    close(fs);
    return root;
}

/* Opens cgroup.procs of a new cgroup. */
static int make_cgroup(int root, const char *name, const char *procs) {
    if (mkdirat(root, name, 0755) < 0 && errno != EEXIST) return -1;
    return openat(root, procs, O_WRONLY | O_CLOEXEC);
}

/* Out of the init's cgroups: it would count the agent and every command as its own, and kill them with the wrong unit. */
static void leave_cgroups(void) {
    int root = open_cgroups();
    int own = make_cgroup(root, "banger-agent", "banger-agent/cgroup.procs");
    agent.cgroup = make_cgroup(root, "banger-exec", "banger-exec/cgroup.procs");
    if (own < 0 || agent.cgroup < 0 || write(own, "0", 1) < 0) log_errno("cgroups");
    if (own >= 0) close(own);
    if (root >= 0) close(root);
}

void init_start(const char *path, char *name) {
    int identity[2];
    if (access(path, X_OK) < 0) fatal("the init %s: %s", path, strerror(errno));
    is_systemd = systemd_is(path);
    if (is_systemd) {
        systemd_prepare();
        readiness_prepare();
    }
    if (pipe2(identity, O_CLOEXEC) < 0) die("pipe");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid > 0) {
        close(identity[1]);
        become(path, identity[0]);
    }
    close(identity[0]);
    release_fd = identity[1];
    setsid();
    leave_cgroups();
    own_name = name;
    own_name[0] = '@'; /* systemd-shutdown leaves such a process to the end instead of waiting for it */
    prctl(PR_SET_NAME, "banger-agent");
}

/* --- the end of an init's machine, seen from the agent --- */

/* Whether PID 1 is by now the program that ends everything. */
static bool is_shutdown_program(void) {
    char name[32];
    int fd = open("/proc/1/comm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
    if (fd >= 0) close(fd);
    name[n > 0 ? n : 0] = 0;
    return strncmp(name, "systemd-shutdow", 15) == 0;
}

static void start_canary(void);

static void canary_died(struct child *c, int status) {
    (void)c;
    (void)status;
    if (!is_shutdown_program()) return start_canary();
    event_raise("shutting-down", "by the init");
    exec_hang_up_all();
}

/*
 * The agent's `@` spares it the SIGTERM of systemd-shutdown, which then waits 90 seconds for a shell that ignores it. So
 * an ordinary child gets that SIGTERM in the agent's place, and its death tells that the sessions must go.
 */
static void start_canary(void) {
    pid_t pid = fork();
    if (pid == 0) {
        loop_leave();
        own_name[0] = '/';
        for (;;) pause();
    }
    if (pid > 0) child_watch(&canary, pid, canary_died);
}

void init_watch(void) {
    readiness_watch(is_systemd);
    if (is_systemd) start_canary();
}

static void run_command(const char *name) {
    pid_t pid = fork();
    if (pid != 0) return;
    loop_leave();
    setsid();
    if (agent.cgroup >= 0 && write(agent.cgroup, "0", 1) < 0) _exit(127);
    execlp(name, name, (char *)NULL);
    _exit(127);
}

bool init_shutdown(enum shutdown_how how) {
    static const char *const places[] = {"/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/"};
    const char *name = how == SHUTDOWN_REBOOT ? "reboot" : "poweroff";
    static bool asked;
    if (is_systemd) return kill(1, how == SHUTDOWN_REBOOT ? SYSTEMD_REBOOT : SYSTEMD_POWER_OFF) == 0;
    if (asked) return true; /* the command waits for its init by itself */
    asked = true;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[32];
        strcpy(stpcpy(path, places[i]), name);
        if (access(path, X_OK) < 0) continue;
        run_command(path);
        return true;
    }
    return false;
}

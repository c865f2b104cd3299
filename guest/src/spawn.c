#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <grp.h>
#include <unistd.h>

#include "agent.h"
#include "directories.h"
#include "loop.h"
#include "users.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#endif

/* A pipe this big lets a command and the agent take long turns, which is what throughput under emulation needs. */
#define PIPE_BYTES 262144
/* systemd's hard limit; the soft one lets file watchers work, and no program that closes every descriptor takes seconds. */
#define FILES_SOFT 65536
#define FILES_HARD 524288

static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/* The agent's own poweroff and reboot, for images that have none. */
static const char OWN_COMMANDS[] = "/run/banger/bin";

struct child_side {
    const struct exec_request *request;
    int failure;
    int stdio[3];
    struct user user;
    char **env; /* ends with NULL */
    size_t env_count, env_capacity;
};

static void fail(const struct child_side *c, enum reason reason, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));
static void fail(const struct child_side *c, enum reason reason, int code, const char *format, ...) {
    struct spawn_failure f = {.reason = reason, .code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(f.text, sizeof f.text, format, args);
    va_end(args);
    if (write(c->failure, &f, sizeof f) < 0) _exit(126);
    _exit(127);
}

/* Sets `NAME=value`, in place of an earlier one of that name. */
static void set_variable(struct child_side *c, const char *variable) {
    size_t name = strcspn(variable, "=") + 1;
    for (size_t i = 0; i < c->env_count; i++)
        if (strncmp(c->env[i], variable, name) == 0) {
            c->env[i] = (char *)variable;
            return;
        }
    if (c->env_count + 1 < c->env_capacity) c->env[c->env_count++] = (char *)variable;
}

static void set_default(struct child_side *c, const char *name, const char *value) {
    char *variable = NULL;
    if (*value && asprintf(&variable, "%s=%s", name, value) > 0) set_variable(c, variable);
}

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* What passwd has for users who are not to log in. The host has logged in already: who asks for a shell gets one. */
static bool refuses_logins(const char *shell) {
    const char *base = strrchr(shell, '/');
    return base && (strcmp(base, "/nologin") == 0 || strcmp(base, "/false") == 0);
}

/* NULL: there is none. */
static const char *shell_of(const struct user *user) {
    if (is_program(user->shell) && !refuses_logins(user->shell)) return user->shell;
    if (is_program("/bin/bash")) return "/bin/bash";
    return is_program("/bin/sh") ? "/bin/sh" : NULL;
}

static const char *variable(const struct child_side *c, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < c->env_count; i++)
        if (strncmp(c->env[i], name, n) == 0 && c->env[i][n] == '=') return c->env[i] + n + 1;
    return "";
}

/* Whatever PATH the image wants, the machine can be ended in it. One that a request gives stays as it is. */
static void complete_path(struct child_side *c) {
    const char *path = variable(c, "PATH");
    char *whole = NULL;
    if (!*path) path = DEFAULT_PATH;
    if (access(OWN_COMMANDS, X_OK) < 0)
        set_default(c, "PATH", path);
    else if (asprintf(&whole, "PATH=%s:%s", path, OWN_COMMANDS) > 0)
        set_variable(c, whole);
}

static void make_environment(struct child_side *c) {
    const struct exec_request *r = c->request;
    size_t count = 16;
    for (char **v = agent.environment; v && *v; v++) count++;
    for (char **v = r->env; *v; v++) count++;
    c->env = calloc(count, sizeof *c->env);
    c->env_capacity = count;
    if (!c->env) fail(c, REASON_FAILED, ENOMEM, "out of memory");

    const char *shell = shell_of(&c->user);
    set_default(c, "HOME", c->user.home);
    set_default(c, "USER", c->user.name);
    set_default(c, "LOGNAME", c->user.name);
    if (shell) set_default(c, "SHELL", shell);
    if (r->tty) set_default(c, "TERM", r->term && *r->term ? r->term : "xterm-256color");
    for (char **v = agent.environment; v && *v; v++) set_variable(c, *v);
    complete_path(c);
    for (char **v = r->env; *v; v++) set_variable(c, *v);
}

static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, text, strlen(text)) < 0) errno = 0; /* a kernel without it has nothing to undo */
    close(fd);
}

/* Out of the agent's own special treatment: its cgroup, its protection from the OOM killer, its limits. */
static void become_ordinary(void) {
    if (agent.cgroup >= 0 && write(agent.cgroup, "0", 1) < 0) errno = 0;
#ifndef HOSTED
    write_file("/proc/self/oom_score_adj", "0");
    struct rlimit files = {FILES_SOFT, FILES_HARD};
    setrlimit(RLIMIT_NOFILE, &files);
#else
    (void)write_file;
#endif
    umask(022);
}

static void become_user(const struct child_side *c) {
    if (getuid() != 0) return; /* hosted by a plain user: everything is that user's */
    const struct user *u = &c->user;
    if (setgroups((size_t)u->group_count, u->groups) < 0 || setgid(u->gid) < 0 || setuid(u->uid) < 0)
        fail(c, REASON_FAILED, errno, "cannot become user %s: %s", u->name, strerror(errno));
}

/* As root: a directory that is to be made may be one that the user cannot even enter, as with a container. */
static void make_directory(const struct child_side *c) {
    char *inside = NULL;
    const char *cwd = c->request->cwd;
    if (!cwd || !c->request->make_cwd) return;
    if (asprintf(&inside, "%s/", cwd) > 0) make_parents(inside);
    free(inside);
    if (chdir(cwd) < 0) fail(c, REASON_FAILED, errno, "cannot enter %s: %s", cwd, strerror(errno));
}

static void enter_directory(const struct child_side *c) {
    const char *cwd = c->request->cwd;
    if (cwd && c->request->make_cwd) return;
    if (cwd) {
        if (chdir(cwd) < 0) fail(c, REASON_FAILED, errno, "cannot enter %s: %s", cwd, strerror(errno));
    } else if (chdir(c->user.home) < 0 && chdir("/") < 0) {
        fail(c, REASON_FAILED, errno, "cannot enter /: %s", strerror(errno));
    }
}

/* errno of an exec that did not happen, as a reason. */
static void fail_exec(const struct child_side *c, const char *file, int code) __attribute__((noreturn));
static void fail_exec(const struct child_side *c, const char *file, int code) {
    if (code == ENOENT && strchr(file, '/') && access(file, F_OK) == 0)
        fail(c, REASON_NOT_EXECUTABLE, code, "%s: its interpreter does not exist", file);
    if (code == ENOENT || code == ENOTDIR) fail(c, REASON_NOT_FOUND, ENOENT, "%s: command not found", file);
    if (code == EACCES || code == ENOEXEC || code == EPERM || code == EISDIR)
        fail(c, REASON_NOT_EXECUTABLE, code, "%s: %s", file, strerror(code));
    fail(c, REASON_FAILED, code, "%s: %s", file, strerror(code));
}

/* execvp, but by the PATH of the command's own environment, and telling apart what went wrong. */
static void execute(const struct child_side *c, const char *file, char **argv) {
    if (strchr(file, '/')) {
        execve(file, argv, c->env);
        fail_exec(c, file, errno);
    }
    int denied = 0;
    const char *dir = variable(c, "PATH"), *end;
    do {
        char path[PATH_SIZE];
        end = dir + strcspn(dir, ":");
        int n = snprintf(path, sizeof path, "%.*s%s%s", (int)(end - dir), dir, end > dir ? "/" : "./", file);
        dir = end + 1;
        if (n < 0 || (size_t)n >= sizeof path) continue;
        /* execve(2) makes a whole new memory before it looks for the file. */
        if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
        execve(path, argv, c->env);
        if (errno == ENOENT && access(path, F_OK) == 0) fail_exec(c, path, ENOENT);
        if (errno == EACCES)
            denied = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            fail_exec(c, path, errno);
    } while (*end);
    fail_exec(c, file, denied ? denied : ENOENT);
}

/* A name with a hyphen before it makes a shell read /etc/profile, which in most images sets PATH anew. */
static void login(const struct child_side *c) {
    const char *shell = shell_of(&c->user);
    if (!shell) fail(c, REASON_NO_SHELL, ENOENT, "there is neither /bin/bash nor /bin/sh");
    const char *base = strrchr(shell, '/');
    char name[sizeof c->user.shell + 1];
    snprintf(name, sizeof name, "%s%s", c->request->plain ? "" : "-", base ? base + 1 : shell);
    char *argv[] = {name, NULL};
    execute(c, shell, argv);
}

static void child(struct child_side *c) __attribute__((noreturn));
static void child(struct child_side *c) {
    const struct exec_request *r = c->request;
    loop_leave();
    setsid();
    enum user_found found = user_find(r->user, &c->user);
    if (found != USER_FOUND)
        fail(c, REASON_NO_SUCH_USER, 0, "no such %s: %s", found == USER_UNKNOWN ? "user" : "group", r->user);
    if (r->tty) {
        if (fchown(c->stdio[0], c->user.uid, (gid_t)-1) < 0)
            errno = 0; /* only a user other than root needs it */
        if (ioctl(c->stdio[0], TIOCSCTTY, 0) < 0)
            fail(c, REASON_FAILED, errno, "controlling terminal: %s", strerror(errno));
    }
    make_environment(c);
    become_ordinary();
    make_directory(c);
    become_user(c);
    enter_directory(c);
    for (int i = 0; i < 3; i++)
        if (dup2(c->stdio[i], i) < 0) fail(c, REASON_FAILED, errno, "dup2: %s", strerror(errno));
    if (r->login)
        login(c);
    else
        execute(c, r->argv[0], r->argv);
    _exit(127);
}

static void close_all(int *fds, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0) close(fds[i]);
}

static void no_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

/* ours, theirs: a terminal's master twice (epoll looks at a descriptor once) and its slave three times. */
static bool open_terminal(const struct exec_request *r, int ours[3], int theirs[3]) {
    struct winsize size = {.ws_row = r->rows, .ws_col = r->columns};
    int unlock = 0;
    ours[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ours[0] < 0 || ioctl(ours[0], TIOCSPTLCK, &unlock) < 0) return false;
    if (r->rows && r->columns) ioctl(ours[0], TIOCSWINSZ, &size);
    ours[1] = fcntl(ours[0], F_DUPFD_CLOEXEC, 3);
    theirs[0] = ioctl(ours[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ours[1] < 0 || theirs[0] < 0) return false;
    theirs[1] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
    theirs[2] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
    no_blocking(ours[0]);
    return theirs[1] >= 0 && theirs[2] >= 0;
}

static bool open_pipes(int ours[3], int theirs[3]) {
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0) return false;
        ours[i] = ends[i == 0];
        theirs[i] = ends[i != 0];
        no_blocking(ours[i]);
        fcntl(ours[i], F_SETPIPE_SZ, PIPE_BYTES);
    }
    return true;
}

int spawn_command(const struct exec_request *r, struct spawn *out) {
    int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1}, failure[2] = {-1, -1};
    bool ready = pipe2(failure, O_CLOEXEC) == 0 &&
                 (r->tty ? open_terminal(r, ours, theirs) : open_pipes(ours, theirs));
    pid_t pid = ready ? fork() : -1;
    if (pid == 0) {
        struct child_side c = {
            .request = r, .failure = failure[1], .stdio = {theirs[0], theirs[1], theirs[2]}};
        child(&c);
    }
    int code = errno;
    close_all(theirs, 3);
    close_all(failure + 1, 1);
    if (pid < 0) {
        close_all(ours, 3);
        close_all(failure, 1);
        errno = code;
        return -1;
    }
    no_blocking(failure[0]);
    *out = (struct spawn){
        .pid = pid, .failure = failure[0], .input = ours[0], .output = ours[1], .errors = ours[2]};
    return 0;
}

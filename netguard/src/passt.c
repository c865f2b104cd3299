#include "passt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "journal.h"
#include "reply.h"
#include "sandbox.h"
#include "stream.h"
#include "wire.h"

/* Where passt finds its socket. */
#define FRAMES_FD 3
#define FRAMES_FD_TEXT "3"

/* Lines of passt's that are repeated; with --quiet it prints errors only, and a guest may cause errors. */
#define WORDS_MAX 100

/* Buffer asked for on both ends of the socket; the kernel caps it at net.core.wmem_max for an ordinary user. */
static const int socket_buffer = 4 * 1024 * 1024;

/* Lines of passt's that say nothing: of a missing system logger, about each of its lines; and that there is no resolver
   to hand out by DHCP, when the host's is on the loopback, which it does forward to. */
static const char *const noise[] = {"Failed to send ", "Couldn't get any nameserver address"};

struct arguments {
    const char *list[48];
    unsigned count;
    char text[8][INET6_ADDRSTRLEN];
    unsigned texts;
};

static void add(struct arguments *arguments, const char *argument)
{
    arguments->list[arguments->count++] = argument;
    arguments->list[arguments->count] = NULL;
}

static void add_address(struct arguments *arguments, const char *option, int family, const void *address)
{
    char *text = arguments->text[arguments->texts++];

    inet_ntop(family, address, text, INET6_ADDRSTRLEN);
    add(arguments, option);
    add(arguments, text);
}

/* Nothing is forwarded inward, nothing is mapped to the host, and no address is handed out: the guest gets its own
   from its agent. The resolver is the first of the host's /etc/resolv.conf. */
static void arguments_of(struct arguments *arguments, const char *program, const char *interface,
                         const struct guard *guard, char *mac)
{
    static const char *const fixed[] = {"-f",           "-q",        "-F",          FRAMES_FD_TEXT, "-t",
                                        "none",         "-u",        "none",        "--no-map-gw",  "--no-dhcp",
                                        "--no-dhcpv6",  "--no-ra",   "-M"};
    const struct guest4 *v4 = &guard->v4;
    const struct guest6 *v6 = &guard->v6;
    uint8_t bytes[4];

    add(arguments, program);
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add(arguments, fixed[i]);
    snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", guard->gateway_mac[0], guard->gateway_mac[1],
             guard->gateway_mac[2], guard->gateway_mac[3], guard->gateway_mac[4], guard->gateway_mac[5]);
    add(arguments, mac);
    /* Named, so that passt needs no default route: the host may get one later. It takes addresses from our options. */
    add(arguments, "-i");
    add(arguments, interface);
    if (!v6->on)
        add(arguments, "-4");
    if (!v4->on)
        add(arguments, "-6");
    if (v4->on) {
        put32(bytes, v4->address);
        add_address(arguments, "-a", AF_INET, bytes);
        put32(bytes, v4->gateway);
        add_address(arguments, "-g", AF_INET, bytes);
        put32(bytes, ~(uint32_t)0 << (32 - v4->prefix));
        add_address(arguments, "-n", AF_INET, bytes);
        if (v4->dns != 0) {
            put32(bytes, v4->dns);
            add_address(arguments, "--dns-forward", AF_INET, bytes);
        }
    }
    if (v6->on) {
        add_address(arguments, "-a", AF_INET6, v6->address);
        add_address(arguments, "-g", AF_INET6, v6->gateway);
        if (v6->has_dns)
            add_address(arguments, "--dns-forward", AF_INET6, v6->dns);
    }
}

/* The child's side of the fork: never returns. */
static void run(const char *program, const char *interface, const struct guard *guard, int frames, int words,
                pid_t parent)
{
    static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    struct rlimit sockets = {PASST_SOCKETS, PASST_SOCKETS};
    struct rlimit current;
    struct arguments arguments = {.count = 0};
    char mac[18];
    int null = open("/dev/null", O_RDWR);

    arguments_of(&arguments, program, interface, guard, mac);
    if (getrlimit(RLIMIT_NOFILE, &current) == 0 && current.rlim_max < sockets.rlim_max)
        sockets.rlim_cur = sockets.rlim_max = current.rlim_max;
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(words, STDOUT_FILENO) < 0 || dup2(words, STDERR_FILENO) < 0)
        _exit(127);
    if ((frames == FRAMES_FD ? fcntl(frames, F_SETFD, 0) : dup2(frames, FRAMES_FD)) < 0)
        _exit(127);
    if (syscall(SYS_close_range, FRAMES_FD + 1, ~0u, 0) != 0)
        for (int fd = FRAMES_FD + 1; fd < 256; fd++) /* a kernel before 5.9; netguard itself opens fewer than ten */
            close(fd);
    setrlimit(RLIMIT_NOFILE, &sockets);
    signal(SIGPIPE, SIG_DFL);
    sandbox_drop_root();
    /* The closed socket ends passt, too; the signal also covers one that hangs. After the change of user, which clears it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    execve(program, (char *const *)(uintptr_t)arguments.list, environment);
    dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static bool ask_passt(struct passt *passt, const struct guard *guard)
{
    uint8_t frame[PREFIX + REPLY_MAX];
    size_t length;

    if (guard->v4.on) {
        length = ask_arp(guard, frame + PREFIX);
        put32(frame, (uint32_t)length);
        if (send(passt->frames_fd, frame, PREFIX + length, MSG_NOSIGNAL) < 0)
            return false;
    }
    if (guard->v6.on) {
        length = ask_ndp(guard, frame + PREFIX);
        put32(frame, (uint32_t)length);
        if (send(passt->frames_fd, frame, PREFIX + length, MSG_NOSIGNAL) < 0)
            return false;
    }
    return true;
}

/* So many bytes, or false when passt has gone or the deadline has passed: a frame that it began and never ends. */
static bool read_whole(int fd, uint8_t *bytes, size_t length, int64_t deadline)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    size_t used = 0;

    while (used < length) {
        int64_t left = deadline - clock_ms();
        ssize_t got;

        if (left <= 0 || poll(&readable, 1, (int)left) == 0) {
            say("passt does not finish its answer");
            return false;
        }
        got = recv(fd, bytes + used, length - used, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got > 0)
            used += (size_t)got;
    }
    return true;
}

/* One whole frame, or false. At the start there is nothing but answers, so waiting is right. */
static bool read_answer(int fd, uint16_t *type, int64_t deadline)
{
    uint8_t bytes[PREFIX + STREAM_FRAME_MAX];
    uint32_t length;

    if (!read_whole(fd, bytes, PREFIX, deadline))
        return false;
    length = be32(bytes);
    if (length < ETHER_HEADER || length > STREAM_FRAME_MAX || !read_whole(fd, bytes, length, deadline))
        return false;
    *type = be16(bytes + 12);
    return true;
}

static bool await_answers(struct passt *passt, const struct guard *guard)
{
    bool need4 = guard->v4.on, need6 = guard->v6.on;
    int64_t deadline = clock_ms() + PASST_START_MS;

    while (need4 || need6) {
        struct pollfd fds[2] = {{.fd = passt->frames_fd, .events = POLLIN}, {.fd = passt->words_fd, .events = POLLIN}};
        int64_t left = deadline - clock_ms();
        uint16_t type;

        if (left <= 0 || poll(fds, 2, (int)left) == 0) {
            say("passt does not answer for %s", need4 ? "IPv4" : "IPv6");
            return false;
        }
        if (fds[1].revents != 0 && !passt_listen(passt) && fds[0].revents == 0)
            return false;
        if (fds[0].revents == 0)
            continue;
        if (!read_answer(passt->frames_fd, &type, deadline))
            return false;
        need4 = need4 && type != ETHER_ARP;
        need6 = need6 && type != ETHER_IPV6;
    }
    return true;
}

bool passt_start(struct passt *passt, const char *program, const char *interface, const struct guard *guard)
{
    pid_t parent = getpid();
    int frames[2], words[2];
    int status = 0;

    memset(passt, 0, sizeof *passt);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, frames) != 0 || pipe2(words, O_CLOEXEC) != 0) {
        say("cannot start passt: %s", strerror(errno));
        return false;
    }
    for (int i = 0; i < 2; i++) {
        /* A smaller buffer than asked for is no error: it only costs speed. */
        setsockopt(frames[i], SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
        setsockopt(frames[i], SOL_SOCKET, SO_RCVBUF, &socket_buffer, sizeof socket_buffer);
    }
    passt->pid = fork();
    if (passt->pid == 0)
        run(program, interface, guard, frames[1], words[1], parent);
    close(frames[1]);
    close(words[1]);
    passt->frames_fd = frames[0];
    passt->words_fd = words[0];
    fcntl(passt->words_fd, F_SETFL, O_NONBLOCK);
    if (passt->pid > 0 && ask_passt(passt, guard) && await_answers(passt, guard))
        return true;
    if (passt->pid < 0) {
        say("cannot start passt: %s", strerror(errno));
        return false;
    }
    close(passt->frames_fd);
    kill(passt->pid, SIGKILL);
    waitpid(passt->pid, &status, 0);
    while (passt_listen(passt))
        ;
    say("passt did not start (%s %d)", WIFSIGNALED(status) ? "signal" : "exit",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

static void tell_line(struct passt *passt)
{
    passt->line[passt->line_used] = '\0';
    passt->line_used = 0;
    if (passt->line[0] == '\0')
        return;
    for (unsigned i = 0; i < sizeof noise / sizeof noise[0]; i++)
        if (strncmp(passt->line, noise[i], strlen(noise[i])) == 0)
            return;
    if (++passt->lines_told <= WORDS_MAX)
        say("passt: %s", passt->line);
    if (passt->lines_told == WORDS_MAX)
        say("passt: further lines are left out");
}

bool passt_listen(struct passt *passt)
{
    char text[1024];
    ssize_t got = read(passt->words_fd, text, sizeof text);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t i = 0; i < got; i++) {
        if (text[i] == '\n' || passt->line_used == sizeof passt->line - 1)
            tell_line(passt);
        if (text[i] >= ' ' && text[i] <= '~')
            passt->line[passt->line_used++] = text[i];
    }
    if (got == 0 && passt->line_used > 0)
        tell_line(passt);
    return got > 0;
}

/* netguard: one VM's network, between QEMU and passt.

   It starts passt, connects to the unix socket on which the VMM listens, and then copies frames: what the guest sends
   only after the filter's verdict, what comes back only where the guest has sent to. It ends when either side does. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "flow.h"
#include "journal.h"
#include "options.h"
#include "passt.h"
#include "reply.h"
#include "route.h"
#include "sandbox.h"
#include "stream.h"
#include "verdict.h"
#include "wire.h"

/* The VMM is started beside netguard. One that does not listen by now never will (its daemon was killed in between),
   and netguard must not stay behind. */
#define VMM_WAIT_MS 60000

/* QEMU listens some 100 ms after its start: it is looked for this often. */
#define VMM_POLL_MS 2

/* One socket buffer of a unix stream socket holds this much, so passt gets whole frames (see GUEST_MTU). */
#define PASST_BURST 32768

/* What may wait for the guest before passt has to. passt sends as much as the guest's TCP windows allow, drops what its
   socket does not take, and recovers from that slowly or not at all; so this holds several windows of the usual largest
   size (6 MiB, tcp_rmem). It also bounds what a guest that does not read can cost the host. */
#define VMM_BACKLOG (24u * 1024 * 1024)

/* What may wait for passt before the guest has to: the guest's own queue is the better place. */
#define PASST_BACKLOG (512u * 1024)

enum exit_code { EXIT_ENDED = 0, EXIT_USAGE = 2, EXIT_SETUP = 3 };

static struct options options;
static struct routes routes;
static struct flows flows;
static struct journal journal;
static struct passt passt = {.frames_fd = -1, .words_fd = -1};
static struct inlet from_vmm, from_passt;
static struct outlet to_vmm, to_passt;
static struct control control = {.listener = -1, .peer = -1};

static bool address_of(const char *path, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(address->sun_path, path);
    return true;
}

/* A private socket at the path. */
static int listen_at(const char *path)
{
    struct sockaddr_un address;
    int fd = address_of(path, &address) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

    umask(0177);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0)
        return -1;
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd = address_of(path, &address) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    int failure;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

/* Waits until the VMM listens, as long as passt serves. */
static int connect_vmm(void)
{
    int64_t deadline = clock_ms() + VMM_WAIT_MS;
    struct pollfd end = {.fd = passt.frames_fd, .events = POLLRDHUP};

    for (;;) {
        int vmm = connect_to(options.socket);

        if (vmm >= 0)
            return vmm;
        if (errno != ENOENT && errno != ECONNREFUSED) {
            say("cannot connect to the VMM at %s: %s", options.socket, strerror(errno));
            return -1;
        }
        if (clock_ms() >= deadline) {
            say("no VMM listened within %d s", VMM_WAIT_MS / 1000);
            return -1;
        }
        if (poll(&end, 1, VMM_POLL_MS) > 0) {
            say("passt ended before a VMM listened");
            return -1;
        }
    }
}

/* Judges one frame of the guest; there is room for it towards passt. */
static void handle_guest_frame(const uint8_t *frame, size_t length, int64_t now)
{
    enum reason reason = verdict(frame, length, &options.guard, routes_lookup, &routes);
    uint8_t reply[REPLY_MAX];
    size_t replied = 0;

    switch (reason) {
    case PASS:
        flows_note(&flows, frame, length, now);
        outlet_push(&to_passt, frame, length);
        return;
    case ANSWER_ARP:
        replied = reply_arp(frame, &options.guard, reply);
        break;
    case ANSWER_NDP:
        replied = reply_ndp(frame, &options.guard, reply);
        break;
    default:
        journal_refused(&journal, reason, frame, length, now);
        if (reasons[reason].treatment == PROHIBIT)
            replied = reply_prohibited(frame, length, &options.guard, reply);
    }
    if (replied > 0)
        outlet_push(&to_vmm, reply, replied);
}

static bool passt_has_room(void)
{
    return outlet_waiting(&to_passt) < PASST_BACKLOG;
}

/* Judges what the guest has sent, as long as passt takes it. */
static enum stream_state forward_from_guest(void)
{
    int64_t now = clock_ms();
    bool refreshed = false;

    while (passt_has_room()) {
        const uint8_t *frame;
        size_t length;
        enum stream_state state = inlet_next(&from_vmm, &frame, &length);

        if (state != STREAM_OPEN || frame == NULL)
            return state;
        if (!refreshed)
            routes_refresh(&routes);
        refreshed = true;
        handle_guest_frame(frame, length, now);
    }
    return STREAM_OPEN;
}

/* Whether enough waits for the guest. */
static bool congested(void)
{
    return outlet_waiting(&to_vmm) >= VMM_BACKLOG;
}

/* Passes on what passt sends, as long as there is room for it. */
static enum stream_state forward_from_passt(void)
{
    int64_t now = clock_ms();

    while (!congested()) {
        const uint8_t *frame;
        size_t length;
        enum stream_state state;

        inlet_skip_orphan(&from_passt, options.guard.gateway_mac);
        state = inlet_next(&from_passt, &frame, &length);
        if (state != STREAM_OPEN || frame == NULL)
            return state;
        if (!options.guard.outbound)
            journal_refused(&journal, NO_OUTBOUND, frame, length, now);
        else if (!flows_expect(&flows, frame, length, now))
            journal_refused(&journal, UNSOLICITED, frame, length, now);
        else
            outlet_push(&to_vmm, frame, length);
    }
    return STREAM_OPEN;
}

static bool ends(enum stream_state state, const char *side)
{
    if (state == STREAM_BROKEN)
        say("%s sent a frame length that no frame can have: the connection is ended", side);
    else if (state == STREAM_CLOSED)
        say("%s closed the connection", side);
    return state != STREAM_OPEN;
}

/* Judges and queues what has been received, both ways. */
static bool forward(void)
{
    return !ends(forward_from_passt(), "passt") && !ends(forward_from_guest(), "the VMM");
}

static bool flush(void)
{
    return !ends(outlet_flush(&to_vmm), "the VMM") && !ends(outlet_flush(&to_passt), "passt");
}

static bool receive(struct inlet *inlet, short events, const char *side)
{
    if ((events & (POLLHUP | POLLERR)) != 0)
        return !ends(STREAM_CLOSED, side);
    return (events & POLLIN) == 0 || !ends(inlet_fill(inlet), side);
}

static void serve_control(short listener_events, short peer_events)
{
    bool before = options.guard.outbound;

    control_serve(&control, listener_events, peer_events, &options.guard.outbound);
    if (options.guard.outbound != before)
        say(before ? "nothing leaves any more: outbound is closed" : "outbound is open");
}

/* One turn of the frame loop. False when it is over. After it, a whole frame is left in an inlet only when the outlet it
   goes to has something to send, so that an event will come. */
static bool turn(void)
{
    bool room = passt_has_room();
    struct pollfd fds[5] = {
        {.fd = from_vmm.fd, .events = (short)((room ? POLLIN : 0) | (outlet_waiting(&to_vmm) > 0 ? POLLOUT : 0))},
        {.fd = from_passt.fd, .events = (short)((congested() ? 0 : POLLIN) | (outlet_waiting(&to_passt) > 0 ? POLLOUT : 0))},
        {.fd = passt.words_fd, .events = POLLIN},
        {.fd = control.listener, .events = POLLIN},
        {.fd = control.peer, .events = POLLIN},
    };

    if (poll(fds, 5, -1) < 0)
        return errno == EINTR;
    serve_control(fds[3].revents, fds[4].revents);
    if (fds[2].revents != 0 && !passt_listen(&passt))
        passt.words_fd = -1;
    return receive(&from_passt, fds[1].revents, "passt") && receive(&from_vmm, fds[0].revents, "the VMM") && forward() &&
           flush() && forward();
}

static int failed_setup(const char *temporary)
{
    unlink(temporary);
    return EXIT_SETUP;
}

int main(int argc, char **argv)
{
    char temporary[sizeof ((struct sockaddr_un *)0)->sun_path + 8];
    int vmm;

    signal(SIGPIPE, SIG_IGN);
    if (!options_read(&options, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    /* It gets its own name when its presence is true: once there is a network. */
    snprintf(temporary, sizeof temporary, "%s.new", options.control);
    control.listener = listen_at(temporary);
    if (control.listener < 0) {
        say("cannot listen at %s: %s", options.control, strerror(errno));
        return failed_setup(temporary);
    }
    if (!routes_open(&routes)) {
        say("cannot ask the kernel for routes: %s", strerror(errno));
        return failed_setup(temporary);
    }
    if (!passt_start(&passt, options.passt, options.interface, &options.guard))
        return failed_setup(temporary);
    vmm = connect_vmm();
    if (vmm < 0)
        return failed_setup(temporary);
    from_vmm.fd = to_vmm.fd = vmm;
    from_passt.fd = to_passt.fd = passt.frames_fd;
    to_passt.burst = PASST_BURST;
    if (rename(temporary, options.control) != 0 || !sandbox_drop_root()) {
        say("cannot finish the set-up: %s", strerror(errno));
        return failed_setup(temporary);
    }
    /* Before the sandbox: the C library opens a file for the first time that is told. */
    say("the VMM is connected%s", options.guard.outbound ? "" : "; nothing leaves: outbound is closed");
    if (!sandbox_enter()) {
        say("cannot enter the sandbox: %s", strerror(errno));
        return EXIT_SETUP;
    }
    while (turn())
        ;
    journal_summary(&journal);
    return EXIT_ENDED;
}

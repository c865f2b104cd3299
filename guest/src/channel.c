#include "channel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "handshake.h"
#include "log.h"
#include "loop.h"

#define PORT_NAME "banger.agent"
/* A port appears some milliseconds after its driver was loaded. */
#define PORT_POLL_MS 10
/* The port wakes its reader when a host connects; this is for the case that the wake-up was missed. */
#define HUNG_POLL_MS 500
/*
 * Read in one turn. A virtio-serial port gives 4 KiB a read: gathering them makes one write to a command, and one switch
 * to it, of many. Not more, so that a busy host does not keep the loop from everything else.
 */
#define TURN_BYTES 65536
#define ANSWER_MAX 4096

static struct session session;
static struct hello_scanner scanner;
static uint8_t last_nonce[NONCE_SIZE];
static struct watch port = {.fd = -1};
static struct timer retry;
static bool hung; /* no host is there */
static void (*hello_fields)(struct writer *);

static void answer(void) {
    uint8_t bytes[ANSWER_MAX];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    hello_fields(&w);
    size_t size = MAGIC_SIZE + NONCE_SIZE + 4 + w.size;
    if (outbox_room(&session.out) < size) return; /* the host repeats its hello */
    uint8_t *p = outbox_reserve(&session.out, size);
    memcpy(p, AGENT_MAGIC, MAGIC_SIZE);
    memcpy(p + MAGIC_SIZE, last_nonce, NONCE_SIZE);
    write_u32(p + MAGIC_SIZE + NONCE_SIZE, (uint32_t)w.size);
    memcpy(p + MAGIC_SIZE + NONCE_SIZE + 4, bytes, w.size);
    outbox_commit(&session.out, size);
}

static void on_hello(void *self, const uint8_t nonce[NONCE_SIZE]) {
    (void)self;
    if (session.live && memcmp(nonce, last_nonce, NONCE_SIZE) == 0) {
        if (!session.framed) answer();
        return;
    }
    memcpy(last_nonce, nonce, NONCE_SIZE);
    session_begin(&session);
    answer();
}

static void on_bytes(void *self, const uint8_t *data, size_t size) {
    (void)self;
    if (session.live) session_receive(&session, data, size);
}

static const struct hello_sink sink = {.bytes = on_bytes, .hello = on_hello};

static void lost_host(void);

static void receive(void) {
    static uint8_t bytes[TURN_BYTES];
    size_t size = 0;
    ssize_t n = 0;
    while (size < sizeof bytes && (n = read(port.fd, bytes + size, sizeof bytes - size)) > 0)
        size += (size_t)n;
    bool lost = size < sizeof bytes && (n == 0 || errno != EAGAIN);
    hello_scan(&scanner, bytes, size, &sink);
    if (lost) lost_host();
}

/* Writes what there is; false when the channel takes no more now. */
static bool transmit(void) {
    while (port.fd >= 0 && outbox_size(&session.out) > 0) {
        ssize_t n = write(port.fd, session.out.bytes + session.out.head, outbox_size(&session.out));
        if (n <= 0) return false;
        outbox_take(&session.out, (size_t)n);
    }
    return true;
}

/* After each batch: what was said goes out, what waited for room goes on, and the channel is looked at for the rest. */
static void flush(void) {
    if (port.fd < 0 || hung) return;
    transmit();
    session_drained(&session);
    transmit();
    bool stalled = session_stalled(&session), waiting = outbox_size(&session.out) > 0;
    watch_change(&port, (stalled ? 0 : EPOLLIN) | (stalled || waiting ? EPOLLOUT : 0));
}

void channel_drain(int ms) {
    uint64_t end = now_ms() + (uint64_t)ms;
    while (!transmit() && now_ms() < end) {
        struct pollfd p = {.fd = port.fd, .events = POLLOUT};
        poll(&p, 1, 10);
    }
}

#ifndef HOSTED

/* Without a host the port reports a hang-up all the time: only changes are looked at until there is one. */
static void lost_host(void) {
    hung = true;
    watch_change(&port, EPOLLIN | EPOLLET);
}

static void look_for_host(void) {
    struct pollfd p = {.fd = port.fd, .events = POLLIN};
    if (poll(&p, 1, 0) == 1 && p.revents & POLLHUP) return;
    hung = false;
    watch_change(&port, EPOLLIN);
}

static void check_again(struct timer *t) {
    if (hung) look_for_host();
    timer_start(t, HUNG_POLL_MS, check_again);
}

static void port_ready(struct watch *w, uint32_t events) {
    (void)w;
    if (hung) return look_for_host();
    if (events & EPOLLHUP && !(events & EPOLLIN)) return lost_host();
    if (events & EPOLLIN) receive();
}

/* The device node of the port with our name, or false. */
static bool find_port(char *path, size_t capacity) {
    DIR *dir = opendir("/sys/class/virtio-ports");
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        char file[300], name[64];
        snprintf(file, sizeof file, "/sys/class/virtio-ports/%s/name", e->d_name);
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof name);
        if (fd >= 0) close(fd);
        if (n < (ssize_t)strlen(PORT_NAME) || strncmp(name, PORT_NAME, strlen(PORT_NAME)) != 0) continue;
        snprintf(path, capacity, "/dev/%s", e->d_name);
        found = true;
    }
    if (dir) closedir(dir);
    return found;
}

static void open_port(struct timer *t) {
    char path[300];
    int fd = find_port(path, sizeof path) ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0) return timer_start(t, PORT_POLL_MS, open_port);
    watch_open(&port, fd, EPOLLIN, port_ready);
    timer_start(t, HUNG_POLL_MS, check_again);
}

static void open_channel(const char *path) {
    (void)path;
    open_port(&retry);
}

#else

static struct watch listener = {.fd = -1};

static void port_ready(struct watch *w, uint32_t events) {
    (void)w;
    if (events & EPOLLIN) receive();
    if (port.fd >= 0 && events & (EPOLLERR | EPOLLHUP)) lost_host();
}

/* The next connection continues the byte stream, as a virtio-serial port does. */
static void lost_host(void) {
    watch_close(&port);
    watch_change(&listener, EPOLLIN);
}

static void accept_host(struct watch *w, uint32_t events) {
    (void)events;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    watch_change(&listener, 0);
    watch_open(&port, fd, EPOLLIN, port_ready);
}

static void open_channel(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fatal("the socket's path is too long");
    strcpy(address.sun_path, path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) die(path);
    watch_open(&listener, fd, EPOLLIN, accept_host);
    (void)retry;
}

#endif

void channel_start(const char *path, void (*request)(struct stream *, uint16_t, struct slice),
                   void (*hello)(struct writer *)) {
    hello_scanner_init(&scanner);
    session.request = request;
    hello_fields = hello;
    loop_after_batch(flush);
    open_channel(path);
}

#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop.h"
#include "request.h"
#include "stream.h"

struct dial {
    struct stream *stream;
    struct watch socket;
    bool connected, udp;
    bool input_over;  /* the host has said its last byte */
    bool output_over; /* the other end has */
    bool wants_out, wants_in;
    bool second; /* `localhost` was refused over IPv4: IPv6 is tried once */
    struct dial_request request;
};

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

static void release(struct dial *d) {
    stream_detach(d->stream);
    watch_close(&d->socket);
    loop_free(d);
}

static void fail(struct dial *d, int code) {
    struct stream *s = d->stream;
    release(d);
    stream_error(s, REASON_FAILED, code, strerror(code));
}

static void look(struct dial *d) {
    watch_change(&d->socket, (d->wants_in ? EPOLLIN : 0) | (d->wants_out ? EPOLLOUT : 0));
}

/* Both directions are over. */
static void end_if_over(struct dial *d) {
    if (!d->input_over || !d->output_over) return;
    struct stream *s = d->stream;
    release(d);
    stream_finish(s);
}

static void read_socket(struct dial *d) {
    size_t room = stream_room(d->stream);
    if (room == 0) {
        d->wants_in = false;
        return look(d);
    }
    ssize_t n = recv(d->socket.fd, stream_reserve(d->stream, room), room, d->udp ? MSG_TRUNC : 0);
    if (n < 0 && errno == EAGAIN) return;
    if (d->udp && n < 0) return; /* a refusal by ICMP: the next datagram may do better */
    if (d->udp && (n == 0 || (size_t)n > room))
        return; /* an empty datagram has no message, a cut one is none */
    if (n > 0) return stream_commit(d->stream, MSG_DATA, (size_t)n);
    if (n < 0) return fail(d, errno); /* reset: the host must not take it for an orderly end */
    d->wants_in = false;
    d->output_over = true;
    look(d);
    stream_send(d->stream, MSG_DATA, NULL, 0);
    end_if_over(d);
}

static void try_connect(struct dial *d);

static void finish_connect(struct dial *d) {
    int code = 0;
    socklen_t size = sizeof code;
    getsockopt(d->socket.fd, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code == ECONNREFUSED && d->second) {
        watch_close(&d->socket);
        return try_connect(d);
    }
    if (code) return fail(d, code);
    d->connected = true;
    d->wants_out = false;
    d->wants_in = true;
    look(d);
    stream_send(d->stream, MSG_OK, NULL, 0);
    stream_resume(d->stream);
}

static void socket_ready(struct watch *w, uint32_t events) {
    struct dial *d = OWNER(w, struct dial, socket);
    if (!d->connected) return finish_connect(d);
    if (events & EPOLLOUT && d->wants_out) {
        d->wants_out = false;
        look(d);
        stream_resume(d->stream);
        if (w->fd < 0) return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && d->wants_in) return read_socket(d);
    if (events & (EPOLLHUP | EPOLLERR)) { /* nothing left to read, nobody left to write to */
        d->input_over = true;
        if (d->output_over) return end_if_over(d);
        watch_change(w, 0); /* output waits for the host to read; `writable` looks again */
        stream_resume(d->stream);
    }
}

static size_t input(struct stream *s, const uint8_t *data, size_t size) {
    struct dial *d = s->state;
    if (!d->connected) return 0;
    if (d->input_over) return size;
    ssize_t n = send(d->socket.fd, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN && !d->udp) {
        d->wants_out = true;
        look(d);
        return 0;
    }
    if (n < 0 && !d->udp) {
        d->input_over = true; /* the reading side tells the host how it ended */
        return size;
    }
    if (!d->udp && (size_t)n < size) {
        d->wants_out = true;
        look(d);
        return (size_t)n;
    }
    return size; /* a datagram that does not go is lost, as datagrams are */
}

static void input_end(struct stream *s) {
    struct dial *d = s->state;
    if (d->udp) return;
    d->input_over = true;
    shutdown(d->socket.fd, SHUT_WR);
    end_if_over(d);
}

static void writable(struct stream *s) {
    struct dial *d = s->state;
    if (!d->connected || d->output_over) return;
    d->wants_in = true;
    look(d);
}

static void gone(struct stream *s) { release(s->state); }

static void host_closed(struct stream *s) {
    struct dial *d = s->state;
    stream_finish(s);
    release(d);
}

static const struct service stream_service = {
    .raw = MSG_DATA,
    .input = input,
    .input_end = input_end,
    .writable = writable,
    .host_closed = host_closed,
    .gone = gone,
};
static const struct service datagram_service = {
    .raw = MSG_DATA,
    .whole = true,
    .input = input,
    .input_end = input_end,
    .writable = writable,
    .host_closed = host_closed,
    .gone = gone,
};

/* The address of a request, its size, or 0 when it is none. */
static socklen_t resolve(const struct dial_request *r, union any_address *out) {
    *out = (union any_address){0};
    if (r->kind == DIAL_UNIX) {
        if (strlen(r->host) >= sizeof out->un.sun_path) return 0;
        out->un.sun_family = AF_UNIX;
        strcpy(out->un.sun_path, r->host);
        return sizeof out->un;
    }
    if (inet_pton(AF_INET, r->host, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(r->port);
        return sizeof out->v4;
    }
    *out = (union any_address){0};
    if (inet_pton(AF_INET6, r->host, &out->v6.sin6_addr) != 1) return 0;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(r->port);
    return sizeof out->v6;
}

/* `localhost` is an IPv6 address for some programs and an IPv4 one for others. */
static void next_localhost(struct dial *d) {
    if (d->second) {
        strcpy(d->request.host, "::1");
        d->second = false;
    } else if (d->request.kind != DIAL_UNIX && strcmp(d->request.host, "localhost") == 0) {
        strcpy(d->request.host, "127.0.0.1");
        d->second = true;
    }
}

static void try_connect(struct dial *d) {
    union any_address address;
    next_localhost(d);
    socklen_t size = resolve(&d->request, &address);
    if (size == 0) {
        struct stream *s = d->stream;
        release(d);
        return stream_error(s, REASON_BAD_REQUEST, EINVAL, "not an address");
    }
    int fd = socket(address.any.sa_family, (d->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    0);
    if (fd < 0) return fail(d, errno);
    int one = 1;
    if (d->request.kind == DIAL_TCP) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch_open(&d->socket, fd, 0, socket_ready);
    d->wants_out = true;
    if (connect(fd, &address.any, size) == 0) return finish_connect(d);
    if (errno == ECONNREFUSED && d->second) {
        watch_close(&d->socket);
        return try_connect(d);
    }
    if (errno != EINPROGRESS) return fail(d, errno);
    look(d);
}

void dial_open(struct stream *s, struct slice payload) {
    struct dial *d = calloc(1, sizeof *d);
    if (!d) return stream_error(s, REASON_FAILED, ENOMEM, "out of memory");
    const char *wrong = decode_dial(payload, &d->request);
    if (wrong) {
        free(d);
        return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    }
    d->stream = s;
    d->socket.fd = -1;
    d->udp = d->request.kind == DIAL_UDP;
    s->service = d->udp ? &datagram_service : &stream_service;
    s->state = d;
    try_connect(d);
}

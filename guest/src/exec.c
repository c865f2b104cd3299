#include "exec.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "processes.h"
#include "spawn.h"
#include "stream.h"

/* How long output that a background process holds open is waited for after the command's own end. */
#define DRAIN_MS 200
/* What is still read of a terminal after that: more than its buffers hold (12 KiB in Linux), in case its user writes on. */
#define TERMINAL_REST 65536
/* Between SIGHUP and SIGKILL for a session that the host has left. */
#define KILL_MS 2000

struct output {
    struct watch watch;
    struct exec *exec;
    uint16_t type;
    bool bounded; /* the drain time is over: what was there then, at most `left` bytes, is still sent */
    int left;
};

struct exec {
    struct exec *next;
    uint32_t id;
    struct stream *stream; /* NULL: the host has left */
    pid_t pid;             /* also the session's id */
    bool tty, started, ended;
    int status;
    struct child child;
    struct watch failure, input;
    struct spawn_failure why;
    size_t why_size;
    struct output out, err;
    struct timer timer; /* drain, or kill */
};

static struct exec *sessions;
static uint32_t last_id;

static void free_exec(struct exec *e) {
    struct exec **p = &sessions;
    while (*p != e) p = &(*p)->next;
    *p = e->next;
    timer_stop(&e->timer);
    child_forget(&e->child);
    watch_close(&e->failure);
    watch_close(&e->input);
    watch_close(&e->out.watch);
    watch_close(&e->err.watch);
    loop_free(e);
}

static void kill_session(struct timer *t) {
    struct exec *e = OWNER(t, struct exec, timer);
    session_kill(e->pid);
    if (e->ended)
        free_exec(e);
    else
        timer_start(t, KILL_MS, kill_session); /* a process in the kernel's hands dies when it comes out */
}

/* The host has left: the terminal goes, the group is told, and what is deaf gets killed. */
static void hang_up(struct exec *e) {
    e->stream = NULL;
    watch_close(&e->input);
    watch_close(&e->out.watch);
    watch_close(&e->err.watch);
    if (e->ended) return free_exec(e);
    kill(-e->pid, SIGHUP);
    kill(-e->pid, SIGCONT);
    timer_start(&e->timer, KILL_MS, kill_session);
}

void exec_hang_up_all(void) {
    struct exec *next;
    for (struct exec *e = sessions; e; e = next) {
        next = e->next;
        struct stream *s = e->stream;
        if (s) stream_detach(s);
        hang_up(e);
        if (s) stream_error(s, REASON_FAILED, 0, "the machine is shutting down");
    }
}

static void send_exit(struct exec *e) {
    uint8_t bytes[64];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    struct stream *s = e->stream;
    if (WIFSIGNALED(e->status)) {
        put_u32(&w, 0x02, (uint32_t)WTERMSIG(e->status));
        if (WCOREDUMP(e->status)) put_bytes(&w, 0x03, NULL, 0);
    } else {
        put_u32(&w, 0x01, (uint32_t)WEXITSTATUS(e->status));
    }
    stream_detach(s);
    free_exec(e);
    stream_send_fields(s, MSG_EXIT, &w);
    stream_finish(s);
}

static void close_output(struct output *o) {
    struct exec *e = o->exec;
    watch_close(&o->watch);
    if (e->ended && e->started && e->out.watch.fd < 0 && e->err.watch.fd < 0) send_exit(e);
}

/* From the pipe straight into the outbox, one piece. */
static void pass_piece(struct output *o) {
    struct stream *s = o->exec->stream;
    size_t room = stream_room(s);
    if (room == 0) return watch_change(&o->watch, 0);
    if (o->bounded && (size_t)o->left < room) room = (size_t)o->left;
    ssize_t n = read(o->watch.fd, stream_reserve(s, room), room);
    if (n < 0 && errno == EAGAIN && !o->bounded) return;
    if (n <= 0) return close_output(o); /* a terminal whose last user left says EIO */
    stream_commit(s, o->type, (size_t)n);
    o->left -= (int)n;
    if (o->bounded && o->left <= 0) close_output(o);
}

/* One piece a turn. */
static void output_ready(struct watch *w, uint32_t events) {
    (void)events;
    pass_piece(OWNER(w, struct output, watch));
}

/* All that there is room for: nothing tells of the end of an output that somebody holds open. */
static void pass_rest(struct output *o) {
    while (o->watch.fd >= 0 && stream_room(o->exec->stream) > 0) pass_piece(o);
    watch_change(&o->watch, 0);
}

/* Time is up for a background process that holds the output: what stands in the pipe now is still sent. */
static void bound_output(struct output *o) {
    if (o->watch.fd < 0) return;
    o->bounded = true;
    /* Of a terminal FIONREAD counts only what its line discipline holds, a third of what can be read. */
    if (o->exec->tty)
        o->left = TERMINAL_REST;
    else if (ioctl(o->watch.fd, FIONREAD, &o->left) < 0 || o->left <= 0)
        return close_output(o);
    pass_rest(o);
}

static void drain_over(struct timer *t) {
    struct exec *e = OWNER(t, struct exec, timer);
    if (!e->started) return timer_start(t, DRAIN_MS, drain_over);
    bool both = e->err.watch.fd >= 0;
    bound_output(&e->out);
    if (both) bound_output(&e->err); /* when this one was closed, the first call may have freed all */
}

static void start_output(struct output *o, struct exec *e, int fd, uint16_t type) {
    o->exec = e;
    o->type = type;
    watch_open(&o->watch, fd, 0, output_ready);
}

static void started(struct exec *e) {
    uint8_t bytes[64];
    struct writer w = {.data = bytes, .capacity = sizeof bytes};
    e->started = true;
    put_u32(&w, 0x01, e->id);
    put_u32(&w, 0x02, (uint32_t)e->pid);
    stream_send_fields(e->stream, MSG_STARTED, &w);
    if (!e->stream) return; /* memory was out */
    watch_change(&e->out.watch, EPOLLIN);
    watch_change(&e->err.watch, EPOLLIN);
    stream_resume(e->stream);
}

/* The error pipe: its end without a byte means that the command runs. */
static void failure_ready(struct watch *w, uint32_t events) {
    (void)events;
    struct exec *e = OWNER(w, struct exec, failure);
    ssize_t n = read(w->fd, (uint8_t *)&e->why + e->why_size, sizeof e->why - e->why_size);
    if (n < 0) return;
    e->why_size += (size_t)n;
    if (n > 0 && e->why_size < sizeof e->why) return;
    watch_close(w);
    if (!e->stream) return;
    if (e->why_size == 0) return started(e);
    struct stream *s = e->stream;
    e->stream = NULL;
    e->why.text[sizeof e->why.text - 1] = 0;
    stream_error(s, e->why.reason, e->why.code, e->why.text);
    if (e->ended) free_exec(e);
}

static void ended(struct child *c, int status) {
    struct exec *e = OWNER(c, struct exec, child);
    if (e->failure.fd >= 0) failure_ready(&e->failure, 0); /* its news is older than this */
    e->ended = true;
    e->status = status;
    if (!e->stream) {
        if (!e->timer.due || !session_exists(e->pid)) free_exec(e);
        return;
    }
    if (e->out.watch.fd < 0 && e->err.watch.fd < 0)
        send_exit(e);
    else
        timer_start(&e->timer, DRAIN_MS, drain_over);
}

/* Takes what the command takes; the rest waits in the stream, and its window tells the host. */
static size_t input(struct stream *s, const uint8_t *data, size_t size) {
    struct exec *e = s->state;
    if (!e->started) return 0;
    size_t taken = 0;
    while (taken < size && e->input.fd >= 0) {
        ssize_t n = write(e->input.fd, data + taken, size - taken);
        if (n > 0) {
            taken += (size_t)n;
        } else if (errno == EAGAIN) {
            watch_change(&e->input, EPOLLOUT);
            return taken;
        } else {
            watch_close(&e->input); /* nobody reads: the rest is thrown away */
        }
    }
    return size;
}

static void input_ready(struct watch *w, uint32_t events) {
    (void)events;
    struct exec *e = OWNER(w, struct exec, input);
    watch_change(w, 0);
    stream_resume(e->stream);
}

static void input_end(struct stream *s) {
    struct exec *e = s->state;
    if (!e->tty) watch_close(&e->input);
}

static void resume_output(struct output *o) {
    if (o->bounded)
        pass_rest(o);
    else
        watch_change(&o->watch, EPOLLIN);
}

static void writable(struct stream *s) {
    struct exec *e = s->state;
    if (!e->started) return;
    resume_output(&e->out);
    resume_output(&e->err); /* the first call may have freed all: then this one is closed */
}

static void gone(struct stream *s) { hang_up(s->state); }

static void host_closed(struct stream *s) {
    struct exec *e = s->state;
    stream_finish(s);
    hang_up(e);
}

static const struct service exec_service = {
    .raw = MSG_STDIN,
    .input = input,
    .input_end = input_end,
    .writable = writable,
    .host_closed = host_closed,
    .gone = gone,
};

static void begin(struct stream *s, const struct spawn *spawn, bool tty) {
    struct exec *e = calloc(1, sizeof *e);
    if (!e) {
        kill(spawn->pid, SIGKILL);
        return stream_error(s, REASON_FAILED, ENOMEM, "out of memory");
    }
    *e = (struct exec){.next = sessions, .id = ++last_id, .stream = s, .pid = spawn->pid, .tty = tty};
    sessions = e;
    s->service = &exec_service;
    s->state = e;
    child_watch(&e->child, spawn->pid, ended);
    watch_open(&e->failure, spawn->failure, EPOLLIN, failure_ready);
    watch_open(&e->input, spawn->input, 0, input_ready);
    start_output(&e->out, e, spawn->output, MSG_STDOUT);
    start_output(&e->err, e, spawn->errors, MSG_STDERR);
}

void exec_open(struct stream *s, struct slice payload) {
    struct exec_request r;
    struct spawn spawn;
    const char *wrong = decode_exec(payload, &r);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    if (spawn_command(&r, &spawn) < 0)
        stream_error(s, REASON_FAILED, errno, strerror(errno));
    else
        begin(s, &spawn, r.tty);
    request_exec_free(&r);
}

static struct exec *find(uint32_t id) {
    struct exec *e = sessions;
    while (e && (e->id != id || !e->stream)) e = e->next;
    return e;
}

void signal_open(struct stream *s, struct slice payload) {
    struct signal_request r;
    const char *wrong = decode_signal(payload, &r);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    struct exec *e = find(r.session);
    if (!e) return stream_error(s, REASON_FAILED, ESRCH, "no such session");
    pid_t front;
    kill(-e->pid, r.number);
    /* On a terminal a shell has put what it runs into a group of its own. */
    if (e->tty && e->input.fd >= 0 && ioctl(e->input.fd, TIOCGPGRP, &front) == 0 && front > 1 &&
        front != e->pid)
        kill(-front, r.number);
    stream_ok(s);
}

void resize_open(struct stream *s, struct slice payload) {
    struct resize_request r;
    const char *wrong = decode_resize(payload, &r);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    struct exec *e = find(r.session);
    if (!e) return stream_error(s, REASON_FAILED, ESRCH, "no such session");
    if (!e->tty) return stream_error(s, REASON_BAD_REQUEST, ENOTTY, "the session has no terminal");
    struct winsize size = {.ws_row = r.rows, .ws_col = r.columns};
    if (ioctl(e->input.fd, TIOCSWINSZ, &size) < 0)
        return stream_error(s, REASON_FAILED, errno, strerror(errno));
    stream_ok(s);
}

#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "stream.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#endif

#define PIPE_BYTES 262144 /* as for commands: long turns */

struct task {
    const struct task_job *job;
    struct stream *stream;
    struct child child;
    struct watch result, input;
    int commit;
    struct queue reply; /* the child's message so far, head included */
    bool replied, ended;
    int status;
};

static void release(struct task *t) {
    stream_detach(t->stream);
    watch_close(&t->result);
    watch_close(&t->input);
    if (t->commit >= 0) close(t->commit);
    child_forget(&t->child);
    queue_clear(&t->reply);
    loop_free(t);
}

/* The host has left. A child that reads its input or writes a body notices; any other finishes what it does. */
static void abandon(struct task *t) {
    if (t->job->done && !t->replied) t->job->done(false);
    release(t);
}

static void finish_with_error(struct task *t, const char *text) {
    struct stream *s = t->stream;
    if (t->job->done && !t->replied) t->job->done(false);
    release(t);
    stream_error(s, REASON_FAILED, 0, text);
}

/* Result pipe at its end and child reaped. */
static void complete(struct task *t) {
    if (t->result.fd >= 0 || !t->ended) return;
    bool well = WIFEXITED(t->status) && WEXITSTATUS(t->status) == 0;
    if (!t->replied || !well) return finish_with_error(t, "the work ended before its time");
    struct stream *s = t->stream;
    bool body = t->job->gives_body && read_u16(queue_data(&t->reply)) == MSG_OK;
    release(t);
    if (body) stream_send(s, MSG_DATA, NULL, 0);
    stream_finish(s);
}

/* Bytes still missing of the child's message, as far as that is known; 0: it is whole. */
static size_t missing(const struct task *t) {
    size_t have = queue_size(&t->reply);
    if (have < MESSAGE_HEAD) return MESSAGE_HEAD - have;
    return MESSAGE_HEAD + read_u32(queue_data(&t->reply) + 2) - have;
}

static void forward_reply(struct task *t) {
    const uint8_t *p = queue_data(&t->reply);
    t->replied = true;
    if (t->job->done) t->job->done(read_u16(p) == MSG_OK);
    stream_send(t->stream, read_u16(p), p + MESSAGE_HEAD, queue_size(&t->reply) - MESSAGE_HEAD);
}

static void end_of_result(struct task *t) {
    watch_close(&t->result);
    complete(t);
}

static void read_reply(struct task *t) {
    uint8_t bytes[4096];
    size_t want = missing(t) < sizeof bytes ? missing(t) : sizeof bytes;
    ssize_t n = read(t->result.fd, bytes, want);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || !queue_add(&t->reply, bytes, (size_t)n, MESSAGE_HEAD + MESSAGE_MAX))
        return end_of_result(t);
    if (missing(t) == 0) forward_reply(t);
}

static void read_body(struct task *t) {
    size_t room = stream_room(t->stream);
    if (room == 0) return watch_change(&t->result, 0);
    ssize_t n = read(t->result.fd, stream_reserve(t->stream, room), room);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return end_of_result(t);
    stream_commit(t->stream, MSG_DATA, (size_t)n);
}

static void result_ready(struct watch *w, uint32_t events) {
    (void)events;
    struct task *t = OWNER(w, struct task, result);
    if (t->replied)
        read_body(t);
    else
        read_reply(t);
}

static void ended(struct child *c, int status) {
    struct task *t = OWNER(c, struct task, child);
    t->ended = true;
    t->status = status;
    complete(t);
}

static size_t input(struct stream *s, const uint8_t *data, size_t size) {
    struct task *t = s->state;
    size_t taken = 0;
    while (taken < size && t->input.fd >= 0) {
        ssize_t n = write(t->input.fd, data + taken, size - taken);
        if (n > 0) {
            taken += (size_t)n;
        } else if (errno == EAGAIN) {
            watch_change(&t->input, EPOLLOUT);
            return taken;
        } else {
            watch_close(&t->input); /* the child has given up; its reply says why */
        }
    }
    return size;
}

static void input_ready(struct watch *w, uint32_t events) {
    (void)events;
    struct task *t = OWNER(w, struct task, input);
    watch_change(w, 0);
    stream_resume(t->stream);
}

static void input_end(struct stream *s) {
    struct task *t = s->state;
    if (t->commit < 0) return;
    if (write(t->commit, "", 1) < 0) errno = 0; /* the child has given up; its reply says why */
    close(t->commit);
    t->commit = -1;
    watch_close(&t->input);
}

static void writable(struct stream *s) {
    struct task *t = s->state;
    watch_change(&t->result, EPOLLIN);
}

static void gone(struct stream *s) { abandon(s->state); }

static void host_closed(struct stream *s) {
    struct task *t = s->state;
    if (t->commit < 0) return; /* nothing is missing: the reply still goes */
    stream_finish(s);
    abandon(t);
}

static const struct service plain_service = {.writable = writable, .host_closed = host_closed, .gone = gone};
static const struct service body_service = {
    .raw = MSG_DATA,
    .input = input,
    .input_end = input_end,
    .writable = writable,
    .host_closed = host_closed,
    .gone = gone,
};

void task_write(int fd, const void *data, size_t size) {
    const uint8_t *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(1);
        p += n;
        size -= (size_t)n;
    }
}

static void send_message(struct task_side *t, uint16_t type) {
    uint8_t head[MESSAGE_HEAD];
    write_u16(head, type);
    write_u32(head + 2, (uint32_t)t->reply.size);
    task_write(t->result, head, sizeof head);
    task_write(t->result, t->reply.data, t->reply.size);
}

void task_reply(struct task_side *t) {
    if (t->reply.overflow) task_fail(t, REASON_LIMIT, 0, "the reply does not fit a message");
    send_message(t, MSG_OK);
}

void task_fail(struct task_side *t, enum reason reason, int code, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->reply.size = 0;
    t->reply.overflow = false;
    put_error(&t->reply, reason, code, text);
    send_message(t, MSG_ERROR);
    _exit(0);
}

/* Moves what the child needs to 3, 4 and 5 and closes the rest: a child that lives long must not hold others' pipes open. */
static void keep_only(int fds[3]) {
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0) fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
    for (int i = 0; i < 3; i++) {
        if (fds[i] < 0) {
            close(3 + i);
        } else {
            dup2(fds[i], 3 + i);
            fds[i] = 3 + i;
        }
    }
    if (syscall(SYS_close_range, 6U, ~0U, 0U) < 0)
        for (int fd = 6; fd < 4096; fd++) close(fd);
}

static void run_child(const struct task_job *job, const void *argument, int fds[3]) __attribute__((noreturn));
static void run_child(const struct task_job *job, const void *argument, int fds[3]) {
    static uint8_t bytes[MESSAGE_MAX];
    loop_leave();
    keep_only(fds);
    struct task_side side = {.reply = {.data = bytes, .capacity = sizeof bytes},
                             .result = fds[0],
                             .input = fds[1],
                             .commit = fds[2]};
    job->work(&side, argument);
    _exit(0);
}

/* pipe2 with a big buffer; our end does not block. */
static bool open_pipe(int ends[2], int ours) {
    if (pipe2(ends, O_CLOEXEC) < 0) return false;
    fcntl(ends[ours], F_SETFL, fcntl(ends[ours], F_GETFL) | O_NONBLOCK);
    fcntl(ends[ours], F_SETPIPE_SZ, PIPE_BYTES);
    return true;
}

void task_start(struct stream *s, const struct task_job *job, const void *argument) {
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    struct task *t = calloc(1, sizeof *t);
    bool ready = t && open_pipe(pipes[0], 0) &&
                 (!job->takes_body || (open_pipe(pipes[1], 1) && open_pipe(pipes[2], 1)));
    pid_t pid = ready ? fork() : -1;
    if (pid == 0) run_child(job, argument, (int[3]){pipes[0][1], pipes[1][0], pipes[2][0]});
    int code = errno;
    int theirs[3] = {pipes[0][1], pipes[1][0], pipes[2][0]};
    for (int i = 0; i < 3; i++)
        if (theirs[i] >= 0) close(theirs[i]);
    if (pid < 0) {
        for (int i = 0; i < 3; i++)
            if (pipes[i][i > 0] >= 0) close(pipes[i][i > 0]);
        free(t);
        return stream_error(s, REASON_FAILED, code, strerror(code));
    }
    *t = (struct task){.job = job, .stream = s, .commit = pipes[2][1], .input = {.fd = -1}};
    s->service = job->takes_body ? &body_service : &plain_service;
    s->state = t;
    child_watch(&t->child, pid, ended);
    watch_open(&t->result, pipes[0][0], EPOLLIN, result_ready);
    if (job->takes_body) watch_open(&t->input, pipes[1][1], 0, input_ready);
}

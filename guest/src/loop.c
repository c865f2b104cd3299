#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define BATCH 32 /* events fetched at once: enough that a busy stream does not hide others */

static int epoll_fd = -1;
static bool running;
static void (*after_batch)(void);
static struct timer *timers;
static struct child *children;
static bool childless;
static struct watch signals = {.fd = -1};
static sigset_t caught;
static void (*handlers[65])(int);

/* Memory that waits for the end of the batch. */
static void **graves;
static size_t grave_count, grave_capacity;

void loop_free(void *memory) {
    if (grave_count == grave_capacity) {
        size_t capacity = grave_capacity ? grave_capacity * 2 : 64;
        void **more = realloc(graves, capacity * sizeof *graves);
        if (!more) return; /* lost, but never used after it was freed */
        graves = more;
        grave_capacity = capacity;
    }
    graves[grave_count++] = memory;
}

void loop_bury(void) {
    while (grave_count > 0) free(graves[--grave_count]);
}

static void set_interest(struct watch *w, uint32_t wants) {
    struct epoll_event event = {.events = wants, .data.ptr = w};
    int how = wants == 0 ? EPOLL_CTL_DEL : w->wants == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(epoll_fd, how, w->fd, &event) < 0) log_errno("epoll_ctl");
    w->wants = wants;
}

void watch_open(struct watch *w, int fd, uint32_t wants, void (*ready)(struct watch *, uint32_t)) {
    *w = (struct watch){.fd = fd, .ready = ready};
    if (wants) set_interest(w, wants);
}

void watch_change(struct watch *w, uint32_t wants) {
    if (w->fd >= 0 && w->wants != wants) set_interest(w, wants);
}

void watch_close(struct watch *w) {
    if (w->fd < 0) return;
    watch_change(w, 0);
    close(w->fd);
    w->fd = -1;
}

uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void timer_start(struct timer *t, uint64_t ms, void (*fire)(struct timer *)) {
    timer_stop(t);
    t->due = now_ms() + ms + 1; /* never 0, never early */
    t->fire = fire;
    t->next = timers;
    timers = t;
}

void timer_stop(struct timer *t) {
    if (t->due == 0) return;
    struct timer **p = &timers;
    while (*p != t) p = &(*p)->next;
    *p = t->next;
    t->due = 0;
}

/* How long epoll may sleep. */
static int until_timer(void) {
    if (!timers) return -1;
    uint64_t due = UINT64_MAX, now = now_ms();
    for (struct timer *t = timers; t; t = t->next)
        if (t->due < due) due = t->due;
    return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

/* A timer may start or stop any other: look from the start again after each. */
static void fire_timers(void) {
    uint64_t now = now_ms();
    struct timer *t = timers;
    while (t) {
        if (t->due <= now) {
            timer_stop(t);
            t->fire(t);
            t = timers;
        } else {
            t = t->next;
        }
    }
}

void child_watch(struct child *c, pid_t pid, void (*ended)(struct child *, int)) {
    c->pid = pid;
    c->ended = ended;
    c->next = children;
    children = c;
}

void child_forget(struct child *c) {
    if (c->pid == 0) return;
    struct child **p = &children;
    while (*p != c) p = &(*p)->next;
    *p = c->next;
    c->pid = 0;
}

/* Reaps whatever ended: as PID 1 that includes orphans nobody here started. */
static void reap(void) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = children;
        while (c && c->pid != pid) c = c->next;
        if (!c) continue;
        child_forget(c);
        c->ended(c, status);
    }
    childless = pid < 0 && errno == ECHILD;
}

bool no_children(void) {
    reap();
    return childless;
}

static void signal_ready(struct watch *w, uint32_t events) {
    (void)events;
    struct signalfd_siginfo info;
    while (read(w->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap();
        else if (info.ssi_signo < 65 && handlers[info.ssi_signo])
            handlers[info.ssi_signo]((int)info.ssi_signo);
    }
}

void loop_on_signal(int number, void (*handle)(int)) {
    handlers[number] = handle;
    sigaddset(&caught, number);
    sigprocmask(SIG_SETMASK, &caught, NULL);
    signalfd(signals.fd, &caught, 0);
}

void loop_init(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1");
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&caught);
    sigaddset(&caught, SIGCHLD);
    sigprocmask(SIG_SETMASK, &caught, NULL);
    int fd = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) die("signalfd");
    watch_open(&signals, fd, EPOLLIN, signal_ready);
}

void loop_leave(void) {
    for (int i = 1; i < 65; i++) signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void loop_after_batch(void (*call)(void)) { after_batch = call; }

void loop_stop(void) { running = false; }

void loop_run(void) {
    running = true;
    while (running) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(epoll_fd, events, BATCH, until_timer());
        for (int i = 0; i < n; i++) {
            struct watch *w = events[i].data.ptr;
            if (w->fd >= 0 && w->wants) w->ready(w, events[i].events);
        }
        fire_timers();
        if (after_batch) after_batch();
        loop_bury();
    }
}

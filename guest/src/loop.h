/* The event loop: descriptors, timers and child processes, in one thread. Nothing that it calls may block. */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor to look at. Embedded in its owner, which is freed with `loop_free` only. fd is -1 when there is none. */
struct watch {
    int fd;
    uint32_t wants; /* EPOLLIN, EPOLLOUT, EPOLLET; 0: not looked at, not even for a hang-up */
    void (*ready)(struct watch *w, uint32_t events);
};

struct timer {
    uint64_t due; /* 0: not running */
    void (*fire)(struct timer *t);
    struct timer *next;
};

struct child {
    pid_t pid; /* 0: none */
    void (*ended)(struct child *c, int status);
    struct child *next;
};

/* From an embedded part to what it is embedded in. */
#define OWNER(part, type, name) ((type *)(void *)((char *)(part)-offsetof(type, name)))

void loop_init(void);
/* Runs until `loop_stop`. */
void loop_run(void);
void loop_stop(void);
/* Called after each batch of events. */
void loop_after_batch(void (*call)(void));

/* Frees memory once no event that was already fetched can refer to it. */
void loop_free(void *memory);
/* Does so; the loop calls it after each batch. */
void loop_bury(void);

void watch_open(struct watch *w, int fd, uint32_t wants, void (*ready)(struct watch *, uint32_t));
void watch_change(struct watch *w, uint32_t wants);
/* Stops looking and closes the descriptor. Harmless when there is none. */
void watch_close(struct watch *w);

/* Milliseconds on a clock that never jumps. */
uint64_t now_ms(void);
void timer_start(struct timer *t, uint64_t ms, void (*fire)(struct timer *));
void timer_stop(struct timer *t);

void child_watch(struct child *c, pid_t pid, void (*ended)(struct child *, int status));
void child_forget(struct child *c);
/* True when no child of any kind is left; in PID 1 that means no other process of a user is. */
bool no_children(void);

/* In a forked child: back to an ordinary process, with no handler, no blocked signal and none of the loop's descriptors. */
void loop_leave(void);

/* A signal to this process itself, other than SIGCHLD. */
void loop_on_signal(int number, void (*handle)(int number));

#endif

/*
 * Work that may take long or block (files, sync, /proc, disks) runs in a forked child, so that the loop never waits for it.
 * The child's answer is one message; a task may also take or give a body of `data` messages.
 */
#ifndef TASK_H
#define TASK_H

#include "yamux.h"

/* The child's view. */
struct task_side {
    struct writer reply; /* up to MESSAGE_MAX */
    int result;          /* task_reply writes there, and then the body that the task gives */
    int input;           /* the body that the task takes, until its end */
    int commit;          /* one byte once the body came whole; its end without one: it did not */
};

struct task_job {
    /* Runs in the child and ends with task_reply or task_fail; returning means that all is done. */
    void (*work)(struct task_side *t, const void *argument);
    bool takes_body, gives_body;
    void (*done)(bool ok); /* in the parent, just before the reply goes out; may be NULL */
};

/* Starts `job` for a stream, whose service it becomes. `argument` need not outlive the call. */
void task_start(struct stream *s, const struct task_job *job, const void *argument);

/* Child: sends `ok` with the fields in `reply`. */
void task_reply(struct task_side *t);
/* Child: sends `error` and exits. */
void task_fail(struct task_side *t, enum reason reason, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));
/* Child: writes all of it or exits, since then nobody is there to read. */
void task_write(int fd, const void *data, size_t size);

#endif

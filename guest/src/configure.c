#include "configure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "entropy.h"
#include "etc.h"
#include "grow.h"
#include "init.h"
#include "net.h"
#include "request.h"
#include "stream.h"
#include "task.h"
#include "warn.h"

/* A clock this near is left alone: stepping it would disturb more than it mends. */
#define CLOCK_TOLERANCE_NS 100000000

static bool busy;
static char **next_environment;

static struct task_side *warned; /* only in the child */

void configure_warn(const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_text(&warned->reply, 0x01, text);
}

#ifndef HOSTED

static void set_clock(uint64_t wanted) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec, difference = (int64_t)wanted - now;
    if (difference < CLOCK_TOLERANCE_NS && difference > -CLOCK_TOLERANCE_NS) return;
    t.tv_sec = (time_t)(wanted / 1000000000);
    t.tv_nsec = (long)(wanted % 1000000000);
    if (clock_settime(CLOCK_REALTIME, &t) < 0) configure_warn("clock: %s", strerror(errno));
}

static void set_machine(const struct configure_request *r) {
    if (r->entropy.size > 0 && add_entropy(r->entropy) < 0) configure_warn("entropy: %s", strerror(errno));
    if (r->time) set_clock(r->time);
    if (*r->hostname && sethostname(r->hostname, strlen(r->hostname)) < 0)
        configure_warn("hostname: %s", strerror(errno));
    net_configure(r);
    if (r->grow) grow_file_systems();
}

#else

static void set_machine(const struct configure_request *r) { (void)r; }

#endif

static void configure_work(struct task_side *t, const void *argument) {
    const struct configure_request *r = argument;
    warned = t;
    set_machine(r);
    etc_configure(r);
    task_reply(t);
}

/* The list of variables of a payload, in one piece of memory; NULL when there are none. */
static char **copy_environment(struct slice payload) {
    struct slice rest = payload, value;
    size_t count = 0, bytes = 0;
    while (configure_next(&rest, CONFIGURE_ENV, &value)) {
        count++;
        bytes += value.size + 1;
    }
    char **list = count ? malloc((count + 1) * sizeof *list + bytes) : NULL;
    if (!list) return NULL;
    char *text = (char *)(list + count + 1);
    rest = payload;
    for (size_t i = 0; i < count && configure_next(&rest, CONFIGURE_ENV, &value); i++) {
        memcpy(text, value.data, value.size);
        text[value.size] = 0;
        list[i] = text;
        text += value.size + 1;
    }
    list[count] = NULL;
    return list;
}

static void done(bool ok) {
    busy = false;
    if (!ok || !next_environment) {
        free(next_environment);
    } else {
        free(agent.environment);
        agent.environment = next_environment;
    }
    next_environment = NULL;
    if (!ok) return;
    agent.configured = true;
    init_release();
}

void configure_open(struct stream *s, struct slice payload) {
    static const struct task_job job = {.work = configure_work, .done = done};
    struct configure_request r;
    const char *wrong = decode_configure(payload, &r);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    if (busy) return stream_error(s, REASON_LIMIT, EBUSY, "another configure is under way");
    next_environment = copy_environment(payload);
    busy = true;
    task_start(s, &job, &r);
    if (!s->service) busy = false; /* it did not start */
}

#include "power.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "channel.h"
#include "events.h"
#include "exec.h"
#include "init.h"
#include "log.h"
#include "loop.h"
#include "stream.h"

/* Whoever asked, the host or a command in a session, ends in its own way first. */
#define SOON_MS 50
/* The reply reaches the host before the machine goes; a host that does not read does not keep it. */
#define DRAIN_MS 200

static bool begun;

#ifndef HOSTED

/* Processes that end at all on SIGTERM do so in this time; the host has a deadline of its own behind it. */
#define TERM_MS 3000
/* After SIGKILL only processes that wait for a dead device are left. */
#define KILL_MS 1000
/* How often the dead are counted. */
#define LOOK_MS 10
/* An init that has not taken the machine down by then does not do it; the host waits a little longer. */
#define INIT_MS 30000
/* An init that is still starting has no handler yet for what it is asked with, and the kernel drops it. */
#define ASK_AGAIN_MS 500

static enum shutdown_how wanted;
static struct timer timer;
static uint64_t deadline;

static void leave(void) __attribute__((noreturn));
static void leave(void) {
    channel_drain(DRAIN_MS);
    sync();
    if (agent.is_init) {
        umount2("/root", MNT_DETACH);
        if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0) log_errno("remount / read-only");
        sync();
    }
    log_line("%s", wanted == SHUTDOWN_REBOOT ? "reboot" : "power off");
    reboot(wanted == SHUTDOWN_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
    for (;;) pause();
}

static void after_kill(struct timer *t) {
    if (no_children() || now_ms() >= deadline) leave();
    timer_start(t, LOOK_MS, after_kill);
}

static void after_term(struct timer *t) {
    if (no_children()) leave();
    if (now_ms() < deadline) return timer_start(t, LOOK_MS, after_term);
    kill(-1, SIGKILL);
    deadline = now_ms() + KILL_MS;
    timer_start(t, LOOK_MS, after_kill);
}

/* PID 1: everything is asked to end, then made to. A shell ignores SIGTERM, but not SIGHUP. */
static void end_all(void) {
    kill(-1, SIGTERM);
    kill(-1, SIGHUP);
    kill(-1, SIGCONT);
    deadline = now_ms() + TERM_MS;
    timer_start(&timer, 0, after_term);
}

static void ask_init(struct timer *t) {
    if (now_ms() >= deadline) {
        log_line("the init has not ended the machine in %d s", INIT_MS / 1000);
        leave();
    }
    if (!init_shutdown(wanted)) leave();
    timer_start(t, ASK_AGAIN_MS, ask_init);
}

void power_begin(enum shutdown_how how) {
    if (how == SHUTDOWN_AT_ONCE) {
        wanted = how;
        channel_drain(DRAIN_MS);
        sync();
        reboot(RB_POWER_OFF);
    }
    if (begun) return;
    begun = true;
    wanted = how;
    event_raise("shutting-down", how == SHUTDOWN_REBOOT ? "reboot" : "power off");
    if (agent.is_init) return end_all(); /* each session ends with its command, and says how */
    exec_hang_up_all();
    deadline = now_ms() + INIT_MS;
    ask_init(&timer);
}

static void begin_now(struct timer *t) {
    (void)t;
    power_begin(wanted);
}

void power_begin_soon(enum shutdown_how how) {
    if (begun) return;
    wanted = how;
    timer_start(&timer, SOON_MS, begin_now);
}

#else

static struct timer soon;
static void stop(struct timer *t) {
    (void)t;
    channel_drain(DRAIN_MS);
    loop_stop();
}

void power_begin(enum shutdown_how how) {
    if (begun) return;
    begun = true;
    event_raise("shutting-down", how == SHUTDOWN_REBOOT ? "reboot" : "power off");
    exec_hang_up_all();
    timer_start(&soon, SOON_MS, stop);
}

void power_begin_soon(enum shutdown_how how) { power_begin(how); }

#endif

void shutdown_open(struct stream *s, struct slice payload) {
    enum shutdown_how how;
    const char *wrong = decode_shutdown(payload, &how);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    stream_ok(s);
    power_begin_soon(how);
}

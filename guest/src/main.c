/* Entry: what this process is to be. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#ifndef HOSTED
#include "boot.h"
#endif
#include "channel.h"
#include "events.h"
#include "log.h"
#include "loop.h"

struct agent agent = {.init = "agent", .root = "", .cgroup = -1};

static char boot_id[64];

static void read_boot_id(void) {
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, boot_id, sizeof boot_id - 1);
    if (fd >= 0) close(fd);
    boot_id[n > 0 ? n : 0] = 0;
    boot_id[strcspn(boot_id, "\n")] = 0;
}

void agent_hello(struct writer *w) {
    put_u32(w, 0x01, GENERATION);
    put_text(w, 0x02, AGENT_VERSION);
    put_text(w, 0x03, boot_id);
    put_u8(w, 0x04, agent.configured);
    put_text(w, 0x05, agent.init);
}

static void serve(const char *path) {
    read_boot_id();
    channel_start(path, agent_request, agent_hello);
    loop_run();
}

#ifdef HOSTED

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(
            stderr,
            "usage: %s SOCKET ROOT\n  serves the agent's protocol on SOCKET; configure writes under ROOT\n",
            argv[0]);
        return 2;
    }
    agent.root = argv[2];
    loop_init();
    event_raise("init-ready", "hosted");
    serve(argv[1]);
    return 0;
}

#else

int main(int argc, char **argv) {
    if (getpid() != 1) return boot_command(argc, argv);
    boot(argv);
    serve(NULL);
    fatal("the loop has ended");
}

#endif

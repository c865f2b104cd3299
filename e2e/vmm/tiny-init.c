/*
 * PID 1 of a guest for tests of VMM drivers: loads the modules of the initramfs, answers the handshake of
 * guest/PROTOCOL.md, section 1, on the agent's port, and then does what single letters tell:
 * P power off, R reboot, X panic, W fill the first disk. A letter that is not one of these begins a new hello.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAGIC = 16, KEY = 32, NONCE = 16, HELLO = MAGIC + KEY + NONCE };

static void load_modules(void) {
    FILE *order = fopen("/modules/order", "r");
    char name[NAME_MAX + 1], path[PATH_MAX];
    while (order && fscanf(order, "%255s", name) == 1) {
        snprintf(path, sizeof path, "/modules/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)) printf("tiny-init: %s: %m\n", name);
        if (fd >= 0) close(fd);
    }
    if (order) fclose(order);
}

static int try_port(const char *port) {
    char path[PATH_MAX], name[32] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", port);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t got = read(fd, name, sizeof name - 1);
    close(fd);
    if (got < 0 || strcmp(name, "banger.agent\n")) return -1;
    snprintf(path, sizeof path, "/dev/%s", port);
    return open(path, O_RDWR | O_CLOEXEC);
}

static int find_port(void) {
    for (;; usleep(10000)) {
        DIR *ports = opendir("/sys/class/virtio-ports");
        int fd = -1;
        for (struct dirent *entry; ports && fd < 0 && (entry = readdir(ports));) fd = try_port(entry->d_name);
        if (ports) closedir(ports);
        if (fd >= 0) return fd;
    }
}

static void fill_disk(void) {
    static char block[1 << 20];
    memset(block, 0x5a, sizeof block);
    int fd = open("/dev/vda", O_WRONLY | O_SYNC);
    while (write(fd, block, sizeof block) > 0) {}
    close(fd);
}

static void act(char letter) {
    if (letter == 'P') reboot(RB_POWER_OFF);
    if (letter == 'R') reboot(RB_AUTOBOOT);
    if (letter == 'W') fill_disk();
    if (letter == 'X') {
        int fd = open("/proc/sysrq-trigger", O_WRONLY);
        if (write(fd, "c", 1) < 0) printf("tiny-init: sysrq: %m\n");
    }
}

int main(void) {
    mount("proc", "/proc", "proc", 0, 0);
    mount("sysfs", "/sys", "sysfs", 0, 0);
    mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
    load_modules();
    int fd = find_port();
    char hello[HELLO];
    for (size_t held = 0;;) {
        char byte;
        if (read(fd, &byte, 1) != 1) {
            usleep(20000); /* nobody is connected */
            continue;
        }
        if (held == 0) act(byte);
        hello[held++] = byte;
        if (held <= MAGIC && memcmp(hello, "banger-hello-v1\n", held)) held = 0;
        if (held < HELLO) continue;
        char answer[MAGIC + NONCE + 4] = "banger-agent-v1\n";
        memcpy(answer + MAGIC, hello + MAGIC + KEY, NONCE);
        if (write(fd, answer, sizeof answer) < 0) printf("tiny-init: answer: %m\n");
        held = 0;
    }
}

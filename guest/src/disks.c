#include "disks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

/* A disk is there some milliseconds after its driver; what has not come by then does not exist. */
#define WAIT_MS 5000
#define POLL_NS 2000000

/* The first line of a file under /sys; empty when there is none. */
static void read_line(const char *path, char *out, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, capacity - 1);
    if (fd >= 0) close(fd);
    out[n > 0 ? n : 0] = 0;
    out[strcspn(out, "\n")] = 0;
}

static bool disk_find(const char *serial, char *device, size_t capacity) {
    DIR *dir = opendir("/sys/block");
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        char path[300], text[64];
        if (strncmp(e->d_name, "vd", 2) != 0) continue;
        snprintf(path, sizeof path, "/sys/block/%s/serial", e->d_name);
        read_line(path, text, sizeof text);
        if (strcmp(text, serial) != 0) continue;
        snprintf(device, capacity, "/dev/%s", e->d_name);
        found = access(device, F_OK) == 0;
    }
    if (dir) closedir(dir);
    return found;
}

bool disk_wait(const char *serial, char *device, size_t capacity) {
    uint64_t end = now_ms() + WAIT_MS;
    while (!disk_find(serial, device, capacity)) {
        if (now_ms() >= end) return false;
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
    return true;
}

bool disk_discards(const char *device) {
    char path[300], text[64];
    snprintf(path, sizeof path, "/sys/block/%s/queue/discard_max_bytes", strrchr(device, '/') + 1);
    read_line(path, text, sizeof text);
    return strtoull(text, NULL, 10) > 0;
}

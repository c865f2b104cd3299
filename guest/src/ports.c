#include "ports.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task.h"

#define LISTENERS_MAX 1024

#define TCP_LISTEN 0x0a
#define UDP_UNCONNECTED 0x07

/* Words of eight hex digits, each in the machine's own byte order, as the kernel prints addresses. */
static bool parse_address(const char *text, uint8_t *out, uint8_t *size) {
    size_t digits = strspn(text, "0123456789ABCDEFabcdef");
    if (digits != 8 && digits != 32) return false;
    for (size_t i = 0; i < digits / 8; i++) {
        char word[9] = {0};
        memcpy(word, text + 8 * i, 8);
        uint32_t n = (uint32_t)strtoul(word, NULL, 16);
        memcpy(out + 4 * i, &n, 4);
    }
    *size = (uint8_t)(digits / 2);
    return true;
}

bool listener_line(const char *line, uint8_t protocol, struct listener *out) {
    char local[80], remote[80];
    unsigned state;
    unsigned long inode;
    if (sscanf(line, " %*d: %79s %79s %x %*s %*s %*s %*u %*u %lu", local, remote, &state, &inode) != 4)
        return false;
    char *port = strchr(local, ':');
    if (state != (protocol == 1 ? TCP_LISTEN : UDP_UNCONNECTED) || !port) return false;
    *out = (struct listener){.protocol = protocol, .inode = inode};
    out->port = (uint16_t)strtoul(port + 1, NULL, 16);
    return parse_address(local, out->address, &out->address_size);
}

static size_t read_table(const char *path, uint8_t protocol, struct listener *list, size_t count) {
    FILE *file = fopen(path, "re");
    char line[512];
    while (file && count < LISTENERS_MAX && fgets(line, sizeof line, file))
        if (listener_line(line, protocol, &list[count])) count++;
    if (file) fclose(file);
    return count;
}

static void read_program(const char *pid, struct listener *l) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, l->program, sizeof l->program - 1);
    if (fd >= 0) close(fd);
    l->program[n > 0 ? n : 0] = 0;
    l->program[strcspn(l->program, "\n")] = 0;
    l->pid = (unsigned)strtoul(pid, NULL, 10);
}

/* Marks the listeners whose sockets a process holds. */
static void look_at_process(const char *pid, struct listener *list, size_t count) {
    char path[600], target[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, e->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        unsigned long inode;
        if (n <= 0) continue;
        target[n] = 0;
        if (sscanf(target, "socket:[%lu]", &inode) != 1) continue;
        for (size_t i = 0; i < count; i++)
            if (list[i].inode == inode && list[i].pid == 0) read_program(pid, &list[i]);
    }
    if (dir) closedir(dir);
}

static void ports_work(struct task_side *t, const void *argument) {
    (void)argument;
    static struct listener list[LISTENERS_MAX];
    size_t count = read_table("/proc/net/tcp", 1, list, 0);
    count = read_table("/proc/net/tcp6", 1, list, count);
    count = read_table("/proc/net/udp", 2, list, count);
    count = read_table("/proc/net/udp6", 2, list, count);
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && count > 0 && (e = readdir(dir));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9') look_at_process(e->d_name, list, count);
    for (size_t i = 0; i < count; i++) {
        size_t before = t->reply.size, mark = put_open(&t->reply, 0x01);
        put_u8(&t->reply, 0x01, list[i].protocol);
        put_bytes(&t->reply, 0x02, list[i].address, list[i].address_size);
        put_u16(&t->reply, 0x03, list[i].port);
        if (list[i].pid) put_u32(&t->reply, 0x04, list[i].pid);
        if (list[i].pid) put_text(&t->reply, 0x05, list[i].program);
        put_close(&t->reply, mark);
        if (!t->reply.overflow) continue;
        t->reply.overflow = false; /* as many as fit a message */
        t->reply.size = before;
        break;
    }
    task_reply(t);
}

void ports_open(struct stream *s, struct slice payload) {
    (void)payload;
    static const struct task_job job = {.work = ports_work};
    task_start(s, &job, NULL);
}

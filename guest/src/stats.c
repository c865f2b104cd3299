#include "stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "task.h"

static void put_uptime(struct writer *w) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    put_u64(w, 0x01, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

/* The first line of /proc/stat: user nice system idle iowait irq softirq steal; guest time is part of user's. */
static void put_cpu(struct writer *w) {
    unsigned long long n[8] = {0}, total = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file) return;
    if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
               &n[6], &n[7]) >= 4) {
        for (int i = 0; i < 8; i++) total += n[i];
        put_u64(w, 0x02, total);
        put_u64(w, 0x03, n[3] + n[4]);
    }
    fclose(file);
}

static void put_memory(struct writer *w) {
    char line[128];
    unsigned long long kib;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "MemTotal: %llu", &kib) == 1) put_u64(w, 0x04, kib * 1024);
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1) put_u64(w, 0x05, kib * 1024);
    }
    if (file) fclose(file);
}

static void put_file_system(struct writer *w, const char *path) {
    struct statvfs v;
    if (statvfs(path, &v) < 0) return;
    size_t mark = put_open(w, 0x06);
    put_text(w, 0x01, path);
    put_u64(w, 0x02, (uint64_t)v.f_blocks * v.f_frsize);
    put_u64(w, 0x03, (uint64_t)v.f_bavail * v.f_frsize);
    put_close(w, mark);
}

static void put_file_systems(struct writer *w) {
    struct stat root, work;
    put_file_system(w, "/");
    if (stat("/", &root) == 0 && stat("/root", &work) == 0 && root.st_dev != work.st_dev)
        put_file_system(w, "/root");
}

static void put_load(struct writer *w) {
    unsigned whole, hundredths;
    FILE *file = fopen("/proc/loadavg", "re");
    if (!file) return;
    if (fscanf(file, "%u.%u", &whole, &hundredths) == 2) put_u32(w, 0x07, whole * 1000 + hundredths * 10);
    fclose(file);
}

/* All interfaces but the loopback one. */
static void put_traffic(struct writer *w) {
    char line[512], name[32];
    unsigned long long rx, tx, rx_total = 0, tx_total = 0;
    FILE *file = fopen("/proc/net/dev", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, " %31[^:]: %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &rx, &tx) != 3 ||
            strcmp(name, "lo") == 0)
            continue;
        rx_total += rx;
        tx_total += tx;
    }
    if (file) fclose(file);
    put_u64(w, 0x08, rx_total);
    put_u64(w, 0x09, tx_total);
}

static void put_processes(struct writer *w) {
    uint32_t count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && (e = readdir(dir));) count += e->d_name[0] >= '1' && e->d_name[0] <= '9';
    if (dir) closedir(dir);
    put_u32(w, 0x0a, count);
}

static void stats_work(struct task_side *t, const void *argument) {
    (void)argument;
    put_uptime(&t->reply);
    put_cpu(&t->reply);
    put_memory(&t->reply);
    put_file_systems(&t->reply);
    put_load(&t->reply);
    put_traffic(&t->reply);
    put_processes(&t->reply);
    task_reply(t);
}

void stats_open(struct stream *s, struct slice payload) {
    (void)payload;
    static const struct task_job job = {.work = stats_work};
    task_start(s, &job, NULL);
}

static void sync_work(struct task_side *t, const void *argument) {
    (void)argument;
    sync();
    task_reply(t);
}

void sync_open(struct stream *s, struct slice payload) {
    (void)payload;
    static const struct task_job job = {.work = sync_work};
    task_start(s, &job, NULL);
}

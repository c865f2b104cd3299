#include "systemd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fstab.h"
#include "log.h"
#include "text.h"

/* Comes before the image's own units; for what cannot work in this machine at all. */
#define CONTROL "/run/systemd/system.control"
/* Comes after /etc but before the distribution's units: an image that insists is left alone. */
#define RUNTIME "/run/systemd/system"

#define NETWORK "/run/systemd/network"

bool systemd_is(const char *init) {
    char path[PATH_MAX];
    if (!realpath(init, path)) return false;
    const char *base = strrchr(path, '/');
    return base && strcmp(base, "/systemd") == 0;
}

static void mask(const char *directory, const char *unit) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, unit);
    if (symlink("/dev/null", path) < 0 && errno != EEXIST) log_errno(path);
}

static bool plain(char c, bool first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':' || (c == '.' && !first);
}

bool systemd_unit_name(const char *path, const char *suffix, char *out, size_t capacity) {
    size_t size = 0;
    path += strspn(path, "/");
    for (bool first = true; *path; first = false) {
        if (size + 5 > capacity) return false;
        if (*path == '/') {
            path += strspn(path, "/");
            if (*path) out[size++] = '-';
        } else if (plain(*path, first)) {
            out[size++] = *path++;
        } else {
            size += (size_t)snprintf(out + size, capacity - size, "\\x%02x", (unsigned char)*path++);
        }
    }
    return size > 0 && (size_t)snprintf(out + size, capacity - size, "%s", suffix) < capacity - size;
}

/*
 * A unit of the same name that comes before the one systemd makes from fstab. It names no device, so nothing waits, and
 * its condition does not hold, so it is passed over without having failed: a masked unit would fail local-fs.target.
 */
static void pass_over_mount(const char *target) {
    char unit[400], path[PATH_MAX];
    if (!systemd_unit_name(target, ".mount", unit, sizeof unit)) return;
    snprintf(path, sizeof path, CONTROL "/%s", unit);
    FILE *file = fopen(path, "we");
    if (!file) return log_errno(path);
    fprintf(file,
            "[Unit]\nDescription=%s of the image's fstab, whose device this machine does not have\n"
            "ConditionPathExists=!/\n\n[Mount]\nWhat=none\nWhere=%s\nType=tmpfs\n",
            target, target);
    fclose(file);
}

/* Where systemd looks for a device that fstab names by tag; the unit of a swap has that path's name. */
static bool device_path(const char *source, char *out, size_t capacity) {
    static const char *const places[][2] = {{"LABEL=", "/dev/disk/by-label/"},
                                            {"UUID=", "/dev/disk/by-uuid/"},
                                            {"PARTLABEL=", "/dev/disk/by-partlabel/"},
                                            {"PARTUUID=", "/dev/disk/by-partuuid/"},
                                            {"ID=", "/dev/disk/by-id/"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t n = strlen(places[i][0]);
        if (strncmp(source, places[i][0], n) == 0)
            return (size_t)snprintf(out, capacity, "%s%s", places[i][1], source + n) < capacity;
    }
    return (size_t)snprintf(out, capacity, "%s", source) < capacity;
}

/* Nothing but two disks with a file system each is in this machine, and root and /root are mounted already. */
static void pass_over(const struct fstab_entry *e) {
    char path[PATH_MAX], unit[400];
    if (!fstab_needs_device(e)) return;
    /* It would look for the device that fstab gives to the root, which is mounted already, and fail. */
    if (strcmp(e->target, "/") == 0) return mask(RUNTIME, "systemd-remount-fs.service");
    if (strcmp(e->type, "swap") != 0) return pass_over_mount(e->target);
    if (device_path(e->source, path, sizeof path) && systemd_unit_name(path, ".swap", unit, sizeof unit))
        mask(CONTROL, unit);
}

static void read_fstab(void) {
    struct fstab_entry e;
    char *text = read_text("/etc/fstab"), *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (fstab_line(line, &e)) pass_over(&e);
    free(text);
}

void systemd_prepare(void) {
    mkdir("/run/systemd", 0755);
    mkdir(CONTROL, 0755);
    mkdir(RUNTIME, 0755);
    /* The console is a log: nobody can log in there, and without udev its device is waited for 90 seconds. */
    mask(CONTROL, "serial-getty@ttyS0.service");
    /* It would ask questions on that console. */
    mask(RUNTIME, "systemd-firstboot.service");
    /* They wait two minutes for interfaces that the agent, not they, has set up. */
    mask(RUNTIME, "systemd-networkd-wait-online.service");
    mask(RUNTIME, "NetworkManager-wait-online.service");
    /* udev would rename the interface that the agent sets up at the same time. */
    mkdir(NETWORK, 0755);
    mask(NETWORK, "99-default.link");
    read_fstab();
}

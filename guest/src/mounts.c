#include "mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "directories.h"
#include "disks.h"
#include "log.h"
#include "modules.h"
#include "nodes.h"

#define NEW_ROOT "/newroot"

static void mount_at(const char *type, const char *path, unsigned long flags, const char *options) {
    own_directory(path);
    if (mount(type, path, type, flags, options) < 0 && errno != EBUSY)
        log_line("mount %s: %s", path, strerror(errno));
}

void mount_kernel(void) {
    mount_at("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=4m"); /* nodes only */
}

static void mount_disk(const char *serial, const char *path) {
    char device[64];
    if (!disk_wait(serial, device, sizeof device)) fatal("there is no disk with the serial '%s'", serial);
    own_directory(path);
    if (mount(device, path, "ext4", 0, disk_discards(device) ? "discard" : "") < 0)
        fatal("the disk '%s' (%s) cannot be mounted: %s", serial, device, strerror(errno));
}

/* Takes a mount along to the new root. */
static void move_mount_in(const char *path) {
    char target[64];
    snprintf(target, sizeof target, NEW_ROOT "%s", path);
    own_directory(target);
    if (mount(path, target, NULL, MS_MOVE, NULL) < 0) log_line("moving %s: %s", path, strerror(errno));
}

/*
 * A file of the initramfs stays reachable in the new root: the agent itself, as poweroff and reboot where the image has
 * none. A bind mount costs no memory.
 */
static void keep_own_binary(void) {
    static const char path[] = NEW_ROOT "/run/banger/agent";
    mkdir(NEW_ROOT "/run/banger", 0755);
    FILE *file = fopen(path, "we");
    if (file) fclose(file);
    if (mount("/init", path, NULL, MS_BIND, NULL) < 0) log_errno("bind /run/banger/agent");
}

/*
 * An init makes in /run what its services need. Without one the image's own directories are there, as in a container: a server that runs as
 * a user of its own cannot make /run/NAME by itself.
 */
static void mount_run(bool with_directories) {
    mount_at("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755,size=20%");
    if (with_directories) copy_directories(NEW_ROOT "/run", "/run");
    move_mount_in("/run");
}

void enter_root(const struct cmdline *c) {
    mount_disk(c->root, NEW_ROOT);
    if (*c->work) mount_disk(c->work, NEW_ROOT "/root");
    mount_run(strcmp(c->init, "agent") == 0);
    keep_own_binary();
    modules_delete();
    move_mount_in("/proc");
    move_mount_in("/sys");
    move_mount_in("/dev");
    if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        die("entering the root file system");
}

void mount_modules(const struct cmdline *c) {
    struct utsname kernel;
    struct stat lib;
    char device[64], path[128], nodes[160];
    /* An image without /lib has nothing that loads modules. */
    if (!*c->modules || uname(&kernel) < 0 || stat("/lib", &lib) < 0 || !S_ISDIR(lib.st_mode)) return;
    if (!disk_wait(c->modules, device, sizeof device)) return log_line("there is no disk '%s'", c->modules);
    snprintf(path, sizeof path, "/lib/modules/%s", kernel.release);
    make_parents(path);
    own_directory(path);
    if (mount(device, path, "ext4", MS_RDONLY | MS_NOSUID | MS_NODEV, "") < 0) return log_errno(path);
    snprintf(nodes, sizeof nodes, "%s/modules.devname", path);
    make_nodes(nodes, "/dev");
}

/* What every program may expect, and an image of one program does not have. */
static void make_places(void) {
    struct stat etc;
    if (mkdir("/tmp", 0755) == 0 && chmod("/tmp", 01777) < 0) log_errno("/tmp");
    /* A link within the image is as good as a directory; one that leads nowhere is none. */
    if (stat("/etc", &etc) < 0 || !S_ISDIR(etc.st_mode)) own_directory("/etc");
}

void mount_for_programs(void) {
    make_places();
    mount_at("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=000");
    mount_at("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777,size=50%");
    mkdir("/run/lock", 01777);
    chmod("/run/lock", 01777);
    static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
                                           {"/proc/self/fd/0", "/dev/stdin"},
                                           {"/proc/self/fd/1", "/dev/stdout"},
                                           {"/proc/self/fd/2", "/dev/stderr"}};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST) log_errno(links[i][1]);
}

void mount_cgroups(void) {
    mount_at("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate");
}

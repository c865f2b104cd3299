#include "grow.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "warn.h"

/* From the kernel's fs/ext4/ext4.h, which is not exported: the new size in blocks of the file system. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#define EXT4_MAGIC 0xef53
/*
 * The kernel grows one file system at one caller's wish at a time. The other one here is our own of the boot: 0.1 s for a few GiB, 20 s and
 * more for one TiB under emulation. All tries together end before the host gives up on the answer (30 s).
 */
#define ANOTHER_GROWS_MS 5
#define ANOTHER_GROWS_TRIES 4000

/* Where an ext4 superblock stands on its disk, and in it the number of blocks: low and high half (Documentation/filesystems/ext4). */
#define SUPERBLOCK_AT 1024
#define BLOCKS_LOW_AT 0x4
#define BLOCKS_HIGH_AT 0x150
#define SUPERBLOCK_BYTES 1024

/* Bytes of the device that holds `path`; 0: unknown. */
static uint64_t device_size(dev_t device) {
    char path[80];
    unsigned long long sectors = 0;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/size", major(device), minor(device));
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    if (fscanf(file, "%llu", &sectors) != 1) sectors = 0;
    fclose(file);
    return sectors * 512;
}

/*
 * Whether the mounted file system on the device has as many blocks. Asking the kernel to grow one that does takes it 10 ms under
 * emulation, which are on the way of every start.
 */
static bool has_blocks(dev_t device, uint64_t blocks) {
    char path[80], line[128], name[64] = "";
    uint8_t superblock[SUPERBLOCK_BYTES];
    uint32_t low, high;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/uevent", major(device), minor(device));
    FILE *file = fopen(path, "re");
    if (!file) return false;
    while (!*name && fgets(line, sizeof line, file)) sscanf(line, "DEVNAME=%63s", name);
    fclose(file);
    snprintf(path, sizeof path, "/dev/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && pread(fd, superblock, sizeof superblock, SUPERBLOCK_AT) == sizeof superblock;
    if (fd >= 0) close(fd);
    memcpy(&low, superblock + BLOCKS_LOW_AT, sizeof low);
    memcpy(&high, superblock + BLOCKS_HIGH_AT, sizeof high);
    return read && blocks == ((uint64_t)le32toh(high) << 32 | le32toh(low));
}

/* The kernel grows it in place; when it fills its device already, this does nothing. Waits for another that does the same. */
static bool resize(int fd, uint64_t blocks) {
    static const struct timespec pause = {.tv_nsec = ANOTHER_GROWS_MS * 1000000};
    for (int tries = 0; ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0; tries++) {
        if (errno != EBUSY || tries == ANOTHER_GROWS_TRIES) return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static bool grow(const char *path, dev_t device) {
    struct statfs fs;
    if (statfs(path, &fs) < 0 || fs.f_type != EXT4_MAGIC) return true;
    uint64_t blocks = device_size(device) / (uint64_t)fs.f_bsize;
    if (has_blocks(device, blocks)) return true;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = blocks > 0 && fd >= 0 && resize(fd, blocks);
    int code = errno;
    if (fd >= 0) close(fd);
    errno = code;
    return done;
}

void grow_root_early(void) {
    if (fork() != 0) return;
    struct stat root;
    if (stat("/", &root) == 0) grow("/", root.st_dev);
    _exit(0);
}

static void warn_of(const char *what) {
    if (errno == EBUSY)
        configure_warn("the %s has not grown to its size yet: that goes on", what);
    else
        configure_warn("growing the %s: %s", what, strerror(errno));
}

void grow_file_systems(void) {
    struct stat root, work;
    if (stat("/", &root) < 0) return;
    if (!grow("/", root.st_dev)) warn_of("root file system");
    if (stat("/root", &work) < 0 || work.st_dev == root.st_dev) return;
    if (!grow("/root", work.st_dev)) warn_of("file system at /root");
}

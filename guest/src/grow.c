#include "grow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "warn.h"

/* From the kernel's fs/ext4/ext4.h, which is not exported: the new size in blocks of the file system. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#define EXT4_MAGIC 0xef53

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

/* The kernel grows it in place; when it fills its device already, this does nothing. */
static void grow(const char *path, dev_t device) {
    struct statfs fs;
    if (statfs(path, &fs) < 0 || fs.f_type != EXT4_MAGIC) return;
    uint64_t blocks = device_size(device) / (uint64_t)fs.f_bsize;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blocks == 0 || fd < 0 || ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0)
        configure_warn("growing the file system at %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
}

void grow_file_systems(void) {
    struct stat root, work;
    if (stat("/", &root) < 0) return;
    grow("/", root.st_dev);
    if (stat("/root", &work) == 0 && work.st_dev != root.st_dev) grow("/root", work.st_dev);
}

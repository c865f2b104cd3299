#include "warm.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * What is read before a program's own first instruction: who runs it, a shell, a loader and a C library, glibc's (Debian's place, everybody
 * else's) or musl's.
 */
static const char *const files[] = {"/etc/passwd",
                                    "/etc/group",
                                    "/bin/sh",
                                    "/lib64/ld-linux-x86-64.so.2",
                                    "/etc/ld.so.cache",
                                    "/lib/x86_64-linux-gnu/libc.so.6",
                                    "/lib64/libc.so.6",
                                    "/lib/ld-musl-x86_64.so.1"};
/* Where it is looked for. */
static const char *const directories[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"};
/* More than any of the files has. */
#define FILE_MAX (4 * 1024 * 1024)

static void warm_file(const char *path) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    posix_fadvise(fd, 0, FILE_MAX, POSIX_FADV_WILLNEED);
    close(fd);
}

static void warm_directory(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return;
    while (readdir(directory))
        ;
    closedir(directory);
}

/* In a process of its own: finding the files waits for the disk, again and again. */
void warm_first_program(void) {
    if (fork() != 0) return;
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) warm_file(files[i]);
    for (unsigned i = 0; i < sizeof directories / sizeof directories[0]; i++) warm_directory(directories[i]);
    _exit(0);
}

/*
 * Prints every entry of the file system that a directory is on, below the directory: what the kernel says of it, a line each,
 * names with other bytes than letters, digits, `.`, `_`, `-` and `/` as %XX. Tells the size of the file system on standard error. The same program looks at a disk of a guest and at a tree of the host.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static dev_t device;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void print_bytes(const char *text, size_t length) {
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)text[at];
        int plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (plain || strchr("._-/", byte) != NULL) putchar(byte);
        else printf("%%%02x", byte);
    }
}

/* FNV-1a, to tell contents apart that nobody made to look alike. */
static uint64_t hash_file(const char *name) {
    static unsigned char buffer[65536];
    uint64_t hash = 0xcbf29ce484222325u;
    int file = open(name, O_RDONLY | O_NOFOLLOW);
    if (file < 0) fail(name);
    for (;;) {
        ssize_t length = read(file, buffer, sizeof buffer);
        if (length < 0) fail(name);
        if (length == 0) break;
        for (ssize_t at = 0; at < length; at++) hash = (hash ^ buffer[at]) * 0x100000001b3u;
    }
    close(file);
    return hash;
}

/* The kernel sorts no names: whoever compares sorts the words. */
static void print_xattrs(const char *name) {
    static char names[65536];
    static char value[65536];
    ssize_t length = llistxattr(name, names, sizeof names);
    if (length < 0) fail(name);
    for (char *each = names; each < names + length; each += strlen(each) + 1) {
        ssize_t size = lgetxattr(name, each, value, sizeof value);
        if (size < 0) fail(each);
        putchar(' ');
        print_bytes(each, strlen(each));
        putchar('=');
        print_bytes(value, (size_t)size);
    }
}

/* Works in the directory itself, for whole paths may be longer than the kernel takes. */
static void walk(const char *path, size_t length) {
    DIR *directory = opendir(".");
    if (directory == NULL) fail(path);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name;
        struct stat found;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (lstat(name, &found) != 0) fail(name);
        if (found.st_dev != device) continue;
        size_t size = length + strlen(name) + 1;
        char *below = malloc(size + 1);
        if (below == NULL) fail("malloc");
        snprintf(below, size + 1, "%.*s%s/", (int)length, path, name);
        print_bytes(below, size - 1);
        printf(" %lu %o %u:%u %lld.%09ld", (unsigned long)found.st_ino, found.st_mode, found.st_uid, found.st_gid,
               (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
        if (S_ISREG(found.st_mode)) printf(" %lld %016llx", (long long)found.st_size, (unsigned long long)hash_file(name));
        if (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode)) printf(" %u:%u", major(found.st_rdev), minor(found.st_rdev));
        if (!S_ISDIR(found.st_mode)) printf(" %lu", (unsigned long)found.st_nlink);
        if (S_ISLNK(found.st_mode)) {
            char target[4096];
            ssize_t end = readlink(name, target, sizeof target);
            if (end < 0) fail(name);
            putchar(' ');
            print_bytes(target, (size_t)end);
        }
        print_xattrs(name);
        putchar('\n');
        if (S_ISDIR(found.st_mode)) {
            int here = open(".", O_RDONLY | O_DIRECTORY);
            if (here < 0 || chdir(name) != 0) fail(name);
            walk(below, size);
            if (fchdir(here) != 0) fail(path);
            close(here);
        }
        free(below);
    }
    closedir(directory);
}

int main(int argc, char **argv) {
    struct stat found;
    struct statvfs all;
    if (argc != 2 || chdir(argv[1]) != 0 || lstat(".", &found) != 0 || statvfs(".", &all) != 0)
        fail("usage: tree-walker DIRECTORY");
    device = found.st_dev;
    fprintf(stderr, "%llu bytes\n", (unsigned long long)all.f_blocks * all.f_frsize);
    walk("", 0);
    return 0;
}

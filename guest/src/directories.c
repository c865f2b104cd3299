#include "directories.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "request.h"

/* Images have a handful, two levels deep; the limits are against one that is made to fill the memory. */
#define COPY_DEPTH 8
#define COPY_MAX 1000

void make_parents(const char *path) {
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%s", path);
    for (char *p = dir + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (mkdir(dir, 0755) == 0 && chmod(dir, 0755) < 0) return;
        *p = '/';
    }
}

void own_directory(const char *path) {
    struct stat st;
    char aside[PATH_SIZE];
    if (mkdir(path, 0755) == 0 || errno != EEXIST) return;
    if (lstat(path, &st) < 0 || S_ISDIR(st.st_mode)) return;
    snprintf(aside, sizeof aside, "%s.image", path);
    log_line("%s is no directory: it is %s now", path, aside);
    if (rename(path, aside) < 0) unlink(path);
    mkdir(path, 0755);
}

static void copy_level(int from, int to, int depth, int *left) {
    DIR *dir = fdopendir(from); /* closes `from` with it */
    if (!dir) close(from);
    for (struct dirent *e; dir && *left > 0 && (e = readdir(dir));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (fstatat(from, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) continue;
        --*left;
        if (mkdirat(to, e->d_name, 0700) < 0) continue;
        if (fchownat(to, e->d_name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            fchmodat(to, e->d_name, st.st_mode & 07777, 0) < 0)
            log_errno(e->d_name);
        if (depth == 0) continue;
        int below = openat(from, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int copy = openat(to, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0 && copy >= 0)
            copy_level(below, copy, depth - 1, left);
        else if (below >= 0)
            close(below);
        if (copy >= 0) close(copy);
    }
    if (dir) closedir(dir);
}

void copy_directories(const char *from, const char *to) {
    int left = COPY_MAX;
    int source = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int target = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source >= 0 && target >= 0)
        copy_level(source, target, COPY_DEPTH, &left);
    else if (source >= 0)
        close(source);
    if (target >= 0) close(target);
}

#include "pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "request.h"
#include "stream.h"
#include "task.h"
#include "tree.h"

/* Records of many small files leave in one write. */
#define OUT_BYTES (4 * RECORD_DATA)

#define PROC_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define CGROUP2_MAGIC 0x63677270

struct packer {
    struct task_side *task;
    unsigned depth;
    size_t size;
    uint8_t out[OUT_BYTES];
};

/* Room for `size` more bytes. */
static uint8_t *reserve(struct packer *p, size_t size) {
    if (OUT_BYTES - p->size < size) {
        task_write(p->task->result, p->out, p->size);
        p->size = 0;
    }
    return p->out + p->size;
}

static void put_entry(struct packer *p, enum record_kind kind, const char *name, const struct stat *st,
                      const char *target) {
    struct tree_entry e = {.mode = st->st_mode & 0777, .mtime = st->st_mtim, .size = (uint64_t)st->st_size};
    strcpy(e.name, name);
    strcpy(e.target, target);
    p->size += entry_record(reserve(p, RECORD_HEAD + RECORD_MAX), kind, &e);
}

static void put_skip(struct packer *p, enum skip_reason reason, const char *name, const char *text) {
    p->size += skip_record(reserve(p, RECORD_HEAD + RECORD_MAX), reason, name, text);
}

static void put_end(struct packer *p) {
    record_head(reserve(p, RECORD_HEAD), RECORD_END, 0);
    p->size += RECORD_HEAD;
}

/* The content of an open file, up to its end, which may come sooner or later than its size said. */
static void pack_content(struct packer *p, int fd) {
    for (;;) {
        uint8_t *head = reserve(p, RECORD_HEAD + RECORD_DATA);
        ssize_t n = read(fd, head + RECORD_HEAD, RECORD_DATA);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return put_skip(p, SKIP_UNREADABLE, "", strerror(errno));
        if (n == 0) return put_end(p);
        record_head(head, RECORD_CONTENT, (size_t)n);
        p->size += RECORD_HEAD + (size_t)n;
    }
}

static void pack_link(struct packer *p, int dir, const char *name, const char *shown, const struct stat *st) {
    char target[TREE_TARGET + 1];
    ssize_t n = readlinkat(dir, name, target, sizeof target);
    if (n <= 0 || n == sizeof target)
        return put_skip(p, SKIP_UNREADABLE, shown, n < 0 ? strerror(errno) : "no target that can be");
    target[n] = 0;
    put_entry(p, RECORD_LINK, shown, st, target);
}

/* What the kernel shows as files: without end, or other at each look. */
static bool is_kernels(int fd) {
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0) return false;
    unsigned long type = (unsigned long)fs.f_type;
    return type == PROC_MAGIC || type == SYSFS_MAGIC || type == CGROUP2_MAGIC;
}

static void pack_below(struct packer *p, int dir, const struct stat *above, const char *name);

/* What is in an open directory, which is closed. */
static void pack_directory(struct packer *p, int fd, const struct stat *st) {
    DIR *dir = fdopendir(fd);
    struct dirent *e;
    p->depth++;
    while (dir && (errno = 0, e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) pack_below(p, fd, st, e->d_name);
    if (!dir || errno) put_skip(p, SKIP_UNREADABLE, "", strerror(errno));
    if (dir)
        closedir(dir);
    else
        close(fd);
    p->depth--;
    put_end(p);
}

/* One entry of a directory. What it is may change between two looks: what was opened counts. */
static void pack_below(struct packer *p, int dir, const struct stat *above, const char *name) {
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return put_skip(p, SKIP_UNREADABLE, name, strerror(errno));
    if (S_ISLNK(st.st_mode)) return pack_link(p, dir, name, name, &st);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return put_skip(p, SKIP_SPECIAL, name, "not a file, directory or link");
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        put_skip(p, SKIP_UNREADABLE, name, strerror(errno));
    } else if (S_ISREG(st.st_mode)) {
        put_entry(p, RECORD_FILE, name, &st, "");
        pack_content(p, fd);
    } else if (!S_ISDIR(st.st_mode)) {
        put_skip(p, SKIP_SPECIAL, name, "not a file, directory or link");
    } else if (p->depth == TREE_DEPTH) {
        put_skip(p, SKIP_UNREADABLE, name, "too many directories in each other");
    } else if (st.st_dev != above->st_dev && is_kernels(fd)) {
        put_skip(p, SKIP_SPECIAL, name, "a file system of the kernel");
    } else {
        put_entry(p, RECORD_DIRECTORY, name, &st, "");
        return pack_directory(p, fd, &st);
    }
    if (fd >= 0) close(fd);
}

static void pack_root(struct packer *p, const struct pack_request *r) {
    struct stat st;
    const char *path = r->path;
    if (fstatat(AT_FDCWD, path, &st, r->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        task_fail(p->task, REASON_FAILED, errno, "%s: %s", path, strerror(errno));
    if (S_ISLNK(st.st_mode)) {
        task_reply(p->task);
        return pack_link(p, AT_FDCWD, path, "", &st);
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        task_fail(p->task, REASON_FAILED, EINVAL, "%s: not a file, directory or link", path);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (r->follow ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &st) < 0)
        task_fail(p->task, REASON_FAILED, errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        task_fail(p->task, REASON_FAILED, EINVAL, "%s: not a file, directory or link", path);
    task_reply(p->task);
    put_entry(p, S_ISDIR(st.st_mode) ? RECORD_DIRECTORY : RECORD_FILE, "", &st, "");
    if (S_ISDIR(st.st_mode))
        pack_directory(p, fd, &st);
    else
        pack_content(p, fd);
}

static void pack_work(struct task_side *t, const void *argument) {
    static struct packer p;
    p.task = t;
    pack_root(&p, argument);
    task_write(t->result, p.out, p.size);
}

void pack_open_stream(struct stream *s, struct slice payload) {
    static const struct task_job job = {.work = pack_work, .gives_body = true};
    struct pack_request r;
    const char *wrong = decode_pack(payload, &r);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    task_start(s, &job, &r);
}

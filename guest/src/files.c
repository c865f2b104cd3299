#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "request.h"
#include "stream.h"
#include "task.h"

#define PIECE 65536
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

/* A temporary file in the directory of `path`; its name goes to `name`. */
static int open_beside(const char *path, char *name, size_t capacity) {
    const char *slash = strrchr(path, '/');
    int n = snprintf(name, capacity, "%.*s.banger-XXXXXX", slash ? (int)(slash - path + 1) : 0, path);
    if (n < 0 || (size_t)n >= capacity) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return mkostemp(name, O_CLOEXEC);
}

/* The rename is only safe on disk once its directory is. */
static void sync_directory_of(const char *path) {
    char dir[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/*
 * rename(2) for a file that is written anew at every start: ext4 has one that replaces another put its content on the disk at once, which
 * costs up to 20 ms under emulation; one that changes places with the other may wait.
 */
static int take_over(const char *temp, const char *path) {
    struct stat st;
    bool replaces = lstat(path, &st) == 0 && !S_ISDIR(st.st_mode);
    bool exchanged =
        replaces && syscall(SYS_renameat2, AT_FDCWD, temp, AT_FDCWD, path, RENAME_EXCHANGE) == 0;
    return exchanged ? unlink(temp) : rename(temp, path);
}

/* Owner, mode, disk (where it must outlive a crash), name. Closes `fd`; on failure the temporary file is gone. */
static int seal(int fd, const char *temp, const char *path, const struct file_owner *owner, bool durable) {
    bool owned = getuid() != 0 ||
                 fchown(fd, owner->uid, owner->gid) == 0; /* hosted by a plain user: that user's */
    bool done = owned && fchmod(fd, owner->mode) == 0 && (!durable || fsync(fd) == 0);
    int code = errno;
    close(fd);
    if (done && (durable ? rename(temp, path) : take_over(temp, path)) == 0) {
        if (durable) sync_directory_of(path);
        return 0;
    }
    if (done) code = errno;
    unlink(temp);
    errno = code;
    return -1;
}

bool write_all(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

int replace_file(const char *path, const struct file_owner *owner, const void *data, size_t size) {
    char temp[PATH_SIZE + 32];
    int fd = open_beside(path, temp, sizeof temp);
    if (fd < 0) return -1;
    if (write_all(fd, data, size)) return seal(fd, temp, path, owner, false);
    int code = errno;
    close(fd);
    unlink(temp);
    errno = code;
    return -1;
}

/* What a file system writes at once, or not at all. */
#define BLOCK 4096

int write_over(const char *path, const struct file_owner *owner, const void *data, size_t size) {
    struct stat st;
    int fd = size <= BLOCK ? open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    bool fits = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size <= BLOCK;
    /* The file system writes down whatever is asked of it, also what is so already. */
    bool is_owned = fits && (getuid() != 0 || (st.st_uid == owner->uid && st.st_gid == owner->gid));
    bool owned = is_owned || (fits && fchown(fd, owner->uid, owner->gid) == 0);
    /* chown(2) takes bits of the mode away. */
    bool is_allowed = is_owned && (st.st_mode & 07777) == owner->mode;
    bool allowed = is_allowed || (owned && fchmod(fd, owner->mode) == 0);
    bool written = allowed && pwrite(fd, data, size, 0) == (ssize_t)size &&
                   (st.st_size <= (off_t)size || ftruncate(fd, (off_t)size) == 0);
    if (fd >= 0) close(fd);
    return written ? 0 : -1;
}

static void put_work(struct task_side *t, const void *argument) {
    const struct file_request *r = argument;
    static uint8_t bytes[PIECE];
    char temp[PATH_SIZE + 32];
    int fd = open_beside(r->path, temp, sizeof temp);
    if (fd < 0) task_fail(t, REASON_FAILED, errno, "%s: %s", r->path, strerror(errno));
    ssize_t n;
    while ((n = read(t->input, bytes, sizeof bytes)) > 0) {
        if (write_all(fd, bytes, (size_t)n)) continue;
        int code = errno;
        unlink(temp);
        task_fail(t, REASON_FAILED, code, "%s: %s", r->path, strerror(code));
    }
    if (read(t->commit, bytes, 1) != 1) { /* the host left in the middle */
        unlink(temp);
        _exit(1);
    }
    struct file_owner owner = {r->mode, r->uid, r->gid};
    if (seal(fd, temp, r->path, &owner, true) < 0)
        task_fail(t, REASON_FAILED, errno, "%s: %s", r->path, strerror(errno));
    task_reply(t);
}

static void get_work(struct task_side *t, const void *argument) {
    const struct file_request *r = argument;
    static uint8_t bytes[PIECE];
    struct stat st;
    int fd = open(r->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) task_fail(t, REASON_FAILED, errno, "%s: %s", r->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        task_fail(t, REASON_BAD_REQUEST, S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "%s: not a regular file",
                  r->path);
    put_u32(&t->reply, 0x01, st.st_mode & 07777);
    put_u32(&t->reply, 0x02, st.st_uid);
    put_u32(&t->reply, 0x03, st.st_gid);
    put_u64(&t->reply, 0x04, (uint64_t)st.st_size);
    task_reply(t);
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) task_write(t->result, bytes, (size_t)n);
    if (n < 0) _exit(1);
}

static void open_file(struct stream *s, struct slice payload, const struct task_job *job) {
    struct file_request r;
    const char *wrong = decode_file(payload, &r, NULL);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    task_start(s, job, &r);
}

void put_open_stream(struct stream *s, struct slice payload) {
    static const struct task_job job = {.work = put_work, .takes_body = true};
    open_file(s, payload, &job);
}

void get_open_stream(struct stream *s, struct slice payload) {
    static const struct task_job job = {.work = get_work, .gives_body = true};
    open_file(s, payload, &job);
}

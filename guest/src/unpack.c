#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "request.h"
#include "stream.h"
#include "task.h"
#include "tree.h"

#define PIECE 65536
/* What file systems of Linux keep content by: of less than such a block no room is saved. */
#define BLOCK 4096

/* A directory that is being filled. */
struct level {
    int fd;
    bool made; /* by us: it gets the mode and time that the tree says, at its end */
    uint32_t mode;
    struct timespec mtime;
};

struct unpacker {
    struct task_side *task;
    const struct unpack_request *request;
    struct level levels[TREE_DEPTH + 1]; /* the first is where the root goes */
    unsigned depth;                      /* levels that are open */
    char root_name[TREE_NAME + 1];       /* empty: what is in the tree goes into the first level itself */
    /* The file, or link, that is being made: under a name of its own until it is whole. */
    int fd;
    char staged[32];
    unsigned long count;
    off_t size; /* of it, so far */
    struct tree_entry entry;
};

static int here(const struct unpacker *u) { return u->levels[u->depth - 1].fd; }

/* The name of an entry in the directory that is being filled. */
static const char *name_of(const struct unpacker *u, const struct tree_entry *e) {
    return *e->name ? e->name : u->root_name;
}

static void drop_staged(struct unpacker *u) {
    if (*u->staged) unlinkat(here(u), u->staged, 0);
    *u->staged = 0;
}

static void fail(struct unpacker *u, const char *name, int code, const char *text) __attribute__((noreturn));
static void fail(struct unpacker *u, const char *name, int code, const char *text) {
    drop_staged(u);
    task_fail(u->task, REASON_FAILED, code, "%s: %s", name, text);
}

static void fail_errno(struct unpacker *u, const char *name) __attribute__((noreturn));
static void fail_errno(struct unpacker *u, const char *name) { fail(u, name, errno, strerror(errno)); }

static void enter(struct unpacker *u, int fd, bool made, const struct tree_entry *e) {
    u->levels[u->depth++] = (struct level){.fd = fd, .made = made, .mode = e->mode, .mtime = e->mtime};
}

/* --- where the root goes --- */

/* A path without slashes at its end: its directory is opened, its last component becomes the root's name. */
static void place_beside(struct unpacker *u, const char *path, const struct tree_entry *root) {
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strlen(name) > TREE_NAME) fail(u, path, ENAMETOOLONG, strerror(ENAMETOOLONG));
    snprintf(dir, sizeof dir, "%.*s", slash > path ? (int)(slash - path) : 1, slash ? path : ".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail_errno(u, dir);
    strcpy(u->root_name, name);
    enter(u, fd, false, root);
}

/* As `cp -r` has it: into a directory that is there, else under the name given. */
static void find_place(struct unpacker *u, bool is_directory, const struct tree_entry *root) {
    char path[PATH_MAX];
    const struct unpack_request *r = u->request;
    struct stat st;
    strcpy(path, r->path);
    if (stat(path, &st) < 0) {
        if (errno != ENOENT) fail_errno(u, path);
        size_t size = strlen(path);
        bool named_directory = path[size - 1] == '/';
        if (r->into || (named_directory && !is_directory)) fail(u, path, ENOENT, "no such directory");
        while (size > 1 && path[size - 1] == '/') path[--size] = 0;
        return place_beside(u, path, root);
    }
    if (S_ISDIR(st.st_mode)) {
        if (!*r->name && !is_directory) fail(u, path, EISDIR, "is a directory");
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) fail_errno(u, path);
        strcpy(u->root_name, r->name);
        return enter(u, fd, false, root);
    }
    if (r->into || is_directory) fail(u, path, ENOTDIR, "exists and is no directory");
    if (!S_ISREG(st.st_mode)) fail(u, path, EINVAL, "exists and is not a regular file");
    if (!realpath(r->path, path)) fail_errno(u, r->path);
    place_beside(u, path, root);
}

/* --- the sink --- */

/* Leaves in `staged` a name that nothing has, if `make` takes it. */
static int stage(struct unpacker *u, int (*make)(struct unpacker *u, const char *name), const char *name) {
    int result = -1;
    do {
        snprintf(u->staged, sizeof u->staged, ".banger-%lx-%lx", (unsigned long)getpid(), u->count++);
        result = make(u, u->staged);
    } while (result < 0 && errno == EEXIST);
    if (result >= 0) return result;
    *u->staged = 0;
    fail_errno(u, name);
}

static void settle(struct unpacker *u, const char *name) {
    if (renameat(here(u), u->staged, here(u), name) < 0) fail_errno(u, name);
    *u->staged = 0;
}

static int make_file(struct unpacker *u, const char *name) {
    return openat(here(u), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int make_link(struct unpacker *u, const char *name) {
    return symlinkat(u->entry.target, here(u), name);
}

static void take_file(void *self, const struct tree_entry *e) {
    struct unpacker *u = self;
    if (u->depth == 0) find_place(u, false, e);
    u->entry = *e;
    u->fd = stage(u, make_file, name_of(u, e));
    u->size = 0;
}

static bool is_zero(const uint8_t *data, size_t size) {
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Holes do not travel as such: where a block would be all zeros, the file gets one. */
static void take_content(void *self, const uint8_t *data, size_t size) {
    struct unpacker *u = self;
    while (size > 0) {
        size_t room = BLOCK - (size_t)(u->size % BLOCK), n = size < room ? size : room;
        bool done = is_zero(data, n) ? lseek(u->fd, (off_t)n, SEEK_CUR) >= 0 : write_all(u->fd, data, n);
        if (!done) fail_errno(u, name_of(u, &u->entry));
        u->size += (off_t)n;
        data += n;
        size -= n;
    }
}

static void end_file(void *self, bool whole) {
    struct unpacker *u = self;
    const char *name = name_of(u, &u->entry);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, u->entry.mtime};
    /* A hole at its end gives it no length. */
    if (whole && (ftruncate(u->fd, u->size) < 0 || fchmod(u->fd, u->entry.mode) < 0 || futimens(u->fd, times) < 0))
        fail_errno(u, name);
    close(u->fd);
    if (whole)
        settle(u, name);
    else
        drop_staged(u);
}

static void take_link(void *self, const struct tree_entry *e) {
    struct unpacker *u = self;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, e->mtime};
    if (u->depth == 0) find_place(u, false, e);
    u->entry = *e;
    stage(u, make_link, name_of(u, e));
    if (utimensat(here(u), u->staged, times, AT_SYMLINK_NOFOLLOW) < 0) fail_errno(u, name_of(u, e));
    settle(u, name_of(u, e));
}

/* A directory that is there is filled further and keeps its mode; a link to one is not followed. */
static void take_directory(void *self, const struct tree_entry *e) {
    struct unpacker *u = self;
    if (u->depth == 0) find_place(u, true, e);
    const char *name = name_of(u, e);
    if (!*name) return; /* the first level itself is filled */
    bool made = mkdirat(here(u), name, 0700) == 0;
    if (!made && errno != EEXIST) fail_errno(u, name);
    int fd = openat(here(u), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) fail(u, name, ENOTDIR, "exists and is no directory");
    if (fd < 0) fail_errno(u, name);
    enter(u, fd, made, e);
}

static void end_directory(void *self) {
    struct unpacker *u = self;
    struct level *l = &u->levels[--u->depth];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, l->mtime};
    if (l->made && (fchmod(l->fd, l->mode) < 0 || futimens(l->fd, times) < 0))
        task_fail(u->task, REASON_FAILED, errno, "a directory: %s", strerror(errno));
    close(l->fd);
}

static const struct tree_sink sink = {.directory = take_directory,
                                      .end_directory = end_directory,
                                      .file = take_file,
                                      .content = take_content,
                                      .end_file = end_file,
                                      .link = take_link};

static void unpack_work(struct task_side *t, const void *argument) {
    static struct unpacker u;
    static struct tree_parser parser;
    static uint8_t bytes[PIECE];
    u.task = t;
    u.request = argument;
    ssize_t n;
    while ((n = read(t->input, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        const char *wrong = n < 0 ? "the input broke" : tree_feed(&parser, bytes, (size_t)n, &sink, &u);
        if (!wrong) continue;
        drop_staged(&u);
        task_fail(t, REASON_BAD_REQUEST, 0, "%s", wrong);
    }
    if (read(t->commit, bytes, 1) != 1) { /* the host left in the middle */
        drop_staged(&u);
        _exit(1);
    }
    if (!parser.over) {
        drop_staged(&u);
        task_fail(t, REASON_BAD_REQUEST, 0, "the tree is not whole");
    }
    task_reply(t);
}

void unpack_open_stream(struct stream *s, struct slice payload) {
    static const struct task_job job = {.work = unpack_work, .takes_body = true};
    struct unpack_request r;
    const char *wrong = decode_unpack(payload, &r);
    if (wrong) return stream_error(s, REASON_BAD_REQUEST, 0, wrong);
    task_start(s, &job, &r);
}

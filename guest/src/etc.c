#include "etc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "directories.h"
#include "files.h"
#include "text.h"
#include "warn.h"

#define HOSTS_MAX 262144
/* systemd-resolved reads this directory; what it then writes to its stub file still leads to our servers. */
#define RESOLVED_DROP_IN "/run/systemd/resolved.conf.d/banger.conf"

static const char BEGIN[] = "# banger: begin (rewritten at every start; lines outside are kept)\n";
static const char END[] = "# banger: end\n";

/* On a read-only file system: the file is made in /run and mounted over the one that is there. */
static int mount_over(const char *path, const struct file_owner *owner, const void *data, size_t size) {
    char copy[PATH_SIZE];
    if (*agent.root || snprintf(copy, sizeof copy, "/run/banger%s", path) >= (int)sizeof copy) return -1;
    make_parents(copy);
    if (replace_file(copy, owner, data, size) < 0) return -1;
#ifndef HOSTED
    umount2(path, MNT_DETACH); /* of an earlier configure */
    if (mount(copy, path, NULL, MS_BIND, NULL) < 0) return -1;
#endif
    return 0;
}

/* Whether the file is there already, as it is to be: at every start but the first of a VM. */
static bool is_written(const char *path, const struct file_owner *owner, const void *data, size_t size) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool same = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == owner->mode &&
                st.st_uid == owner->uid && st.st_gid == owner->gid && (size_t)st.st_size == size;
    uint8_t piece[4096];
    for (size_t at = 0; same && at < size;) {
        ssize_t n = read(fd, piece, sizeof piece);
        same = n > 0 && (size_t)n <= size - at && memcmp(piece, (const uint8_t *)data + at, (size_t)n) == 0;
        at += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) close(fd);
    return same;
}

/* Writes a file of the guest, whatever it takes. */
static void write_file(const char *path, const struct file_owner *owner, const void *data, size_t size) {
    char full[PATH_SIZE];
    if (snprintf(full, sizeof full, "%s%s", agent.root, path) >= (int)sizeof full)
        return configure_warn("%s: name too long", path);
    if (*agent.root && strstr(path, "/../")) return configure_warn("%s: outside of the root", path);
    if (is_written(full, owner, data, size) || write_over(full, owner, data, size) == 0)
        return;
    make_parents(full);
    if (replace_file(full, owner, data, size) == 0) return;
    if ((errno == EROFS || errno == EBUSY) && mount_over(full, owner, data, size) == 0) return;
    configure_warn("%s: %s", path, strerror(errno));
}

static const struct file_owner plain = {0644, 0, 0}, read_only = {0444, 0, 0};

static void write_text(const char *path, const char *text) { write_file(path, &plain, text, strlen(text)); }

size_t merge_hosts(const char *old, const char *added, char *out, size_t capacity) {
    int n = snprintf(out, capacity, "%s%s%s", BEGIN, added, END);
    if (n < 0 || (size_t)n >= capacity) return 0;
    size_t size = (size_t)n;
    bool ours = false;
    while (*old) {
        size_t line = strcspn(old, "\n");
        line += old[line] == '\n';
        if (strncmp(old, BEGIN, 15) == 0) ours = true;
        if (!ours) {
            if (line >= capacity - size) return 0;
            memcpy(out + size, old, line);
            size += line;
        }
        if (strncmp(old, END, 13) == 0) ours = false;
        old += line;
    }
    out[size] = 0;
    return size;
}

/* Adds `before` and `after` as one line; a whole line or none. */
static void append(char *text, size_t capacity, const char *before, const char *after) {
    size_t size = strlen(text);
    int n = snprintf(text + size, capacity - size, "%s%s\n", before, after);
    if (n < 0 || (size_t)n >= capacity - size) text[size] = 0;
}

static void append_line(char *text, size_t capacity, const char *before, struct slice value) {
    char line[2048];
    if (field_text(value, line, sizeof line)) append(text, capacity, before, line);
}

static void write_hosts(const struct configure_request *r) {
    static char added[HOSTS_MAX], text[HOSTS_MAX];
    char path[PATH_SIZE], hostname[65] = "";
    struct slice rest = r->payload, value;
    if (*r->hostname)
        strcpy(hostname, r->hostname);
    else
        gethostname(hostname, sizeof hostname - 1);
    append(added, sizeof added, "127.0.0.1 localhost\n", "::1 localhost ip6-localhost ip6-loopback");
    append(added, sizeof added, "ff02::1 ip6-allnodes\n", "ff02::2 ip6-allrouters");
    if (*hostname) append(added, sizeof added, "127.0.1.1 ", hostname);
    while (configure_next(&rest, CONFIGURE_HOSTS, &value)) append_line(added, sizeof added, "", value);

    snprintf(path, sizeof path, "%s/etc/hosts", agent.root);
    char *old = read_text(path);
    size_t size = merge_hosts(old ? old : "", added, text, sizeof text);
    free(old);
    if (size == 0) return configure_warn("/etc/hosts: too long");
    write_file("/etc/hosts", &plain, text, size);
}

bool resolver_target(const char *link, char *path, size_t capacity) {
    const char *place = link;
    while (strncmp(place, "../", 3) == 0) place += 3;
    place += strspn(place, "/");
    bool in_run = place > link && (strncmp(place, "run/", 4) == 0 || strncmp(place, "var/run/", 8) == 0);
    if (!in_run || strstr(place, "..")) return false;
    return (size_t)snprintf(path, capacity, "/%s", place) < capacity;
}

/*
 * Where the text of /etc/resolv.conf belongs: the file itself, or what a link of the image's leads to in /run (the daemon that keeps
 * that one may not run yet, or at all).
 */
static void resolver_path(char *path, size_t capacity) {
    char link[PATH_SIZE - 8], full[PATH_SIZE];
    snprintf(full, sizeof full, "%s/etc/resolv.conf", agent.root);
    ssize_t n = readlink(full, link, sizeof link - 1);
    link[n > 0 ? n : 0] = 0;
    if (!resolver_target(link, path, capacity)) snprintf(path, capacity, "/etc/resolv.conf");
}

static void write_resolver(const struct configure_request *r) {
    char text[4096] = "", drop_in[4096] = "[Resolve]\n", path[PATH_SIZE];
    struct slice rest = r->payload, value;
    while (configure_next(&rest, CONFIGURE_DNS, &value)) {
        append_line(text, sizeof text, "nameserver ", value);
        append_line(drop_in, sizeof drop_in, "DNS=", value);
    }
    resolver_path(path, sizeof path);
    write_text(path, text);
    if (strncmp(path, "/run/systemd/", 13) == 0) write_text(RESOLVED_DROP_IN, drop_in);
}

static void write_machine_id(const struct configure_request *r) {
    char text[sizeof r->machine_id + 1];
    snprintf(text, sizeof text, "%s\n", r->machine_id);
    write_file("/etc/machine-id", &read_only, text, strlen(text));
}

static void write_files(const struct configure_request *r) {
    struct slice rest = r->payload, value, content;
    struct file_request file;
    while (configure_next(&rest, CONFIGURE_FILE, &value)) {
        content = (struct slice){0};
        if (decode_file(value, &file, &content)) continue; /* decode_configure has refused such a thing */
        struct file_owner owner = {file.mode, file.uid, file.gid};
        write_file(file.path, &owner, content.data, content.size);
    }
}

static void write_hostname(const struct configure_request *r) {
    char text[sizeof r->hostname + 1];
    snprintf(text, sizeof text, "%s\n", r->hostname);
    write_text("/etc/hostname", text);
}

void etc_configure(const struct configure_request *r) {
    struct slice rest = r->payload, value;
    if (*r->hostname) write_hostname(r);
    if (*r->hostname || configure_next(&rest, CONFIGURE_HOSTS, &value)) write_hosts(r);
    if (r->has_dns) write_resolver(r);
    if (*r->machine_id) write_machine_id(r);
    write_files(r);
}

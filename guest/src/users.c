#include "users.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 16384 /* a group's line names its members */

static bool number(const char *text, uint32_t *out) {
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9') return false;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || *end || n >= UINT32_MAX) return false; /* the highest one means "unchanged" to the kernel */
    *out = (uint32_t)n;
    return true;
}

/* Splits at colons, in place; true when there are at least `count` parts. */
static bool split(char *line, char **parts, int count) {
    line[strcspn(line, "\n")] = 0;
    for (int i = 0; i < count; i++) {
        parts[i] = strsep(&line, ":");
        if (!parts[i]) return false;
    }
    return true;
}

bool passwd_line(char *line, struct user *user) {
    char *p[7];
    uint32_t uid, gid;
    if (!split(line, p, 7) || !*p[0] || !number(p[2], &uid) || !number(p[3], &gid)) return false;
    if (strlen(p[0]) >= sizeof user->name || strlen(p[5]) >= sizeof user->home ||
        strlen(p[6]) >= sizeof user->shell)
        return false;
    strcpy(user->name, p[0]);
    strcpy(user->home, p[5]);
    strcpy(user->shell, p[6]);
    user->uid = uid;
    user->gid = gid;
    return true;
}

static bool find_passwd(const char *name, bool is_number, uint32_t wanted, struct user *user) {
    FILE *file = fopen("/etc/passwd", "re");
    char line[LINE_SIZE];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        struct user candidate = {0};
        if (!passwd_line(line, &candidate)) continue;
        found = is_number ? candidate.uid == wanted : strcmp(candidate.name, name) == 0;
        if (found) *user = candidate;
    }
    if (file) fclose(file);
    return found;
}

static bool is_member(char *members, const char *name) {
    for (char *m; (m = strsep(&members, ",\n"));)
        if (strcmp(m, name) == 0) return true;
    return false;
}

/* Fills the supplementary groups of `user`; with `wanted`, finds that group's number instead. */
static bool read_groups(struct user *user, const char *wanted, gid_t *found) {
    FILE *file = fopen("/etc/group", "re");
    char line[LINE_SIZE], *p[4];
    uint32_t gid;
    bool ok = !wanted;
    while (file && fgets(line, sizeof line, file)) {
        if (!split(line, p, 4) || !number(p[2], &gid)) continue;
        if (wanted && strcmp(p[0], wanted) == 0) {
            *found = gid;
            ok = true;
            break;
        }
        if (!wanted && gid != user->gid && user->group_count < GROUPS_MAX_KEPT && is_member(p[3], user->name))
            user->groups[user->group_count++] = gid;
    }
    if (file) fclose(file);
    return ok;
}

/* A user that /etc/passwd does not know: root always is, and a number needs no line. */
static bool without_line(const char *name, bool is_number, uint32_t uid, struct user *user) {
    bool root = is_number ? uid == 0 : strcmp(name, "root") == 0;
    if (!is_number && !root) return false;
    *user = (struct user){.uid = root ? 0 : uid, .gid = root ? 0 : uid};
    snprintf(user->name, sizeof user->name, "%s", root ? "root" : name);
    strcpy(user->home, root ? "/root" : "/");
    return true;
}

bool user_find(const char *name, struct user *user) {
    char wanted[sizeof user->name];
    if (strlen(name) >= sizeof wanted) return false;
    strcpy(wanted, name);
    char *group = strchr(wanted, ':');
    if (group) *group++ = 0;

    uint32_t uid = 0, gid;
    bool is_number = number(wanted, &uid);
    *user = (struct user){0};
    if (!find_passwd(wanted, false, 0, user) && !(is_number && find_passwd(NULL, true, uid, user)) &&
        !without_line(wanted, is_number, uid, user))
        return false;
    user->groups[user->group_count++] = user->gid;
    read_groups(user, NULL, NULL);
    if (!group) return true;
    if (!read_groups(user, group, &user->gid)) {
        if (!number(group, &gid)) return false;
        user->gid = gid;
    }
    user->groups[0] = user->gid;
    return true;
}

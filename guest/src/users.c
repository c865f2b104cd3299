#include "users.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

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
    strcpy(user->home, *p[5] == '/' ? p[5] : "/");
    strcpy(user->shell, *p[6] == '/' ? p[6] : "");
    user->uid = uid;
    user->gid = gid;
    return true;
}

/* A line of `text` in memory of its own, and on to the next one; NULL at the end. */
static char *next_line(const char **text) {
    size_t size = strcspn(*text, "\n");
    char *line = **text ? strndup(*text, size) : NULL;
    *text += size;
    if (**text) ++*text;
    return line;
}

static bool find_passwd(const char *passwd, const char *name, const uint32_t *uid, struct user *user) {
    bool found = false;
    for (char *line; !found && (line = next_line(&passwd)); free(line)) {
        struct user candidate = {0};
        if (!passwd_line(line, &candidate)) continue;
        found = name ? strcmp(candidate.name, name) == 0 : candidate.uid == *uid;
        if (found) *user = candidate;
    }
    return found;
}

static bool find_group(const char *groups, const char *name, gid_t *gid) {
    bool found = false;
    for (char *line, *p[4]; !found && (line = next_line(&groups)); free(line))
        found = split(line, p, 4) && number(p[2], gid) && strcmp(p[0], name) == 0;
    return found || number(name, gid);
}

static bool is_member(char *members, const char *name) {
    for (char *m; (m = strsep(&members, ","));)
        if (strcmp(m, name) == 0) return true;
    return false;
}

static void add_supplementary(const char *groups, struct user *user) {
    uint32_t gid;
    for (char *line, *p[4]; (line = next_line(&groups)); free(line)) {
        if (!split(line, p, 4) || !number(p[2], &gid) || gid == user->gid) continue;
        if (user->group_count < GROUPS_MAX_KEPT && is_member(p[3], user->name))
            user->groups[user->group_count++] = gid;
    }
}

/* A user that /etc/passwd does not know: root always is, and a number needs no line; its group is root's, as in a container. */
static bool without_line(const char *name, const uint32_t *uid, struct user *user) {
    bool root = uid ? *uid == 0 : strcmp(name, "root") == 0;
    if (!uid && !root) return false;
    *user = (struct user){.uid = root ? 0 : *uid};
    snprintf(user->name, sizeof user->name, "%s", root ? "root" : name);
    strcpy(user->home, root ? "/root" : "/");
    return true;
}

enum user_found user_in(const char *passwd, const char *groups, const char *spec, struct user *user) {
    static const uint32_t root = 0;
    char name[sizeof user->name];
    uint32_t uid;
    *user = (struct user){0};
    if (!spec) spec = "";
    size_t size = strcspn(spec, ":");
    const char *group = spec[size] && spec[size + 1] ? spec + size + 1 : NULL;
    if (size >= sizeof name) return USER_UNKNOWN;
    memcpy(name, spec, size);
    name[size] = 0;

    const uint32_t *wanted = size == 0 ? &root : number(name, &uid) ? &uid : NULL;
    bool found = (size > 0 && find_passwd(passwd, name, NULL, user)) ||
                 (wanted && find_passwd(passwd, NULL, wanted, user)) || without_line(name, wanted, user);
    if (!found) return USER_UNKNOWN;
    if (group && !find_group(groups, group, &user->gid)) return USER_GROUP_UNKNOWN;
    user->groups[user->group_count++] = user->gid;
    if (!group) add_supplementary(groups, user);
    return USER_FOUND;
}

enum user_found user_find(const char *spec, struct user *user) {
    char *passwd = read_text("/etc/passwd"), *groups = read_text("/etc/group");
    enum user_found found = user_in(passwd ? passwd : "", groups ? groups : "", spec, user);
    free(passwd);
    free(groups);
    return found;
}

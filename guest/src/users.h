/* Users and groups of the guest, from /etc/passwd and /etc/group: a static program has no NSS. */
#ifndef USERS_H
#define USERS_H

#include <stdbool.h>
#include <sys/types.h>

#define GROUPS_MAX_KEPT 256

struct user {
    char name[64];
    char home[512];
    char shell[512];
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX_KEPT];
    int group_count;
};

/* Finds `name` or `name:group`, each a name or a number. A number that no line has is a user without a name. */
bool user_find(const char *name, struct user *user);

/* One line of passwd into `user` (its groups excepted); false when it is malformed. The line is changed. */
bool passwd_line(char *line, struct user *user);

#endif

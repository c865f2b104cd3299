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

enum user_found { USER_FOUND, USER_UNKNOWN, USER_GROUP_UNKNOWN };

/*
 * Finds the user that `spec` names, as the configuration of an OCI image does: `user`, `uid`, or either with `:group` or `:gid`; NULL, or no user
 * before the colon, is root. A name comes before a number; a number that no line has is a user without a name, of group 0. Without a group in
 * `spec` the user is in its own and in all that list it, with one in that alone.
 */
enum user_found user_find(const char *spec, struct user *user);

/* The same, in these texts of /etc/passwd and /etc/group. */
enum user_found user_in(const char *passwd, const char *groups, const char *spec, struct user *user);

/*
 * One line of passwd into `user` (its groups excepted); false when it is malformed. The line is changed. A home that is no absolute path is the
 * root, such a shell is none.
 */
bool passwd_line(char *line, struct user *user);

#endif

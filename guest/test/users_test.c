/* Users, from texts of passwd and group as images have them. */
#include "../src/users.h"

#include <string.h>

#include "check.h"

static void passwd(void) {
    struct user u = {0};
    char good[] = "me:x:1000:1001:Me,,,:/home/me:/bin/bash\n", few[] = "me:x:1000",
         bad[] = "me:x:-1:0::/:/bin/sh";
    char highest[] = "me:x:4294967295:0::/:/bin/sh";
    EXPECT(passwd_line(good, &u) && u.uid == 1000 && u.gid == 1001 && strcmp(u.home, "/home/me") == 0);
    EXPECT(strcmp(u.shell, "/bin/bash") == 0);
    EXPECT(!passwd_line(few, &u) && !passwd_line(bad, &u) && !passwd_line(highest, &u));
}

static void relative_paths(void) {
    struct user u;
    char relative[] = "me:x:1000:1001::home/me:bin/sh\n", none[] = "me:x:1000:1001:::\n";
    EXPECT(passwd_line(relative, &u) && strcmp(u.home, "/") == 0 && !*u.shell);
    EXPECT(passwd_line(none, &u) && strcmp(u.home, "/") == 0 && !*u.shell);
}

static const char PASSWD[] = "root:x:0:0:root:/root:/bin/ash\n"
                             "\n"
                             "# not a user\n"
                             "app:x:100:101::/srv/app:/sbin/nologin\n"
                             "1234:x:7:8::/named:/bin/sh\n"
                             "toor:x:0:0::/toor:/bin/sh\n"
                             "last:x:1234:9::/last:";
static const char GROUPS[] = "root:x:0:root\nweb:x:101:\nlog:x:4:app,root\nstaff:x:50:nobody,app\n77:x:78:\n";

static bool is(const char *spec, uid_t uid, gid_t gid, const char *home, int groups) {
    struct user u;
    return user_in(PASSWD, GROUPS, spec, &u) == USER_FOUND && u.uid == uid && u.gid == gid &&
           strcmp(u.home, home) == 0 && u.group_count == groups && u.groups[0] == gid;
}

static void names_and_numbers(void) {
    EXPECT(is(NULL, 0, 0, "/root", 2) && is("", 0, 0, "/root", 2) && is("root", 0, 0, "/root", 2));
    EXPECT(is("app", 100, 101, "/srv/app", 3) && is("100", 100, 101, "/srv/app", 3));
    EXPECT(is("1234", 7, 8, "/named", 1)); /* a name comes before a number */
    EXPECT(is("last", 1234, 9, "/last", 1));
    EXPECT(is("4000", 4000, 0, "/", 1)); /* no line: of group 0, as in a container */
}

static void groups(void) {
    EXPECT(is("app:log", 100, 4, "/srv/app", 1) && is("100:4", 100, 4, "/srv/app", 1));
    EXPECT(is("app:77", 100, 78, "/srv/app", 1) && is("app:79", 100, 79, "/srv/app", 1));
    EXPECT(is("4000:4001", 4000, 4001, "/", 1) && is(":log", 0, 4, "/root", 1));
    EXPECT(is("app:", 100, 101, "/srv/app", 3));
}

static void unknown(void) {
    struct user u;
    char name[300];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    EXPECT(user_in(PASSWD, GROUPS, "nobody", &u) == USER_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, "-1", &u) == USER_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, "4294967295", &u) == USER_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, "99999999999999999999", &u) == USER_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, name, &u) == USER_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, "# not a user", &u) == USER_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, "app:nobody", &u) == USER_GROUP_UNKNOWN);
    EXPECT(user_in(PASSWD, GROUPS, "app:log:web", &u) == USER_GROUP_UNKNOWN);
}

/* No passwd at all, one that renames root, and one without an end. */
static void hostile_files(void) {
    static char endless[200000];
    struct user u;
    EXPECT(user_in("", "", NULL, &u) == USER_FOUND && u.uid == 0 && strcmp(u.home, "/root") == 0);
    EXPECT(user_in("", "", "root", &u) == USER_FOUND && u.uid == 0);
    EXPECT(user_in("", "", "5:6", &u) == USER_FOUND && u.uid == 5 && u.gid == 6 && !*u.shell);
    EXPECT(user_in("root:x:1000:1000::/:/bin/sh\n", "", NULL, &u) == USER_FOUND && u.uid == 0);
    memset(endless, ':', sizeof endless - 1);
    EXPECT(user_in(endless, endless, "app", &u) == USER_UNKNOWN);
    EXPECT(user_in(endless, endless, NULL, &u) == USER_FOUND && u.group_count == 1);
}

/* A member list that is longer than any buffer, and more groups than are kept. */
static void many_groups(void) {
    static char text[400000];
    struct user u;
    char *p = stpcpy(text, "long:x:60:");
    for (int i = 0; i < 20000; i++) p = stpcpy(p, "someone,");
    p = stpcpy(p, "app\n");
    EXPECT(user_in(PASSWD, text, "app", &u) == USER_FOUND && u.group_count == 2 && u.groups[1] == 60);
    for (int i = 0; i < 1000; i++) p = stpcpy(p, "g:x:900:app\n");
    EXPECT(user_in(PASSWD, text, "app", &u) == USER_FOUND && u.group_count == GROUPS_MAX_KEPT);
}

void users_tests(void) {
    test("lines of passwd", passwd);
    test("homes and shells that are no absolute paths", relative_paths);
    test("users by name and number", names_and_numbers);
    test("users with a group", groups);
    test("users and groups that are not there", unknown);
    test("a passwd that is not there, and hostile ones", hostile_files);
    test("long and many groups", many_groups);
}

/* Files and directories of an image that are not what they should be. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../src/directories.h"
#include "../src/files.h"
#include "../src/nodes.h"
#include "../src/text.h"
#include "check.h"

static char root[] = "/tmp/agent-test-XXXXXX";
static char path_of[3][200];

/* A path in the directory of the test; good until the third next call. */
static const char *at(const char *name) {
    static int next;
    next = (next + 1) % 3;
    snprintf(path_of[next], sizeof path_of[next], "%s/%s", root, name);
    return path_of[next];
}

static void write_to(const char *name, const char *text) {
    FILE *file = fopen(at(name), "w");
    EXPECT(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static mode_t mode_of(const char *name) {
    struct stat st;
    return lstat(at(name), &st) == 0 ? st.st_mode : 0;
}

static void texts(void) {
    struct stat st;
    write_to("text", "a\nb");
    char *text = read_text(at("text"));
    EXPECT(text && strcmp(text, "a\nb") == 0);
    free(text);
    EXPECT(mkfifo(at("fifo"), 0644) == 0 && !read_text(at("fifo")));
    EXPECT(!read_text(at("none")) && !read_text(root) && !read_text("/dev/zero"));
    EXPECT(symlink("loop", at("loop")) == 0 && !read_text(at("loop")));
    write_to("large", "");
    EXPECT(truncate(at("large"), 1LL << 40) == 0 || stat(at("large"), &st) == 0);
    text = read_text(at("large"));
    EXPECT(text && !*text);
    free(text);
}

static void own(void) {
    EXPECT(mkdir(at("target"), 0700) == 0 && symlink("target", at("link")) == 0);
    write_to("file", "content");
    own_directory(at("new"));
    own_directory(at("target"));
    own_directory(at("link"));
    own_directory(at("file"));
    EXPECT(S_ISDIR(mode_of("new")) && mode_of("target") == (S_IFDIR | 0700));
    EXPECT(S_ISDIR(mode_of("link")) && S_ISLNK(mode_of("link.image")));
    EXPECT(S_ISDIR(mode_of("file")) && S_ISREG(mode_of("file.image")));
    /* Not even the place beside it is free. */
    EXPECT(mkdir(at("full.image"), 0755) == 0);
    write_to("full", "");
    own_directory(at("full"));
    EXPECT(S_ISDIR(mode_of("full")));
}

static void parents(void) {
    make_parents(at("p/q/r"));
    EXPECT(mode_of("p/q") == (S_IFDIR | 0755) && mode_of("p/q/r") == 0);
    make_parents(at("file.image/x/y")); /* below a file: nothing, and no end of the program */
}

static void copies(void) {
    int count = 0;
    EXPECT(mkdir(at("from"), 0755) == 0 && mkdir(at("to"), 0755) == 0);
    EXPECT(mkdir(at("from/web"), 0755) == 0 && chmod(at("from/web"), 01770) == 0);
    EXPECT(mkdir(at("from/web/sub"), 0700) == 0 && symlink("/", at("from/link")) == 0);
    write_to("from/pid", "1");
    make_parents(at("from/1/2/3/4/5/6/7/8/9/10/11/x"));
    copy_directories(at("from"), at("to"));
    EXPECT(mode_of("to/web") == (S_IFDIR | 01770) && mode_of("to/web/sub") == (S_IFDIR | 0700));
    EXPECT(mode_of("to/link") == 0 && mode_of("to/pid") == 0);
    EXPECT(S_ISDIR(mode_of("to/1/2/3/4/5/6/7/8/9")) && mode_of("to/1/2/3/4/5/6/7/8/9/10") == 0);

    EXPECT(mkdir(at("wide"), 0755) == 0 && mkdir(at("few"), 0755) == 0);
    for (int i = 0; i < 1100; i++) {
        char name[40];
        snprintf(name, sizeof name, "wide/%d", i);
        EXPECT(mkdir(at(name), 0755) == 0);
    }
    copy_directories(at("wide"), at("few"));
    for (int i = 0; i < 1100; i++) {
        char name[40];
        snprintf(name, sizeof name, "few/%d", i);
        count += S_ISDIR(mode_of(name));
    }
    EXPECT(count == 1000);
    copy_directories(at("none"), at("to"));
    copy_directories(at("from/link"), at("few"));
}

/* Whether it is a file with this text, and no link any more. */
static bool is_file_with(const char *name, const char *text) {
    char *now = read_text(at(name));
    bool same = now && strcmp(now, text) == 0 && S_ISREG(mode_of(name));
    free(now);
    return same;
}

static int entries_in(const char *name) {
    DIR *directory = opendir(at(name));
    int count = 0;
    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

static void replaced(void) {
    struct file_owner owner = {0640, getuid(), getgid()};
    EXPECT(mkdir(at("etc"), 0755) == 0 && mkdir(at("etc/dir"), 0755) == 0);
    EXPECT(symlink("/nowhere", at("etc/link")) == 0);
    write_to("etc/old", "a text of before, which is longer");
    static const char *const names[] = {"etc/new", "etc/old", "etc/link"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        EXPECT(replace_file(at(names[i]), &owner, "now", 3) == 0 && is_file_with(names[i], "now"));
        EXPECT((mode_of(names[i]) & 07777) == 0640);
    }
    EXPECT(replace_file(at("etc/dir"), &owner, "now", 3) < 0 && S_ISDIR(mode_of("etc/dir")));
    /* Two of every directory, the four of ours. */
    EXPECT(entries_in("etc") == 6);
}

static void written_over(void) {
    struct file_owner owner = {0640, getuid(), getgid()};
    static char large[4097];
    struct stat before, after;
    EXPECT(mkdir(at("over"), 0755) == 0 && mkdir(at("over/dir"), 0755) == 0);
    EXPECT(symlink("file", at("over/link")) == 0 && mkfifo(at("over/fifo"), 0600) == 0);
    write_to("over/file", "a text of before, which is longer");
    EXPECT(stat(at("over/file"), &before) == 0);
    EXPECT(write_over(at("over/file"), &owner, "now", 3) == 0 && is_file_with("over/file", "now"));
    EXPECT(write_over(at("over/file"), &owner, "then again", 10) == 0 && is_file_with("over/file", "then again"));
    EXPECT(stat(at("over/file"), &after) == 0 && after.st_ino == before.st_ino && (after.st_mode & 07777) == 0640);

    owner.mode = 04750;
    EXPECT(write_over(at("over/file"), &owner, "now", 3) == 0 && (mode_of("over/file") & 07777) == 04750);
    /* A file that is another user's loses the bit as it is given away. */
    EXPECT(getuid() != 0 || (chown(at("over/file"), 1, 1) == 0 && chmod(at("over/file"), 04750) == 0));
    EXPECT(write_over(at("over/file"), &owner, "then again", 10) == 0 && (mode_of("over/file") & 07777) == 04750);

    EXPECT(write_over(at("over/file"), &owner, large, sizeof large) < 0 && is_file_with("over/file", "then again"));
    write_to("over/two", "of two names");
    EXPECT(link(at("over/two"), at("over/names")) == 0);
    static const char *const others[] = {"over/none", "over/link", "over/dir", "over/fifo", "over/two"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        EXPECT(write_over(at(others[i]), &owner, "now", 3) < 0);
    EXPECT(is_file_with("over/file", "then again") && is_file_with("over/names", "of two names"));
    EXPECT(truncate(at("over/file"), sizeof large) == 0 && write_over(at("over/file"), &owner, "now", 3) < 0);
}

static void nodes(void) {
    struct stat st;
    if (getuid() != 0) return; /* nobody else may make one */
    EXPECT(mkdir(at("dev"), 0755) == 0);
    write_to("dev/there", "");
    write_to("devname", "# a comment c1:1\n\nnull a c1:3\ntun net/tun c10:200\ndisk b b7:0\nx ../out c1:3\nx /out c1:3\n"
                        "x y d1:2\nx there c1:3\nx c1:3\nshort");
    make_nodes(at("devname"), at("dev"));
    EXPECT(stat(at("dev/a"), &st) == 0 && st.st_mode == (S_IFCHR | 0600) && st.st_rdev == makedev(1, 3));
    EXPECT(mode_of("dev/net/tun") == (S_IFCHR | 0666) && mode_of("dev/b") == (S_IFBLK | 0600));
    EXPECT(S_ISREG(mode_of("dev/there")) && !mode_of("out") && entries_in("dev") == 6);
    make_nodes(at("none"), at("dev"));
    EXPECT(entries_in("dev") == 6);
}

static void remove_all(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", root);
    EXPECT(system(command) == 0);
}

void image_files_tests(void) {
    if (!mkdtemp(root)) exit(1);
    test("texts that are no files, or have no end", texts);
    test("directories in the place of links and files", own);
    test("parents", parents);
    test("directories are copied", copies);
    test("files are replaced", replaced);
    test("a small file is written over", written_over);
    test("nodes of drivers that are not there yet", nodes);
    remove_all();
}

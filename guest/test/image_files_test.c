/* Files and directories of an image that are not what they should be. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/directories.h"
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
    remove_all();
}

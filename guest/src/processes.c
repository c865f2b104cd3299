#include "processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool stat_line(const char *line, char *state, pid_t *session) {
    const char *p = strrchr(line, ')'); /* the name before it may hold anything */
    int parent, group, sid;
    if (!p || sscanf(p + 1, " %c %d %d %d", state, &parent, &group, &sid) != 4) return false;
    *session = sid;
    return true;
}

/* Sends `number` (0: none) to each process of a session; gives how many there are. */
static int each_process(pid_t id, int number) {
    int count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[300], line[512], state;
        pid_t session, pid = atoi(e->d_name);
        if (pid <= 0) continue;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ssize_t n = read(fd, line, sizeof line - 1);
        close(fd);
        line[n > 0 ? n : 0] = 0;
        if (!stat_line(line, &state, &session) || session != id || state == 'Z') continue;
        count++;
        if (number) kill(pid, number);
    }
    if (dir) closedir(dir);
    return count;
}

void session_kill(pid_t id) { each_process(id, SIGKILL); }

bool session_exists(pid_t id) { return each_process(id, 0) > 0; }

bool process_runs(const char *name) {
    bool found = false;
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        char path[300], text[32];
        if (atoi(e->d_name) <= 0) continue;
        snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (fd >= 0) close(fd);
        text[n > 0 ? n : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        found = strcmp(text, name) == 0;
    }
    if (dir) closedir(dir);
    return found;
}

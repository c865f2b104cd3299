#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

#define ORDER "/modules/order"

/* Calls `each` with the path of every file in the order. */
static void each_module(void (*each)(const char *path, const char *name)) {
    char name[200], path[256];
    FILE *order = fopen(ORDER, "re");
    if (!order) return log_errno(ORDER);
    while (fgets(name, sizeof name, order)) {
        name[strcspn(name, "\r\n")] = 0;
        if (!*name || strchr(name, '/')) continue;
        snprintf(path, sizeof path, "/modules/%s", name);
        each(path, name);
    }
    fclose(order);
}

static void load(const char *path, const char *name) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return log_line("module %s: %s", name, strerror(errno));
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
        log_line("module %s: %s", name, strerror(errno));
    close(fd);
}

static void delete (const char *path, const char *name) {
    (void)name;
    unlink(path);
}

void modules_load(void) { each_module(load); }

void modules_delete(void) {
    each_module(delete);
    unlink(ORDER);
    rmdir("/modules");
}

#include "nodes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "directories.h"
#include "log.h"

/* Those that everybody may open, by udev's rules: what is done with one needs rights of its own. */
static bool for_everybody(const char *name) { return strcmp(name, "fuse") == 0 || strcmp(name, "net/tun") == 0; }

static void make_node(const char *path, mode_t mode, dev_t device) {
    make_parents(path);
    /* The mode of a node is cut by the umask. */
    if (mknod(path, mode, device) == 0 && chmod(path, mode & 07777) == 0) return;
    if (errno != EEXIST) log_errno(path);
}

void make_nodes(const char *list, const char *dev) {
    char line[256], name[64], path[128], type;
    unsigned major, minor;
    FILE *file = fopen(list, "re");
    if (!file) return; /* a kernel that has everything built in */
    while (fgets(line, sizeof line, file)) {
        /* The module, the node, its type and numbers; a comment begins with a hash. */
        if (*line == '#' || sscanf(line, "%*s %63s %c%u:%u", name, &type, &major, &minor) != 4) continue;
        if (*name == '/' || strstr(name, "..") || (type != 'c' && type != 'b')) continue;
        snprintf(path, sizeof path, "%s/%s", dev, name);
        make_node(path, (type == 'c' ? S_IFCHR : S_IFBLK) | (for_everybody(name) ? 0666 : 0600),
                  makedev(major, minor));
    }
    fclose(file);
}

#include "text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What people write is far shorter, and a sparse file of a terabyte must not hold up a boot. */
#define TEXT_MAX (1024 * 1024)
#define PIECE 16384

int open_plain(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))) return fd;
    close(fd);
    return -1;
}

char *read_text(const char *path) {
    int fd = open_plain(path);
    char *text = fd < 0 ? NULL : malloc(1);
    size_t size = 0;
    for (ssize_t n = 1; text && n > 0 && size < TEXT_MAX;) {
        char *larger = realloc(text, size + PIECE + 1);
        n = larger ? read(fd, larger + size, PIECE) : -1;
        if (larger) text = larger;
        if (n > 0) size += (size_t)n;
    }
    if (text) text[size] = 0;
    if (fd >= 0) close(fd);
    return text;
}

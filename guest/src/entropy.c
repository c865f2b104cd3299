#include "entropy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "request.h"

int add_entropy(struct slice seed) {
    struct {
        struct rand_pool_info head;
        uint8_t bytes[ENTROPY_MAX];
    } pool = {.head = {.entropy_count = (int)seed.size * 8, .buf_size = (int)seed.size}};
    memcpy(pool.bytes, seed.data, seed.size);
    int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int done = ioctl(fd, RNDADDENTROPY, &pool.head);
    if (done == 0) done = ioctl(fd, RNDRESEEDCRNG);
    int code = errno;
    close(fd);
    explicit_bzero(&pool, sizeof pool);
    errno = code;
    return done;
}

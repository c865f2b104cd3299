/* A guest for tests: a TAP device in this network namespace, whose frames go to netguard as QEMU's would.

   usage: tap-bridge INTERFACE SOCKET
   Makes the TAP device INTERFACE, listens at SOCKET, prints "ready", and copies the frames of the first who comes until
   either side ends. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

#define PREFIX 4

static uint8_t buffer[PREFIX + STREAM_FRAME_MAX];

static int open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR);

    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0 ? fd : -1;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

static int from_tap(int tap, int stream)
{
    ssize_t length = read(tap, buffer + PREFIX, STREAM_FRAME_MAX);

    if (length <= 0)
        return 0;
    put32(buffer, (uint32_t)length);
    return send(stream, buffer, PREFIX + (size_t)length, MSG_NOSIGNAL) == PREFIX + length;
}

static int from_stream(int stream, int tap)
{
    uint32_t length;

    if (recv(stream, buffer, PREFIX, MSG_WAITALL) != PREFIX)
        return 0;
    length = be32(buffer);
    if (length > STREAM_FRAME_MAX || recv(stream, buffer, length, MSG_WAITALL) != (ssize_t)length)
        return 0;
    /* A TAP device that is down refuses frames, as a guest's does before it is configured. */
    return write(tap, buffer, length) >= 0 || 1;
}

int main(int argc, char **argv)
{
    int tap = argc == 3 ? open_tap(argv[1]) : -1;
    int listener = tap >= 0 ? listen_at(argv[2]) : -1;
    struct pollfd fds[2] = {{.fd = tap, .events = POLLIN}, {.events = POLLIN}};
    int stream;

    if (listener < 0) {
        perror("tap-bridge");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    fds[1].fd = stream = accept(listener, NULL, NULL);
    while (poll(fds, 2, -1) > 0) {
        if (fds[0].revents != 0 && !from_tap(tap, stream))
            break;
        if (fds[1].revents != 0 && !from_stream(stream, tap))
            break;
    }
    return 0;
}

/* As much of systemd as an agent beside it meets: says that it is up, reaps, and powers off when it is told to. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* SIGRTMIN+4 as glibc counts. */
#define POWER_OFF (34 + 4)

static void notify(void) {
    static const char said[] = "READY=1";
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (!path || strlen(path) >= sizeof address.sun_path) _exit(1);
    strcpy(address.sun_path, path);
    if (sendto(fd, said, strlen(said), 0, (struct sockaddr *)&address, sizeof address) < 0) _exit(1);
    close(fd);
}

int main(void) {
    sigset_t waited;
    sigemptyset(&waited);
    sigaddset(&waited, SIGCHLD);
    sigaddset(&waited, POWER_OFF);
    sigprocmask(SIG_BLOCK, &waited, NULL);
    if (getpid() != 1) return 1;
    notify();
    for (;;) {
        int number = sigwaitinfo(&waited, NULL);
        while (waitpid(-1, NULL, WNOHANG) > 0) continue;
        if (number != POWER_OFF) continue;
        sync();
        reboot(RB_POWER_OFF);
    }
}

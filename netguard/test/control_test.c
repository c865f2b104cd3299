#include "control.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static struct control control = {.peer = -1};
static struct sockaddr_un address = {.sun_family = AF_UNIX};
/* The kernel names an abstract socket itself: unix(7), autobind. */
static socklen_t address_length = sizeof(sa_family_t);

/* Serves whatever has come, as the frame loop does; true when the guest reaches the outside after it. */
static bool serve(bool outbound)
{
    struct pollfd fds[2] = {{.fd = control.listener, .events = POLLIN}, {.fd = control.peer, .events = POLLIN}};

    while (poll(fds, 2, 0) > 0) {
        control_serve(&control, fds[0].revents, fds[1].revents, &outbound);
        fds[1].fd = control.peer;
    }
    return outbound;
}

static int dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK(connect(fd, (struct sockaddr *)&address, address_length) == 0);
    return fd;
}

/* Says a word; `*answered` gets whether it came back, and nothing but it. */
static bool say_word(const char *word, bool outbound, bool *answered)
{
    char answer[32] = "";
    int fd = dial();
    bool after;

    CHECK(write(fd, word, strlen(word)) == (ssize_t)strlen(word));
    after = serve(outbound);
    *answered = read(fd, answer, sizeof answer - 1) > 0 && strcmp(answer, word) == 0;
    CHECK(control.peer == -1);
    close(fd);
    return after;
}

static void check_words(void)
{
    bool answered;

    CHECK(!say_word("closed\n", true, &answered) && answered);
    CHECK(!say_word("closed\n", false, &answered) && answered);
    CHECK(say_word("open\n", false, &answered) && answered);
    CHECK(!say_word("opened\n", false, &answered) && !answered);
    CHECK(say_word("close", true, &answered) && !answered);
    CHECK(!say_word("open\nclosed\n and more than it takes", false, &answered) && !answered);
}

static void check_the_silent(void)
{
    bool answered;
    int first = dial(), second;

    CHECK(serve(true) && control.peer >= 0);
    second = dial();
    CHECK(serve(true));
    CHECK(read(first, &answered, 1) == 0); /* hung up on */
    close(second);
    CHECK(serve(true) && control.peer == -1);
    CHECK(!say_word("closed\n", true, &answered) && answered);
    close(first);
}

int main(void)
{
    control.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(control.listener, (struct sockaddr *)&address, address_length) == 0 && listen(control.listener, 1) == 0);
    address_length = sizeof address;
    CHECK(getsockname(control.listener, (struct sockaddr *)&address, &address_length) == 0);
    check_words();
    check_the_silent();
    return finish("control");
}

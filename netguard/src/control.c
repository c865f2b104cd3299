#include "control.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void hang_up(struct control *control)
{
    if (control->peer >= 0)
        close(control->peer);
    control->peer = -1;
}

static void listen_to(struct control *control, bool *outbound)
{
    char word[16];
    ssize_t length = recv(control->peer, word, sizeof word, MSG_DONTWAIT);
    bool open = length == sizeof WORD_OPEN - 1 && memcmp(word, WORD_OPEN, sizeof WORD_OPEN - 1) == 0;
    bool closed = length == sizeof WORD_CLOSED - 1 && memcmp(word, WORD_CLOSED, sizeof WORD_CLOSED - 1) == 0;

    if (open || closed) {
        *outbound = open;
        send(control->peer, word, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    hang_up(control);
}

void control_serve(struct control *control, short listener_events, short peer_events, bool *outbound)
{
    if (peer_events != 0)
        listen_to(control, outbound);
    if (listener_events != 0) {
        hang_up(control);
        control->peer = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
    }
}

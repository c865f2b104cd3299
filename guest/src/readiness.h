/* When the image's services are up. */
#ifndef READINESS_H
#define READINESS_H

#include <stdbool.h>

/* Opens the socket on which systemd, told by NOTIFY_SOCKET, says that its start is over. Before systemd starts. */
void readiness_prepare(void);
#define READINESS_SOCKET "/run/banger/notify"

/* From the loop: raises `init-ready` or `init-failed` once it is known. */
void readiness_watch(bool systemd);

#endif

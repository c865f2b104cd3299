/* The processes of a session, by /proc. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

/* SIGKILL for every process whose session is `id`. */
void session_kill(pid_t id);
/* Whether any process of that session is left, zombies excepted. */
bool session_exists(pid_t id);

/* Whether a process with this name (its first 15 bytes) runs. */
bool process_runs(const char *name);

/* The session in a line of /proc/PID/stat and the state's letter; false when it is none. */
bool stat_line(const char *line, char *state, pid_t *session);

#endif

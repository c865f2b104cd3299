/* Messages for the VM's console (standard error where the agent is hosted). Each is one line. */
#ifndef LOG_H
#define LOG_H

/* Where lines go; never blocks for longer than the console does. */
void log_open(int fd);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `what` and the text of errno. */
void log_errno(const char *what);

/*
 * The machine cannot go on: says why in one line that starts with `banger-agent: fatal:`, then powers off (hosted: exits).
 * A power-off before the first hello is how the host knows at once, and it works with no module loaded.
 */
void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* `fatal` with the text of errno. */
void die(const char *what) __attribute__((noreturn));

#endif

#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#define LINE_MAX_SIZE 512 /* a console line longer than this helps nobody */

static int console = STDERR_FILENO;

void log_open(int fd) { console = fd; }

static void write_line(const char *prefix, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void write_line(const char *prefix, const char *format, va_list args) {
    char line[LINE_MAX_SIZE];
    int start = snprintf(line, sizeof line, "%s", prefix);
    int n = vsnprintf(line + start, sizeof line - (size_t)start - 2, format, args);
    size_t end = (size_t)start + (n < 0 ? 0 : (size_t)n);
    if (end > sizeof line - 3) end = sizeof line - 3;
    for (size_t i = 0; i < end; i++) /* what a guest's program may have named must not steer a terminal */
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) line[i] = '?';
    line[end] = '\n';
    if (write(console, line, end + 1) < 0) return; /* nowhere left to say so */
}

void log_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line("banger-agent: ", format, args);
    va_end(args);
}

void log_errno(const char *what) { log_line("%s: %s", what, strerror(errno)); }

static void end(void) __attribute__((noreturn));
static void end(void) {
#ifdef HOSTED
    _exit(1);
#else
    tcdrain(console);
    sync();
    reboot(RB_POWER_OFF);
    for (;;) pause();
#endif
}

void fatal(const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line("banger-agent: fatal: ", format, args);
    va_end(args);
    end();
}

void die(const char *what) { fatal("%s: %s", what, strerror(errno)); }

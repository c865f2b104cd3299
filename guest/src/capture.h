/* Running a command of the image and looking at what it printed. */
#ifndef CAPTURE_H
#define CAPTURE_H

/* Runs it beside the loop, as root, in the cgroup of commands; one at a time. `done` gets its standard output, or "" when it did not run. */
void capture(const char *const argv[], void (*done)(char *output));

#endif

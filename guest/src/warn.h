/* What `configure` could not do but does not make the machine useless. Only inside its child process. */
#ifndef WARN_H
#define WARN_H

void configure_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

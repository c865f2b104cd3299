/* An image with systemd: what it must be told, in /run alone, so that it does not wait for things this machine has not got. */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this path, links followed, is systemd. */
bool systemd_is(const char *init);

/* Writes the runtime units. Before systemd starts. */
void systemd_prepare(void);

/* The name of a unit for a path: /boot/efi is boot-efi (systemd.unit(5), string escaping for names). False when it does not fit. */
bool systemd_unit_name(const char *path, const char *suffix, char *out, size_t capacity);

#endif

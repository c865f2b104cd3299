#include "fstab.h"

#include <stdio.h>
#include <string.h>

/* \040 and the like, in place. */
static void unescape(char *text) {
    char *out = text;
    while (*text) {
        bool octal = text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
                     text[2] <= '7' && text[3] >= '0' && text[3] <= '7';
        if (octal) {
            *out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = 0;
}

bool fstab_line(const char *line, struct fstab_entry *out) {
    line += strspn(line, " \t");
    if (*line == '#' || sscanf(line, "%255s %511s %31s", out->source, out->target, out->type) != 3)
        return false;
    unescape(out->source);
    unescape(out->target);
    return true;
}

bool fstab_needs_device(const struct fstab_entry *e) {
    static const char *const tags[] = {"/dev/", "LABEL=", "UUID=", "PARTLABEL=", "PARTUUID=", "ID="};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (strncmp(e->source, tags[i], strlen(tags[i])) == 0) return true;
    return false;
}

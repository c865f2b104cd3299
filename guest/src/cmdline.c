#include "cmdline.h"

#include <string.h>

static bool take(const char *word, size_t size, const char *name, char *out, size_t capacity, bool *well) {
    size_t n = strlen(name);
    if (size < n || strncmp(word, name, n) != 0) return false;
    if (size == n || size - n >= capacity) {
        *well = false;
        return true;
    }
    memcpy(out, word + n, size - n);
    out[size - n] = 0;
    return true;
}

bool cmdline_parse(const char *text, struct cmdline *out) {
    bool well = true;
    *out = (struct cmdline){.init = "agent", .root = "root"};
    while (*text) {
        text += strspn(text, " \t\n");
        size_t size = strcspn(text, " \t\n");
        if (!take(text, size, "banger.init=", out->init, sizeof out->init, &well) &&
            !take(text, size, "banger.root=", out->root, sizeof out->root, &well) &&
            !take(text, size, "banger.modules=", out->modules, sizeof out->modules, &well))
            take(text, size, "banger.work=", out->work, sizeof out->work, &well);
        text += size;
    }
    return well && (out->init[0] == '/' || strcmp(out->init, "agent") == 0);
}

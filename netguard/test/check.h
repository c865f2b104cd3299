/* The smallest test harness: CHECK counts, finish() tells and gives the exit code. */
#ifndef NETGUARD_CHECK_H
#define NETGUARD_CHECK_H

#include <stdio.h>

static unsigned checks_passed, checks_failed;

#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (condition) {                                                                                             \
            checks_passed++;                                                                                         \
        } else {                                                                                                     \
            checks_failed++;                                                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                  \
        }                                                                                                            \
    } while (0)

static inline int finish(const char *name)
{
    printf("%s: %u passed, %u failed\n", name, checks_passed, checks_failed);
    return checks_failed == 0 && checks_passed > 0 ? 0 : 1;
}

#endif

/* What the unit tests share: one program, each test a function, the first failure of each told with its line. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>

extern int failures;

#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            failures++;                                                                                      \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                         \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

void handshake_tests(void);
void message_tests(void);
void request_tests(void);
void yamux_tests(void);
void text_tests(void);
void tree_tests(void);
void users_tests(void);
void image_files_tests(void);

/* Runs one test and counts it. */
void test(const char *name, void (*run)(void));

#endif

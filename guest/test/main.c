#include "check.h"

#include <fcntl.h>

#include "../src/agent.h"
#include "../src/log.h"

struct agent agent = {.init = "agent", .root = "", .cgroup = -1};

int failures;
static int count;

void test(const char *name, void (*run)(void)) {
    int before = failures;
    count++;
    run();
    if (failures > before) fprintf(stderr, "FAILED: %s\n", name);
}

int main(void) {
    log_open(open("/dev/null", O_WRONLY)); /* sessions that are made to fail say so */
    handshake_tests();
    message_tests();
    request_tests();
    yamux_tests();
    text_tests();
    tree_tests();
    users_tests();
    image_files_tests();
    printf("agent: %d passed, %d failed\n", count - failures, failures);
    return failures > 0;
}

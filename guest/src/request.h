/* Decoders of requests: from a payload to a struct, with every length checked. Pure but for the memory they say they take. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include "message.h"

#define VARS_MAX 8192 /* variables of one command: each is looked for among those before it */
#define PATH_SIZE 4096
#define NAME_SIZE 256

/* `exec`. `argv` and `env` end with NULL; all strings live in `memory`, which request_exec_free frees. */
struct exec_request {
    char **argv, **env;
    char *cwd, *user, *term; /* NULL: absent */
    bool tty, login, plain, make_cwd;
    uint16_t rows, columns;
    void *memory;
};

/* Each gives NULL, or what is wrong for a person to read. */
const char *decode_exec(struct slice payload, struct exec_request *out);
void request_exec_free(struct exec_request *r);

struct signal_request {
    uint32_t session;
    int number;
};
const char *decode_signal(struct slice payload, struct signal_request *out);

struct resize_request {
    uint32_t session;
    uint16_t rows, columns;
};
const char *decode_resize(struct slice payload, struct resize_request *out);

enum dial_kind { DIAL_TCP = 1, DIAL_UDP = 2, DIAL_UNIX = 3 };
struct dial_request {
    enum dial_kind kind;
    char host[PATH_SIZE];
    uint16_t port;
};
const char *decode_dial(struct slice payload, struct dial_request *out);

struct file_request {
    char path[PATH_SIZE];
    uint32_t mode, uid, gid;
};
/* `put`, `get` and the head of a file in `configure`. `content` may be NULL where none is expected. */
const char *decode_file(struct slice payload, struct file_request *out, struct slice *content);

struct pack_request {
    char path[PATH_SIZE];
    bool follow; /* a link that the path itself is */
};
const char *decode_pack(struct slice payload, struct pack_request *out);

struct unpack_request {
    char path[PATH_SIZE];
    char name[NAME_SIZE]; /* below `path` when that is a directory; empty: what is in the tree goes there */
    bool into;            /* `path` must be a directory */
};
const char *decode_unpack(struct slice payload, struct unpack_request *out);

enum shutdown_how { SHUTDOWN_POWER_OFF = 1, SHUTDOWN_REBOOT = 2, SHUTDOWN_AT_ONCE = 3 };
const char *decode_shutdown(struct slice payload, enum shutdown_how *out);

#define ENTROPY_MIN 32
#define ENTROPY_MAX 512

struct address {
    bool given;
    uint8_t ip[16], gateway[16];
    uint8_t prefix;
};

/* `configure`. The slices point into the payload. Lists (dns, hosts, file, env) are walked with configure_next. */
struct configure_request {
    struct slice payload;
    char hostname[65];
    uint64_t time; /* 0: absent */
    struct slice entropy;
    char machine_id[33];
    bool has_mac;
    uint8_t mac[6];
    struct address ipv4, ipv6;
    bool grow;
    uint32_t mtu;
    bool has_dns;
};
enum { CONFIGURE_DNS = 0x08, CONFIGURE_HOSTS = 0x09, CONFIGURE_FILE = 0x0a, CONFIGURE_ENV = 0x0b };
const char *decode_configure(struct slice payload, struct configure_request *out);
/* The next value of the list with `tag`; starts with *rest = payload. */
bool configure_next(struct slice *rest, uint16_t tag, struct slice *value);

#endif

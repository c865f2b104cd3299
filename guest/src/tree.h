/* Records of a tree stream (PROTOCOL.md, "tree streams"): files, directories and links, in the order of a walk. Pure. */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <time.h>

#include "bytes.h"

#define RECORD_HEAD 5     /* kind, length */
#define RECORD_DATA 65536 /* bytes in a `data` record */
#define TREE_DEPTH 256    /* directories in each other: each is an open descriptor on both sides */
#define TREE_NAME 255     /* NAME_MAX of Linux */
#define TREE_TARGET 4095  /* PATH_MAX of Linux, without the NUL */
#define TREE_TEXT 512     /* a reason in a `skip` record */
/* A record that is not `data`: the numbers of an entry, a name, a target. */
#define RECORD_MAX (26 + TREE_NAME + TREE_TARGET)

enum record_kind {
    RECORD_DIRECTORY = 1,
    RECORD_FILE = 2,
    RECORD_LINK = 3,
    RECORD_CONTENT = 4,
    RECORD_END = 5,
    RECORD_SKIP = 6,
};

/* Why something is not in the tree. */
enum skip_reason { SKIP_SPECIAL = 1, SKIP_UNREADABLE = 2 };

struct tree_entry {
    uint32_t mode; /* permission bits alone */
    struct timespec mtime;
    uint64_t size;                /* what the sender expects; the content may be more or less */
    char name[TREE_NAME + 1];     /* empty for the root of the tree */
    char target[TREE_TARGET + 1]; /* of a link */
};

/* What a tree is made into. Calls come in an order that makes a tree: the parser sees to that. */
struct tree_sink {
    void (*directory)(void *self, const struct tree_entry *e); /* then what is in it, then end_directory */
    void (*end_directory)(void *self);
    void (*file)(void *self, const struct tree_entry *e); /* then its content, then end_file */
    void (*content)(void *self, const uint8_t *data, size_t size);
    void (*end_file)(void *self, bool whole); /* not whole: the sender could not read on */
    void (*link)(void *self, const struct tree_entry *e);
};

/* All zero before the first byte. */
struct tree_parser {
    uint8_t head[RECORD_HEAD];
    uint8_t head_size;
    bool in_body, in_file;
    bool over; /* the root has ended: nothing may follow */
    uint32_t left;
    unsigned depth;
    size_t body_size;
    uint8_t body[RECORD_MAX];
};

/* Takes the next bytes of a stream, and gives NULL or what is wrong with them. */
const char *tree_feed(struct tree_parser *p, const uint8_t *data, size_t size, const struct tree_sink *sink,
                      void *self);

/* Writes a record's head. */
void record_head(uint8_t *p, enum record_kind kind, size_t size);
/* Write a record, head included, that has room for RECORD_HEAD + RECORD_MAX bytes; give its size. */
size_t entry_record(uint8_t *p, enum record_kind kind, const struct tree_entry *e);
size_t skip_record(uint8_t *p, enum skip_reason reason, const char *name, const char *text);

#endif

#include "tree.h"

#include <string.h>

#define ENTRY_NUMBERS 26 /* mode, mtime's seconds and nanoseconds, size, length of the name */
#define SKIP_NUMBERS 3   /* reason, length of the name */
#define BILLION 1000000000u

/* One component of a path that names something below a directory, and nothing else. */
static bool is_component(struct slice name) {
    if (name.size == 0 || name.size > TREE_NAME) return false;
    if (name.data[0] == '.' && (name.size == 1 || (name.size == 2 && name.data[1] == '.'))) return false;
    return !memchr(name.data, '/', name.size) && !memchr(name.data, 0, name.size);
}

static void keep(char *out, struct slice text) {
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
}

static const char *read_entry(struct slice body, bool is_link, bool is_root, struct tree_entry *e) {
    if (body.size < ENTRY_NUMBERS) return "an entry that is too short";
    const uint8_t *p = body.data;
    size_t name_size = read_u16(p + 24), rest = body.size - ENTRY_NUMBERS;
    if (name_size > rest) return "a name that is cut off";
    struct slice name = {p + ENTRY_NUMBERS, name_size},
                 target = {p + ENTRY_NUMBERS + name_size, rest - name_size};
    e->mode = read_u32(p);
    e->mtime.tv_sec = (time_t)read_u64(p + 4);
    uint32_t nanoseconds = read_u32(p + 12);
    e->mtime.tv_nsec = (long)nanoseconds;
    e->size = read_u64(p + 16);
    if (e->mode > 0777) return "a mode that is more than permissions";
    if (nanoseconds >= BILLION) return "a time that cannot be";
    if (is_root ? name.size > 0 : !is_component(name)) return "a name that cannot be";
    if (!is_link && target.size > 0) return "a target of what is no link";
    if (is_link && (target.size == 0 || target.size > TREE_TARGET || memchr(target.data, 0, target.size)))
        return "a target that cannot be";
    keep(e->name, name);
    keep(e->target, target);
    return NULL;
}

/* What was left out matters to people; here it is only looked at. */
static const char *check_skip(struct slice body) {
    if (body.size < SKIP_NUMBERS || body.data[0] < SKIP_SPECIAL || body.data[0] > SKIP_UNREADABLE)
        return "a skip that cannot be";
    size_t name_size = read_u16(body.data + 1), rest = body.size - SKIP_NUMBERS;
    if (name_size > TREE_NAME || name_size > rest || rest - name_size > TREE_TEXT)
        return "a skip that cannot be";
    return NULL;
}

static const char *take_end(struct tree_parser *p, bool whole, const struct tree_sink *sink, void *self) {
    if (p->in_file) {
        p->in_file = false;
        p->over = p->depth == 0;
        sink->end_file(self, whole);
        return NULL;
    }
    if (p->depth == 0) return "an end of nothing";
    p->over = --p->depth == 0;
    sink->end_directory(self);
    return NULL;
}

static const char *take_entry(struct tree_parser *p, enum record_kind kind, struct slice body,
                              const struct tree_sink *sink, void *self) {
    struct tree_entry e;
    if (p->in_file) return "an entry within a file";
    const char *wrong = read_entry(body, kind == RECORD_LINK, p->depth == 0, &e);
    if (wrong) return wrong;
    if (kind == RECORD_LINK) {
        p->over = p->depth == 0;
        sink->link(self, &e);
    } else if (kind == RECORD_FILE) {
        p->in_file = true;
        sink->file(self, &e);
    } else {
        if (p->depth == TREE_DEPTH) return "too many directories in each other";
        p->depth++;
        sink->directory(self, &e);
    }
    return NULL;
}

/* A whole record, but for content, which is not gathered. */
static const char *take_record(struct tree_parser *p, const struct tree_sink *sink, void *self) {
    struct slice body = {p->body, p->body_size};
    p->in_body = false;
    switch (p->head[0]) {
    case RECORD_END:
        return take_end(p, true, sink, self);
    case RECORD_SKIP: {
        const char *wrong = check_skip(body);
        if (wrong || !p->in_file) return wrong ? wrong : p->depth == 0 ? "a skip of nothing" : NULL;
        return take_end(p, false, sink, self);
    }
    default:
        return take_entry(p, p->head[0], body, sink, self);
    }
}

/* A record's head is complete. */
static const char *begin_record(struct tree_parser *p) {
    uint8_t kind = p->head[0];
    p->head_size = 0;
    p->body_size = 0;
    p->left = read_u32(p->head + 1);
    p->in_body = true;
    if (p->over) return "more than one tree";
    if (kind < RECORD_DIRECTORY || kind > RECORD_SKIP) return "a record of an unknown kind";
    if (kind == RECORD_CONTENT) {
        if (!p->in_file) return "content of no file";
        return p->left > 0 && p->left <= RECORD_DATA ? NULL : "content of a size that cannot be";
    }
    if (kind == RECORD_END && p->left > 0) return "an end that says more";
    return p->left <= RECORD_MAX ? NULL : "a record over the limit";
}

const char *tree_feed(struct tree_parser *p, const uint8_t *data, size_t size, const struct tree_sink *sink,
                      void *self) {
    const char *wrong = NULL;
    for (size_t i = 0; i < size && !wrong;) {
        if (!p->in_body) {
            p->head[p->head_size++] = data[i++];
            if (p->head_size == RECORD_HEAD) wrong = begin_record(p);
        } else {
            size_t n = size - i < p->left ? size - i : p->left;
            if (p->head[0] == RECORD_CONTENT) {
                sink->content(self, data + i, n);
            } else {
                memcpy(p->body + p->body_size, data + i, n);
                p->body_size += n;
            }
            p->left -= (uint32_t)n;
            i += n;
        }
        if (wrong || !p->in_body || p->left > 0) continue;
        if (p->head[0] == RECORD_CONTENT)
            p->in_body = false;
        else
            wrong = take_record(p, sink, self);
    }
    return wrong;
}

void record_head(uint8_t *p, enum record_kind kind, size_t size) {
    p[0] = (uint8_t)kind;
    write_u32(p + 1, (uint32_t)size);
}

size_t entry_record(uint8_t *p, enum record_kind kind, const struct tree_entry *e) {
    size_t name = strlen(e->name), target = kind == RECORD_LINK ? strlen(e->target) : 0,
           size = ENTRY_NUMBERS + name + target;
    record_head(p, kind, size);
    p += RECORD_HEAD;
    write_u32(p, e->mode & 0777);
    write_u64(p + 4, (uint64_t)e->mtime.tv_sec);
    write_u32(p + 12, (uint32_t)e->mtime.tv_nsec);
    write_u64(p + 16, e->size);
    write_u16(p + 24, (uint16_t)name);
    memcpy(p + ENTRY_NUMBERS, e->name, name);
    memcpy(p + ENTRY_NUMBERS + name, e->target, target);
    return RECORD_HEAD + size;
}

size_t skip_record(uint8_t *p, enum skip_reason reason, const char *name, const char *text) {
    size_t name_size = strlen(name), text_size = strnlen(text, TREE_TEXT);
    record_head(p, RECORD_SKIP, SKIP_NUMBERS + name_size + text_size);
    p += RECORD_HEAD;
    p[0] = (uint8_t)reason;
    write_u16(p + 1, (uint16_t)name_size);
    memcpy(p + SKIP_NUMBERS, name, name_size);
    memcpy(p + SKIP_NUMBERS + name_size, text, text_size);
    return RECORD_HEAD + SKIP_NUMBERS + name_size + text_size;
}

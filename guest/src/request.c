#include "request.h"

#include <stdlib.h>
#include <string.h>

#define MALFORMED "a malformed field"

/* Runs `each` for every field until one says what is wrong. */
static const char *each_field(struct slice payload, const char *(*each)(void *self, const struct field *f),
                              void *self) {
    struct field f;
    int more;
    while ((more = field_next(&payload, &f)) > 0) {
        const char *wrong = each(self, &f);
        if (wrong) return wrong;
    }
    return more < 0 ? MALFORMED : NULL;
}

static bool u16_field(const struct field *f, uint16_t *out) {
    uint64_t n;
    if (!field_integer(f->value, UINT16_MAX, &n)) return false;
    *out = (uint16_t)n;
    return true;
}

static bool u32_field(const struct field *f, uint32_t *out) {
    uint64_t n;
    if (!field_integer(f->value, UINT32_MAX, &n)) return false;
    *out = (uint32_t)n;
    return true;
}

/* --- exec --- */

struct exec_decoder {
    struct exec_request *out;
    size_t args, vars;
    char *text; /* where the next string goes */
};

/* Copies a string behind the others. An argument may be empty, a name may not. */
static char *keep(struct exec_decoder *d, struct slice value) {
    if (value.size > 0 && memchr(value.data, 0, value.size)) return NULL;
    char *start = d->text;
    memcpy(start, value.data, value.size);
    start[value.size] = 0;
    d->text += value.size + 1;
    return start;
}

/* NAME=value, the value anything without a NUL. */
static bool is_variable(struct slice v) {
    return v.size >= 2 && v.data[0] != '=' && memchr(v.data, '=', v.size) && !memchr(v.data, 0, v.size);
}

static const char *exec_tty_field(void *self, const struct field *f) {
    struct exec_decoder *d = self;
    if (f->tag == 0x01) return u16_field(f, &d->out->rows) ? NULL : "rows";
    if (f->tag == 0x02) return u16_field(f, &d->out->columns) ? NULL : "columns";
    if (f->tag == 0x03 && !(d->out->term = keep(d, f->value))) return "TERM holds a NUL";
    return NULL;
}

static const char *exec_field(void *self, const struct field *f) {
    struct exec_decoder *d = self;
    struct exec_request *out = d->out;
    switch (f->tag) {
    case 0x01:
        if (!(out->argv[d->args++] = keep(d, f->value))) return "an argument holds a NUL";
        return NULL;
    case 0x02:
        if (!is_variable(f->value)) return "a variable is NAME=value";
        out->env[d->vars++] = keep(d, f->value);
        return NULL;
    case 0x03:
        return (out->cwd = keep(d, f->value)) ? NULL : "the directory holds a NUL";
    case 0x04:
        return (out->user = keep(d, f->value)) ? NULL : "the user holds a NUL";
    case 0x05:
        out->tty = true;
        return each_field(f->value, exec_tty_field, d);
    case 0x06:
        out->login = true;
        return NULL;
    case 0x07:
        out->make_cwd = true;
        return NULL;
    case 0x08:
        out->plain = true;
    }
    return NULL;
}

/* Fields with a tag; -1 when malformed. */
static int count_fields(struct slice payload, uint16_t tag) {
    struct field f;
    int count = 0, more;
    while ((more = field_next(&payload, &f)) > 0) count += f.tag == tag;
    return more < 0 ? -1 : count;
}

const char *decode_exec(struct slice payload, struct exec_request *out) {
    *out = (struct exec_request){0};
    int args = count_fields(payload, 0x01), vars = count_fields(payload, 0x02);
    if (args < 0) return MALFORMED;
    if (vars > VARS_MAX) return "too many variables";
    /* Every string stands behind a head of six bytes, so its final NUL always fits in the size of the payload. */
    size_t pointers = ((size_t)args + (size_t)vars + 2) * sizeof(char *);
    out->memory = calloc(1, pointers + payload.size + 1);
    if (!out->memory) return "out of memory";
    out->argv = out->memory;
    out->env = out->argv + args + 1;
    struct exec_decoder d = {.out = out, .text = (char *)out->memory + pointers};
    const char *wrong = each_field(payload, exec_field, &d);
    if (!wrong && args == 0 && !out->login) wrong = "no command";
    if (!wrong && args > 0 && out->login) wrong = "a login takes no command";
    if (!wrong && args > 0 && !*out->argv[0]) wrong = "the command is empty";
    if (wrong) request_exec_free(out);
    return wrong;
}

void request_exec_free(struct exec_request *r) {
    free(r->memory);
    *r = (struct exec_request){0};
}

/* --- signal, resize --- */

static const char *signal_field(void *self, const struct field *f) {
    struct signal_request *out = self;
    uint64_t n;
    if (f->tag == 0x01) return u32_field(f, &out->session) ? NULL : "session";
    if (f->tag == 0x02) {
        if (!field_integer(f->value, 64, &n) || n == 0) return "no such signal";
        out->number = (int)n;
    }
    return NULL;
}

const char *decode_signal(struct slice payload, struct signal_request *out) {
    *out = (struct signal_request){0};
    const char *wrong = each_field(payload, signal_field, out);
    return wrong ? wrong : out->session && out->number ? NULL : "session or signal is missing";
}

static const char *resize_field(void *self, const struct field *f) {
    struct resize_request *out = self;
    if (f->tag == 0x01) return u32_field(f, &out->session) ? NULL : "session";
    if (f->tag == 0x02) return u16_field(f, &out->rows) ? NULL : "rows";
    if (f->tag == 0x03) return u16_field(f, &out->columns) ? NULL : "columns";
    return NULL;
}

const char *decode_resize(struct slice payload, struct resize_request *out) {
    *out = (struct resize_request){0};
    const char *wrong = each_field(payload, resize_field, out);
    return wrong ? wrong : out->session ? NULL : "session is missing";
}

/* --- dial --- */

static const char *dial_field(void *self, const struct field *f) {
    struct dial_request *out = self;
    uint64_t n;
    if (f->tag == 0x01) {
        if (!field_integer(f->value, DIAL_UNIX, &n) || n == 0) return "no such kind";
        out->kind = (enum dial_kind)n;
    }
    if (f->tag == 0x02) return field_text(f->value, out->host, sizeof out->host) ? NULL : "host";
    if (f->tag == 0x03) return u16_field(f, &out->port) ? NULL : "port";
    return NULL;
}

const char *decode_dial(struct slice payload, struct dial_request *out) {
    *out = (struct dial_request){0};
    const char *wrong = each_field(payload, dial_field, out);
    if (wrong) return wrong;
    if (!out->kind || !*out->host) return "kind or host is missing";
    return out->kind == DIAL_UNIX || out->port ? NULL : "port is missing";
}

/* --- files --- */

static bool absolute_path(struct slice value, char out[PATH_SIZE]) {
    return field_text(value, out, PATH_SIZE) && out[0] == '/';
}

struct file_decoder {
    struct file_request *out;
    struct slice *content;
};

static const char *file_field(void *self, const struct field *f) {
    struct file_decoder *d = self;
    switch (f->tag) {
    case 0x01:
        return absolute_path(f->value, d->out->path) ? NULL : "path";
    case 0x02:
        return u32_field(f, &d->out->mode) && d->out->mode <= 07777 ? NULL : "mode";
    case 0x03:
        return u32_field(f, &d->out->uid) ? NULL : "uid";
    case 0x04:
        return u32_field(f, &d->out->gid) ? NULL : "gid";
    case 0x05:
        if (d->content) *d->content = f->value;
    }
    return NULL;
}

const char *decode_file(struct slice payload, struct file_request *out, struct slice *content) {
    *out = (struct file_request){.mode = 0644};
    struct file_decoder d = {.out = out, .content = content};
    const char *wrong = each_field(payload, file_field, &d);
    return wrong ? wrong : *out->path ? NULL : "path is missing";
}

static const char *pack_field(void *self, const struct field *f) {
    struct pack_request *out = self;
    if (f->tag == 0x01) return absolute_path(f->value, out->path) ? NULL : "path";
    if (f->tag == 0x02) out->follow = true;
    return NULL;
}

const char *decode_pack(struct slice payload, struct pack_request *out) {
    *out = (struct pack_request){0};
    const char *wrong = each_field(payload, pack_field, out);
    return wrong ? wrong : *out->path ? NULL : "path is missing";
}

static const char *unpack_field(void *self, const struct field *f) {
    struct unpack_request *out = self;
    if (f->tag == 0x01) return absolute_path(f->value, out->path) ? NULL : "path";
    if (f->tag == 0x02) {
        bool fits = field_text(f->value, out->name, sizeof out->name) && !strchr(out->name, '/');
        return fits && strcmp(out->name, ".") != 0 && strcmp(out->name, "..") != 0 ? NULL : "name";
    }
    if (f->tag == 0x03) out->into = true;
    return NULL;
}

const char *decode_unpack(struct slice payload, struct unpack_request *out) {
    *out = (struct unpack_request){0};
    const char *wrong = each_field(payload, unpack_field, out);
    return wrong ? wrong : *out->path ? NULL : "path is missing";
}

/* --- shutdown --- */

static const char *shutdown_field(void *self, const struct field *f) {
    uint64_t n;
    if (f->tag != 0x01) return NULL;
    if (!field_integer(f->value, SHUTDOWN_AT_ONCE, &n) || n == 0) return "no such way to end";
    *(enum shutdown_how *)self = (enum shutdown_how)n;
    return NULL;
}

const char *decode_shutdown(struct slice payload, enum shutdown_how *out) {
    *out = SHUTDOWN_POWER_OFF;
    return each_field(payload, shutdown_field, out);
}

/* --- configure --- */

/* RFC 1123: letters, digits and hyphens between dots; Linux takes 64 bytes. */
static bool is_hostname(const char *name) {
    for (const char *p = name; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        bool inner = (*p == '-' || *p == '.') && p > name && p[1];
        if (!plain && !inner) return false;
    }
    return *name;
}

static bool is_machine_id(const char *id) { return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32; }

static const char *address_field(struct slice value, size_t size, struct address *out) {
    if (value.size != 2 * size + 1 || value.data[size] > 8 * size) return "address";
    *out = (struct address){.given = true, .prefix = value.data[size]};
    memcpy(out->ip, value.data, size);
    memcpy(out->gateway, value.data + size + 1, size);
    return NULL;
}

/* One line of a file under /etc: no control characters, so that it stays one. */
static bool is_line(struct slice value, size_t max) {
    if (value.size == 0 || value.size > max) return false;
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f) return false;
    return true;
}

static const char *check_file(struct slice value) {
    struct file_request file;
    return decode_file(value, &file, NULL);
}

static const char *configure_field(void *self, const struct field *f) {
    struct configure_request *out = self;
    switch (f->tag) {
    case 0x01:
        return field_text(f->value, out->hostname, sizeof out->hostname) && is_hostname(out->hostname)
                   ? NULL
                   : "hostname";
    case 0x02:
        return field_integer(f->value, UINT64_MAX, &out->time) ? NULL : "time";
    case 0x03:
        out->entropy = f->value;
        return f->value.size >= ENTROPY_MIN && f->value.size <= ENTROPY_MAX ? NULL : "entropy";
    case 0x04:
        return field_text(f->value, out->machine_id, sizeof out->machine_id) && is_machine_id(out->machine_id)
                   ? NULL
                   : "machine-id";
    case 0x05:
        if (f->value.size != 6) return "mac";
        out->has_mac = true;
        memcpy(out->mac, f->value.data, 6);
        return NULL;
    case 0x06:
        return address_field(f->value, 4, &out->ipv4);
    case 0x07:
        return address_field(f->value, 16, &out->ipv6);
    case CONFIGURE_DNS:
        out->has_dns = true;
        return is_line(f->value, 64) ? NULL : "dns";
    case CONFIGURE_HOSTS:
        return is_line(f->value, 1024) ? NULL : "hosts";
    case CONFIGURE_FILE:
        return check_file(f->value);
    case CONFIGURE_ENV:
        return is_variable(f->value) ? NULL : "env";
    case 0x0c:
        out->grow = true;
        return NULL;
    case 0x0d:
        return u32_field(f, &out->mtu) ? NULL : "mtu";
    }
    return NULL;
}

const char *decode_configure(struct slice payload, struct configure_request *out) {
    *out = (struct configure_request){.payload = payload};
    return each_field(payload, configure_field, out);
}

bool configure_next(struct slice *rest, uint16_t tag, struct slice *value) {
    struct field f;
    while (field_next(rest, &f) > 0) {
        if (f.tag != tag) continue;
        *value = f.value;
        return true;
    }
    return false;
}

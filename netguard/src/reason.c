#include "reason.h"

const struct reason_row reasons[REASON_COUNT] = {
#define X(id, name, treatment, text) [id] = {name, treatment, text},
    NETGUARD_REASONS(X)
#undef X
};

/* The filter: what becomes of a frame from the guest. Pure: it reads the frame, the network and the host's routes. */
#ifndef NETGUARD_VERDICT_H
#define NETGUARD_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "guard.h"
#include "reason.h"

/* PASS: hand it to passt. ANSWER_*: netguard answers as the gateway. Anything else: refused, for that reason. */
enum reason verdict(const uint8_t *frame, size_t length, const struct guard *guard, route_lookup lookup, void *context);

#endif

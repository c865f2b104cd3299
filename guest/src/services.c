/* Which service a request opens. */
#include <string.h>

#include "agent.h"
#include "clock.h"
#include "configure.h"
#include "dial.h"
#include "events.h"
#include "exec.h"
#include "files.h"
#include "pack.h"
#include "ports.h"
#include "power.h"
#include "stats.h"
#include "stream.h"
#include "unpack.h"

static const struct {
    uint16_t type;
    bool always; /* also before the first configure */
    void (*open)(struct stream *s, struct slice payload);
} SERVICES[] = {
    {MSG_CONFIGURE, true, configure_open},   {MSG_EXEC, false, exec_open},
    {MSG_SIGNAL, false, signal_open},        {MSG_RESIZE, false, resize_open},
    {MSG_DIAL, false, dial_open},            {MSG_PUT, false, put_open_stream},
    {MSG_GET, false, get_open_stream},       {MSG_PACK, false, pack_open_stream},
    {MSG_UNPACK, false, unpack_open_stream}, {MSG_PORTS, false, ports_open},
    {MSG_STATS, false, stats_open},          {MSG_SYNC, true, sync_open},
    {MSG_SHUTDOWN, true, shutdown_open},     {MSG_EVENTS, true, events_open},
    {MSG_CLOCK, false, clock_open},
};

void agent_request(struct stream *s, uint16_t type, struct slice payload) {
    for (size_t i = 0; i < sizeof SERVICES / sizeof SERVICES[0]; i++) {
        if (SERVICES[i].type != type) continue;
        if (!agent.configured && !SERVICES[i].always)
            return stream_error(s, REASON_NOT_CONFIGURED, 0, "the machine has not been configured yet");
        return SERVICES[i].open(s, payload);
    }
    stream_error(s, REASON_NOT_SUPPORTED, 0, "unknown request");
}

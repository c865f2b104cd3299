import type { GuestStats, RequestOptions } from './driver.ts';
import { FieldWriter, type FieldReader } from './fields.ts';
import { MessageType } from './message-types.ts';
import { ask, type AgentChannel } from './request.ts';

export const StatsTag = {
  uptime: 0x01,
  cpuTotal: 0x02,
  cpuIdle: 0x03,
  memoryTotal: 0x04,
  memoryAvailable: 0x05,
  fileSystem: 0x06,
  load: 0x07,
  received: 0x08,
  sent: 0x09,
  processes: 0x0a,
} as const;
export const FileSystemTag = { mountPoint: 1, size: 2, free: 3 } as const;

/** Far more file systems than a guest has mounted for a reason. */
const MAX_FILE_SYSTEMS = 256;
const NS_PER_MS = 1_000_000n;
const MS_PER_SECOND = 1000;
const LOAD_UNIT = 1000;

/** Figures of the guest's kernel, as it claims (guest/PROTOCOL.md, stats). */
export function stats(channel: AgentChannel, options: RequestOptions): Promise<GuestStats> {
  return ask(
    channel,
    {
      ...options,
      type: MessageType.stats,
      fields: new FieldWriter(),
      name: 'stats',
      what: 'tell its figures',
    },
    readStats,
  );
}

function readStats(fields: FieldReader): GuestStats {
  const number = (tag: number, name: string): number => fields.required(fields.number(tag), name);
  const uptime = fields.required(fields.integer(StatsTag.uptime), 'the uptime');
  return {
    uptimeSeconds: Number(uptime / NS_PER_MS) / MS_PER_SECOND,
    cpu: {
      totalTicks: number(StatsTag.cpuTotal, 'CPU ticks'),
      idleTicks: number(StatsTag.cpuIdle, 'idle ticks'),
    },
    memory: {
      total: number(StatsTag.memoryTotal, 'the memory'),
      available: number(StatsTag.memoryAvailable, 'the available memory'),
    },
    fileSystems: fields.nested(StatsTag.fileSystem, MAX_FILE_SYSTEMS).map((fileSystem) => ({
      mountPoint: fileSystem.required(fileSystem.text(FileSystemTag.mountPoint), 'a mount point'),
      size: fileSystem.required(fileSystem.number(FileSystemTag.size), 'a size'),
      free: fileSystem.required(fileSystem.number(FileSystemTag.free), 'free space'),
    })),
    load: number(StatsTag.load, 'the load') / LOAD_UNIT,
    network: {
      received: number(StatsTag.received, 'received bytes'),
      sent: number(StatsTag.sent, 'sent bytes'),
    },
    processes: number(StatsTag.processes, 'the processes'),
  };
}

import { z } from 'zod';
import { vmRefSchema } from './vm.ts';

/** More questions than tell anything, and still over within a second or two. */
const MAX_PINGS = 1000;

export const vmPingSchema = z.strictObject({
  vm: vmRefSchema,
  /** How often to ask, one after another. */
  count: z.int().min(1).max(MAX_PINGS),
});
/** What the agent took to answer each time, in milliseconds. */
export const vmPingedSchema = z.object({ roundTripsMs: z.array(z.number()) });
export type VmPinged = z.infer<typeof vmPingedSchema>;

/** A disk of a VM as the host sees it. */
const diskUseSchema = z.object({
  disk: z.enum(['root', 'work']),
  /** Bytes that it really takes on the host. */
  usedBytes: z.int(),
  /** What the VM may write there. */
  sizeBytes: z.int(),
  /** How full it is, 1 being full: by what it takes on the host or by what the guest says, whichever is more. */
  full: z.number(),
  nearlyFull: z.boolean(),
});

/** What the host knows of a running VM by itself. */
const hostStatsSchema = z.object({
  /** Time of a CPU that the VMM took: 1 is one CPU of the host at work all the time. */
  cpus: z.number(),
  /** Memory of the host that the VMM has. */
  residentBytes: z.int(),
  disks: z.array(diskUseSchema),
});

/** What the guest says of itself: claims, of which nothing can be relied upon. */
const guestStatsSchema = z.object({
  /** Time of its own CPUs that was not idle: 1 is one CPU at work all the time. */
  cpus: z.number(),
  memory: z.object({ totalBytes: z.int(), usedBytes: z.int() }),
  fileSystems: z.array(z.object({ mountPoint: z.string(), sizeBytes: z.int(), freeBytes: z.int() })),
  /** Bytes since its boot. */
  network: z.object({ receivedBytes: z.int(), sentBytes: z.int() }),
  processes: z.int(),
  /** Load average of the last minute. */
  load: z.number(),
  uptimeSeconds: z.number(),
});

/** Figures of a running VM. */
export const vmStatsSchema = z.object({
  id: z.string(),
  name: z.string(),
  host: hostStatsSchema,
  /** Absent when the agent does not answer; `guestReason` then says why. */
  guest: guestStatsSchema.optional(),
  guestReason: z.string(),
});
export type VmStats = z.infer<typeof vmStatsSchema>;

export const vmPortsSchema = z.strictObject({
  vm: vmRefSchema,
  /** Connect to each TCP port to find out whether it speaks HTTP. */
  probe: z.boolean(),
});

/** Something that a program in the guest listens on, as the guest claims. */
export const vmPortSchema = z.object({
  /** As `box.vm:8080`. */
  endpoint: z.string(),
  protocol: z.enum(['tcp', 'udp']),
  port: z.int(),
  /** What it speaks: `http` where it answered so, `https` where it answered as TLS does, else the protocol. */
  service: z.enum(['http', 'https', 'tcp', 'udp']),
  /** Addresses in the guest that it listens on. */
  addresses: z.array(z.string()),
  /** Absent when the guest does not know it. */
  pid: z.int().optional(),
  program: z.string().optional(),
});
export type VmPort = z.infer<typeof vmPortSchema>;

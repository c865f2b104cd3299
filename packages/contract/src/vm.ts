import { z } from 'zod';
import { originSchema } from './origin.ts';

/** A VM's name (DNS label), its id, or an unambiguous prefix of either. */
export const vmRefSchema = z.string().min(1).max(63);

/** What a VM is made of; every value resolved, sizes in bytes unless the name says MiB. */
export const vmSpecSchema = z.strictObject({
  /** DNS label, 1-63 of a-z 0-9 -, no hyphen at either end. */
  name: z.string(),
  image: z.string(),
  kernel: z.string(),
  vcpu: z.int(),
  memoryMib: z.int(),
  /** Size of the work disk, mounted at `/root`. */
  diskBytes: z.int(),
  /** What the VM may use of its root disk. */
  rootBytes: z.int(),
  /** `user`: a NIC behind a user-mode network. `none`: no NIC. */
  network: z.enum(['user', 'none']),
  /** Whether the guest reaches the outside; false with `--no-nat` or network `none`. */
  outbound: z.boolean(),
  /** `NAME=value`, the default environment of commands. */
  env: z.array(z.string()),
});
export type VmSpec = z.infer<typeof vmSpecSchema>;

/** The same, as wished by a user: what is absent gets its default. */
export const vmWishSchema = vmSpecSchema.partial();
export type VmWish = z.infer<typeof vmWishSchema>;

/** The states of a VM (design of the life cycle: `docs/architecture.md`). */
export const vmStateSchema = z.enum([
  'creating',
  'stopped',
  'starting',
  'running',
  'paused',
  'stopping',
  'error',
]);
export type VmState = z.infer<typeof vmStateSchema>;

/** Something that would have to be fetched before the VM can be made. */
const planActionSchema = z.object({
  action: z.enum(['image.pull', 'kernel.pull']),
  name: z.string(),
  source: z.string(),
});

/** The plan of a VM: the resolved spec, where each value came from, and what must be fetched or written first. */
export const vmPlanSchema = z.object({
  spec: vmSpecSchema,
  origins: z.record(z.string(), originSchema),
  fetches: z.array(planActionSchema),
  /** Files and directories that making the VM would write. */
  writes: z.array(z.string()),
  /** The VMM and how it runs, as `qemu (tcg)`; */
  vmm: z.string(),
});
export type VmPlan = z.infer<typeof vmPlanSchema>;

/** One step of the last create, start or stop, or of what is at work on the VM now, for `vm show` and the log. */
export const vmStepSchema = z.object({
  name: z.string(),
  /** Until now, of one that is under way. */
  ms: z.number(),
  outcome: z.enum(['done', 'failed', 'running']),
});
export type VmStep = z.infer<typeof vmStepSchema>;

/** What is seen of a running VM; absent when nothing runs. */
const vmRuntimeSchema = z.object({
  pid: z.int(),
  vmm: z.string(),
  accel: z.enum(['kvm', 'tcg', 'fake']),
  startedAt: z.string(),
  bootId: z.string(),
  /** The agent answers. */
  agent: z.enum(['ready', 'silent']),
  agentSince: z.string(),
  /** Why it is silent, with the last lines of the console; empty when it answers. */
  agentReason: z.string(),
  /** The image's own services; `ready` at once where the agent is PID 1. */
  init: z.enum(['pending', 'ready', 'failed']),
  initDetail: z.string(),
  ipv4: z.string().optional(),
  ipv6: z.string().optional(),
});

/** A VM as clients see it. Times are ISO 8601 in UTC. */
export const vmViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: vmStateSchema,
  /** The step at which a failed call stopped; empty when there is none. */
  phase: z.string(),
  /** Why the VM is in this state, for a person; empty when that needs no words. */
  reason: z.string(),
  hint: z.string(),
  stateSince: z.string(),
  createdAt: z.string(),
  /** When somebody last did something with it; now, while a session or stream of it is open. */
  lastUsedAt: z.string(),
  spec: vmSpecSchema,
  /** Bytes really used on the host by its disks. */
  diskUsedBytes: z.int(),
  steps: z.array(vmStepSchema),
  warnings: z.array(z.string()),
  runtime: vmRuntimeSchema.optional(),
  /** Deleted by itself when the client that made it goes. */
  ephemeral: z.boolean(),
  /** Delete, reset and prune refuse it. */
  protected: z.boolean(),
});
export type VmView = z.infer<typeof vmViewSchema>;

export const vmCreateSchema = z.strictObject({
  spec: vmSpecSchema,
  start: z.boolean(),
  /** Tie the VM to this connection: once it has been up, it is deleted when the connection closes. */
  ephemeral: z.boolean(),
  /** Also wait for the image's own services, not only for the agent. */
  waitInit: z.boolean(),
});

/** A call on one VM. */
export const vmCallSchema = z.strictObject({ vm: vmRefSchema });
export const vmStartSchema = z.strictObject({
  vm: vmRefSchema,
  waitInit: z.boolean(),
});
export const vmStopSchema = z.strictObject({
  vm: vmRefSchema,
  /** Do not ask the guest; its unwritten data is lost. */ force: z.boolean(),
});
export const vmKillSchema = z.strictObject({
  vm: vmRefSchema,
  /** As `SIGTERM`; sent to the VMM. */ signal: z.string(),
});
/** What of a VM can be changed; what is absent stays. Sizes grow only. */
export const vmChangeSchema = vmSpecSchema
  .pick({ vcpu: true, memoryMib: true, diskBytes: true, rootBytes: true, network: true, outbound: true })
  .partial();
export type VmSpecChange = z.infer<typeof vmChangeSchema>;
export const vmSetSchema = z.strictObject({ vm: vmRefSchema, change: vmChangeSchema });
export const vmProtectSchema = z.strictObject({
  vm: vmRefSchema,
  /** False: it may be deleted again. */ protected: z.boolean(),
});
export const vmDeletedSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** What could not be removed; empty when all is gone. */ leftOver: z.array(z.string()),
});

/** The console of a VM, as a byte stream. */
export const vmLogsSchema = z.strictObject({
  vm: vmRefSchema,
  follow: z.boolean(),
  /** Last lines only; all when absent. */ lines: z.int().nonnegative().optional(),
});

import { z } from 'zod';
import { operationViewSchema } from './operation.ts';
import { vmStateSchema } from './vm.ts';

const time = z.string();
const { method, on, client, detached, error } = operationViewSchema.shape;
/** Id of an operation. */
const operation = z.string();
const vm = { id: z.string(), vm: z.string() };

/** What changed, one JSON object a line; `time` is ISO 8601 in UTC. */
export const eventSchema = z.union([
  /** The first event: how things stand. What changes from then on follows. */
  z.object({
    event: z.literal('snapshot'),
    time,
    vms: z.array(z.object({ ...vm, state: vmStateSchema })),
    operations: z.array(z.object({ operation, method, on })),
  }),
  /** The reader did not keep up: so many events are missing at this place. */
  z.object({ event: z.literal('dropped'), time, count: z.int() }),
  z.object({ event: z.literal('vm.made'), time, ...vm, state: vmStateSchema }),
  /** `from` and `to` are the same where only the reason changed. */
  z.object({
    event: z.literal('vm.state'),
    time,
    ...vm,
    from: vmStateSchema,
    to: vmStateSchema,
    phase: z.string(),
    reason: z.string(),
  }),
  /** What it is to be was changed: its settings, or whether it is protected. */
  z.object({ event: z.literal('vm.changed'), time, ...vm }),
  /** The agent of a VM that runs fell silent, for that reason, or answers again. */
  z.object({
    event: z.literal('vm.agent'),
    time,
    ...vm,
    agent: z.enum(['ready', 'silent']),
    reason: z.string(),
  }),
  /**
   * A program in a VM began to listen, or does so no more, as far as the guest tells; looked for every two seconds. Of what listened before
   * this stream began nothing is told (`vm.ports` has it), nor when a VM ends.
   */
  z.object({
    event: z.enum(['port.opened', 'port.closed']),
    time,
    ...vm,
    endpoint: z.string(),
    protocol: z.enum(['tcp', 'udp']),
    port: z.int(),
    program: z.string().optional(),
  }),
  z.object({ event: z.literal('vm.deleted'), time, ...vm }),
  z.object({ event: z.literal('operation.begun'), time, operation, method, on, client, detached }),
  z.object({
    event: z.literal('operation.ended'),
    time,
    operation,
    method,
    on,
    state: z.enum(['done', 'failed', 'cancelled']),
    /** How long it took. */
    ms: z.number(),
    error,
  }),
  z.object({ event: z.enum(['image.added', 'image.replaced', 'image.removed']), time, image: z.string() }),
  z.object({
    event: z.enum(['kernel.added', 'kernel.replaced', 'kernel.removed']),
    time,
    kernel: z.string(),
  }),
]);
export type DaemonEvent = z.infer<typeof eventSchema>;

export const eventsWatchSchema = z.strictObject({
  /** Names or ids: only what happens to these VMs, also to those that are made later. Everything when empty. */
  vms: z.array(z.string().min(1).max(63)),
});

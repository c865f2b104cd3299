import { z } from 'zod';
import { BangerError } from '@banger/contract/error';
import type { VmmEnd, VmmEvent, VmmStatus } from '../driver.ts';
import { AGENT_PORT_ID, serialOf } from './argv.ts';
import type { QmpEvent } from './qmp-messages.ts';

const statusSchema = z.object({ status: z.string() });
const nameSchema = z.object({ name: z.string().optional() });
const guestSchema = z.object({ guest: z.boolean() });
const portSchema = z.object({ id: z.string(), open: z.boolean() });
const diskErrorSchema = z.object({
  device: z.string().default(''),
  'node-name': z.string().default(''),
  operation: z.enum(['read', 'write']),
  nospace: z.boolean().default(false),
  reason: z.string().default(''),
});

/** The run states of QEMU (`qapi/run-state.json`) that are neither running nor just paused. */
const special: Readonly<Record<string, VmmStatus>> = {
  running: 'running',
  'io-error': 'disk-full',
  shutdown: 'powered-off',
  'guest-panicked': 'panicked',
  'internal-error': 'failed',
};

/** What `query-status` said; a state that only stands still (`paused`, `prelaunch`, `suspended`...) is `paused`. */
export function statusOf(answer: unknown): VmmStatus {
  const { status } = checked(statusSchema, answer, 'query-status');
  return special[status] ?? 'paused';
}

/** What `query-name` said; empty when QEMU has none. */
export function guestNameOf(answer: unknown): string {
  return checked(nameSchema, answer, 'query-name').name ?? '';
}

/** The end that a state of the guest leads to; undefined while it goes on. */
export function endOf(status: VmmStatus): VmmEnd | undefined {
  if (status === 'powered-off') return { kind: 'guest-poweroff', detail: '' };
  if (status === 'panicked') return { kind: 'guest-panic', detail: '' };
  if (status === 'failed')
    return { kind: 'vmm-died', detail: 'the CPU could not go on (internal error of the accelerator)' };
  return undefined;
}

/**
 * What an event of QEMU means to a VM: its end, something to tell, a reason to ask for the status (also of an event that
 * has not its documented form), or nothing.
 */
export function meaningOf(
  event: QmpEvent,
): { readonly end: VmmEnd } | { readonly tell: VmmEvent } | 'ask' | undefined {
  switch (event.name) {
    case 'SHUTDOWN':
      return ofGuest(event, { end: { kind: 'guest-poweroff', detail: '' } });
    case 'GUEST_PANICKED':
      return { end: { kind: 'guest-panic', detail: '' } };
    case 'RESET':
      return ofGuest(event, { tell: { kind: 'guest-reboot' } });
    case 'STOP':
      return 'ask';
    case 'RESUME':
      return { tell: { kind: 'resumed' } };
    case 'NETDEV_STREAM_DISCONNECTED':
      return { tell: { kind: 'network-lost' } };
    case 'VSERPORT_CHANGE':
      return portChanged(event);
    case 'BLOCK_IO_ERROR':
      return diskError(event);
    default:
      return undefined;
  }
}

/** The meaning of an event that the guest caused; nothing when the host did. */
function ofGuest<T>(event: QmpEvent, meaning: T): T | 'ask' | undefined {
  const parsed = guestSchema.safeParse(event.data);
  if (!parsed.success) return 'ask';
  return parsed.data.guest ? meaning : undefined;
}

/** The guest has opened or closed its end of a port. */
function portChanged(event: QmpEvent): { readonly tell: VmmEvent } | undefined {
  const parsed = portSchema.safeParse(event.data);
  const gone = parsed.success && parsed.data.id === AGENT_PORT_ID && !parsed.data.open;
  return gone ? { tell: { kind: 'agent-gone' } } : undefined;
}

function diskError(event: QmpEvent): { readonly tell: VmmEvent } | 'ask' {
  const parsed = diskErrorSchema.safeParse(event.data);
  if (!parsed.success) return 'ask';
  const { device, operation, nospace: full, reason } = parsed.data;
  const serial = serialOf(parsed.data['node-name']) ?? device;
  return { tell: { kind: 'disk-error', serial, operation, full, reason } };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BangerError('vmm_failed', `QEMU's "${what}" has not the documented form.`, {
    cause: parsed.error,
  });
}

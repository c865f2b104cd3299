import { z } from 'zod';
import { BangerError } from '@banger/contract/error';

/** First line of a QMP connection (QEMU's `docs/interop/qmp-spec.txt`, 2.2). */
const greetingSchema = z.object({
  QMP: z.object({
    version: z.object({ qemu: z.object({ major: z.int(), minor: z.int(), micro: z.int() }) }),
  }),
});
const replySchema = z.object({ id: z.int(), return: z.unknown() });
const errorSchema = z.object({ id: z.int(), error: z.object({ class: z.string(), desc: z.string() }) });
const eventSchema = z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) });

/** What QEMU sends on its control socket. */
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'reply'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly class: string; readonly description: string }
  | { readonly kind: 'event'; readonly event: QmpEvent };

/** An asynchronous message of QEMU, as `SHUTDOWN`. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Parses one line; throws `vmm_failed` when it is nothing that QMP allows. */
export function parseQmpLine(line: string): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw violation(line, cause);
  }
  const event = eventSchema.safeParse(value);
  if (event.success) return { kind: 'event', event: { name: event.data.event, data: event.data.data } };
  const error = errorSchema.safeParse(value);
  if (error.success) {
    const { id, error: said } = error.data;
    return { kind: 'error', id, class: said.class, description: said.desc };
  }
  const reply = replySchema.safeParse(value);
  if (reply.success && typeof value === 'object' && value !== null && 'return' in value)
    return { kind: 'reply', id: reply.data.id, value: reply.data.return };
  const greeting = greetingSchema.safeParse(value);
  if (greeting.success) {
    const { major, minor, micro } = greeting.data.QMP.version.qemu;
    return { kind: 'greeting', version: `${major}.${minor}.${micro}` };
  }
  throw violation(line);
}

/** Characters of a bad line quoted in an error. */
const QUOTED_CHARACTERS = 80;

function violation(line: string, cause?: unknown): BangerError {
  const quoted = JSON.stringify(line.slice(0, QUOTED_CHARACTERS));
  return new BangerError('vmm_failed', `QEMU sent something that is not its control protocol: ${quoted}.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

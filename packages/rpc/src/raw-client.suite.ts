import { duplexPair, type Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Handler } from './handler.ts';
import { servePeer, type Peer, type PeerOptions } from './server-peer.ts';

/** Stands for the daemon's own mapping of errors. */
export const TEST_ERROR = -32000;

/** A client that speaks bytes, and the peer that it is connected to. */
export interface RawClient {
  readonly peer: Peer;
  readonly stream: Duplex;
  /** Every line received so far, parsed. */
  readonly lines: unknown[];
  /** The peer's `onClose` was called this often. */
  closes(): number;
  send(...messages: unknown[]): void;
  /** Waits until so many lines have come, and returns them all. */
  received(count: number): Promise<unknown[]>;
}

export function rawClient(
  methods: Readonly<Record<string, Handler>>,
  options: Partial<PeerOptions> = {},
): RawClient {
  const [server, stream] = duplexPair();
  let closes = 0;
  const peer = servePeer(server, {
    methods: new Map(Object.entries(methods)),
    mapError: (error) => ({ code: TEST_ERROR, message: (error as Error).message }),
    onClose: () => (closes += 1),
    ...options,
  });
  const lines: unknown[] = [];
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const parts = text.split('\n');
    text = parts.pop() ?? '';
    lines.push(...parts.map((part) => JSON.parse(part) as unknown));
  });
  stream.on('error', () => undefined);
  return {
    peer,
    stream,
    lines,
    closes: () => closes,
    send: (...messages) => void stream.write(messages.map((m) => `${JSON.stringify(m)}\n`).join('')),
    received: async (count) => {
      await until(() => lines.length >= count);
      return lines;
    },
  };
}

/** Waits for what a test expects to become true; the test's own time-out is the deadline. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

export function request(id: unknown, method: string, params?: object): object {
  return { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
}

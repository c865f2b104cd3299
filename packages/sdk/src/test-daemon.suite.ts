import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Build, HelloResult } from '@banger/contract/daemon';
import { toBangerError } from '@banger/contract/error';
import { resolvePaths, type BangerPaths } from '@banger/contract/paths';
import { toRpcError } from '@banger/contract/rpc-error';
import { MAX_FRAME_BYTES, frameKind } from '@banger/contract/stream-frames';
import { FrameDecoder, FrameEncoder, type Frame } from '@banger/rpc/frame-codec';
import type { Handler } from '@banger/rpc/handler';
import { servePeer, type Peer } from '@banger/rpc/server-peer';
import { StreamRegistry } from '@banger/rpc/stream-registry';
import type { ConnectOptions } from './connect.ts';

export const uid: number = process.getuid?.() ?? 0;

export function build(name: string): Build {
  return { version: '0', commit: '', builtAt: '', build: name };
}

/** A home of its own for one test. */
export class TestHome implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), 'banger-sdk-'));
  readonly paths: BangerPaths = resolvePaths({ env: { BANGER_HOME: this.root }, home: '/', uid });

  options(name = 'ours'): ConnectOptions {
    return { paths: this.paths, build: build(name), uid };
  }

  [Symbol.dispose](): void {
    // A process that the test has started may be making a file there.
    rmSync(this.root, { recursive: true, maxRetries: 3 });
  }
}

/** A daemon inside the test: the real transport on a real socket, with the methods that the test gives it. */
export class TestDaemon implements AsyncDisposable {
  readonly streams: StreamRegistry = new StreamRegistry();
  readonly peers = new Set<Peer>();
  readonly #server: Server;
  /** What it says of itself. */
  hello: HelloResult = { protocol: 1, build: build('ours'), pid: process.pid, busy: [] };

  private constructor(methods: Readonly<Record<string, Handler>>) {
    const table = new Map(Object.entries({ 'daemon.hello': () => Promise.resolve(this.hello), ...methods }));
    this.#server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      const peer = servePeer(socket, {
        methods: table,
        mapError: (error) => toRpcError(toBangerError(error), 'operation'),
        streams: this.streams,
        onClose: () => this.peers.delete(peer),
        limits: { closeGraceMs: 20 },
      });
      this.peers.add(peer);
    });
  }

  static async listen(socket: string, methods: Readonly<Record<string, Handler>> = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(methods);
    daemon.#server.listen(socket);
    await once(daemon.#server, 'listening');
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.streams.close();
    this.#server.close();
    await Promise.all([...this.peers].map((peer) => peer.close()));
  }
}

const format = { kinds: new Set<number>(Object.values(frameKind)), maxPayloadBytes: MAX_FRAME_BYTES };

/** The daemon's end of a byte stream, in frames. */
export function framed(stream: Duplex): {
  readonly write: FrameEncoder;
  readonly frames: AsyncIterable<Frame>;
} {
  const write = new FrameEncoder(format);
  write.pipe(stream);
  stream.on('error', () => undefined);
  return { write, frames: stream.pipe(new FrameDecoder(format)) as AsyncIterable<Frame> };
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}
